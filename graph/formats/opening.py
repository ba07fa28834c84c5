"""From a path to a reader: recognise what a shop's files are."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from graph.cleaning import CleaningRules
from graph.errors import BadMapping, UnknownFormat, UnreadableInput
from graph.formats import amazon, ilk_folder, lightgcn, movielens, recbole
from graph.formats.lightgcn import LightGcnShop
from graph.formats.mapped import matching_mapping, read_catalogue, read_mapped, shipped_mappings
from graph.formats.mapping import Mapping, read_mapping
from graph.formats.probe import Probe, data_files, is_stray, probe
from graph.formats.shop_reader import ShopReader
from graph.formats.table_shop import TableShop

FORMATS = ("auto", "ilk", "amazon", "recbole", "lightgcn", "movielens", "table")

_RECOGNISERS: tuple[
    tuple[Callable[[Sequence[Probe]], bool], Callable[[Sequence[Probe]], TableShop | LightGcnShop]], ...
] = (
    (recbole.recognises, recbole.read_recbole),
    (amazon.recognises, amazon.read_amazon),
    (lightgcn.recognises, lightgcn.read_lightgcn),
    (movielens.recognises, movielens.read_movielens),
    (ilk_folder.recognises, ilk_folder.read_ilk),
)


def open_shop(
    path: Path | str,
    format: str = "auto",  # noqa: A002 - the option's name
    mapping: Path | str | None = None,
    rules: CleaningRules | None = None,
) -> ShopReader:
    """Recognise a folder or file and give a reader of it. Nothing is read yet beyond files' beginnings.

    format: one of `FORMATS`. mapping: for `table`, a TOML file or the name of a mapping that Ilk brings.
    rules: how texts are cleaned (None: the shipped rules).
    Raises `UnreadableInput` (path, empty or damaged file), `UnknownFormat` or `BadMapping`, each in one
    line that says what to do.
    """
    if format not in FORMATS:
        raise UnknownFormat(f"no format {format!r}; known: {', '.join(FORMATS)}")
    if format == "table" and mapping is None:
        raise BadMapping("the table format needs a mapping: --mapping FILE")
    if mapping is not None and format not in ("auto", "table"):
        raise BadMapping(f"a mapping goes with the table format, not with {format}")
    tables = None if mapping is None else _mapping(mapping)
    folder = Path(path)
    probes, skipped = _probes(folder)
    shop = _opened(folder, probes, format, tables)
    if rules is not None and isinstance(shop, TableShop):
        shop = replace(shop, rules=rules)
    return replace(shop, notes=[*shop.notes, *skipped]) if skipped else shop


def _opened(
    folder: Path,
    probes: Sequence[Probe],
    format: str,  # noqa: A002 - the option's name
    tables: Mapping | None,
) -> TableShop | LightGcnShop:
    if tables is not None:
        return read_mapped(tables, probes)
    if format == "auto":
        return _recognised(folder, probes)
    readers: dict[str, Callable[[Sequence[Probe]], TableShop | LightGcnShop]] = {
        "ilk": ilk_folder.read_ilk,
        "amazon": amazon.read_amazon,
        "recbole": recbole.read_recbole,
        "lightgcn": lightgcn.read_lightgcn,
        "movielens": movielens.read_movielens,
    }
    return readers[format](probes)


def _probes(folder: Path) -> tuple[list[Probe], list[str]]:
    """Every file's first look, and what was passed over: empty files and what no shop keeps its rows in.

    Any other file that cannot be read is an error, not a gap in the data.
    """
    found, skipped = [], []
    for path, name in data_files(folder):
        try:
            found.append(probe(path, name))
        except UnreadableInput as error:
            if not is_stray(path):
                raise
            skipped.append(error)
    if not found:
        raise skipped[0]
    return found, [f"not read: {error}" for error in skipped]


def _recognised(folder: Path, probes: Sequence[Probe]) -> TableShop | LightGcnShop:
    for recognises, read in _RECOGNISERS:
        if recognises(probes):
            return read(probes)
    found = matching_mapping(probes)
    if found is not None:
        return read_mapped(found, probes)
    if ilk_folder.recognises_spelled(probes) or ilk_folder.recognises_items(probes):
        return ilk_folder.read_ilk(probes)
    catalogue = matching_mapping(probes, items_only=True)
    if catalogue is not None:
        return read_catalogue(catalogue, probes)
    seen = "; ".join(f"{p.name} has {', '.join(p.columns[:12]) or 'no header'}" for p in probes[:4])
    raise UnknownFormat(
        f"{folder}: no known format ({seen:.400}); describe the columns: --format table --mapping FILE"
    )


def _mapping(mapping: Path | str) -> Mapping:
    path = Path(mapping)
    if path.is_file():
        return read_mapping(path)
    shipped = {known.name: known for known in shipped_mappings()}
    if str(mapping) in shipped:
        return shipped[str(mapping)]
    if path.suffix == ".toml" or path.exists():
        raise UnreadableInput(f"{mapping}: no such mapping file")
    raise BadMapping(
        f"no mapping file {mapping} and none of that name; shipped: {', '.join(sorted(shipped))}"
    )
