"""A first look at a file: what kind it is and which columns it has, told from its content."""

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from graph.errors import UnreadableInput
from graph.formats.csv_records import Dialect
from graph.formats.delimited import DelimitedFile, read_header
from graph.formats.json_array import JsonArray, first_members, is_array
from graph.formats.json_lines import Flatten, JsonLines, first_objects, one_row
from graph.formats.parquet_rows import PARQUET_MAGIC, ParquetFile, parquet_columns
from graph.formats.raw_batch import RowSource
from graph.formats.text_stream import open_text

_DELIMITERS = "\t,;|"
_LOOK_LINES = 20
_IGNORED_SUFFIXES = frozenset({".md", ".html", ".pdf", ".png", ".jpg", ".toml", ".py", ".log", ".npy"})
_STRAY_SUFFIXES = frozenset({".zip", ".7z", ".rar", ".tar", ".docx", ".pptx", ".db"})
"""Files that lie beside a shop's tables and are passed over with a note."""


_UNPACK = "unpack it, or compress it with gzip instead"
_NOT_TEXT = (
    (b"PK\x03\x04", "a spreadsheet or zip archive: save the sheet as CSV, or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet: save it as CSV"),
    (b"SQLite f", "a SQLite database: export its tables as CSV"),
    (b"BZh", f"compressed with bzip2: {_UNPACK}"),
    (b"\xfd7zXZ", f"compressed with xz: {_UNPACK}"),
    (b"7z\xbc\xaf", f"a 7z archive: {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"compressed with zstd: {_UNPACK}"),
)
"""First bytes -> what a person should do."""


class Kind(StrEnum):
    """How a file's rows are written."""

    DELIMITED = "delimited"
    OBJECTS = "objects"
    PARQUET = "parquet"
    NUMBERS = "numbers"
    """Lines of ids with spaces between them, without a header."""


@dataclass(frozen=True)
class Probe:
    """What a first look told."""

    path: Path
    name: str
    kind: Kind
    columns: tuple[str, ...]
    """Header, schema, or the keys of the first objects."""
    dialect: Dialect = field(default_factory=Dialect)
    literals: bool = False
    """Objects are Python literals."""
    in_array: bool = False
    """The objects are members of one array."""
    examples: tuple[dict[str, Any], ...] = ()
    """The first objects."""
    flatten: Flatten = one_row
    """Object -> rows, where `source` is not told otherwise."""

    @property
    def stem(self) -> str:
        """The file's name without its endings."""
        return self.path.name.split(".")[0].lower()

    def source(self, columns: tuple[str, ...] | None = None, flatten: Flatten | None = None) -> RowSource:
        """The file as rows. columns: names to use instead of its own. flatten: object -> rows."""
        names = self.columns if columns is None else columns
        flatten = flatten or self.flatten
        if self.kind is Kind.PARQUET:
            return ParquetFile(self.path, self.name, names, flatten)
        if self.in_array:
            return JsonArray(self.path, self.name, names, flatten, self.dialect.encoding)
        if self.kind is Kind.OBJECTS:
            return JsonLines(self.path, self.name, names, flatten, self.literals, self.dialect.encoding)
        return DelimitedFile(self.path, self.name, self.dialect, names)


def data_files(path: Path) -> list[tuple[Path, str]]:
    """(path, name within the folder) of the files that may hold data, by name; a file is itself.

    Raises `UnreadableInput` when there is no such path or no file in it.
    """
    if path.is_file():
        return [(path, path.name)]
    if not path.is_dir():
        raise UnreadableInput(f"{path}: no such file or folder")
    found = sorted(entry for entry in path.iterdir() if entry.is_file() and _is_data(entry))
    if not found:
        raise UnreadableInput(
            f"{path}: the folder holds no data files; a shop is items.* and events.* (.jsonl, .csv or "
            ".parquet), or one of the formats in docs/data.md"
        )
    return [(entry, entry.name) for entry in found]


def is_stray(path: Path) -> bool:
    """Whether a file that cannot be read may be passed over in a folder: it is empty or an archive."""
    return path.suffix.lower() in _STRAY_SUFFIXES or path.stat().st_size == 0


def probe(path: Path, name: str, dialect: Dialect | None = None) -> Probe:
    """Look at a file's beginning. Raises `UnreadableInput` when it is empty, damaged or cannot be opened.

    dialect: what is known already (a mapping says it); otherwise the delimiter is guessed.
    """
    try:
        with path.open("rb") as raw:
            magic = raw.read(8)
    except OSError as error:
        raise UnreadableInput(f"{name}: cannot be opened ({error.strerror})") from error
    packed = next((what for begins, what in _NOT_TEXT if magic.startswith(begins)), None)
    if packed is not None:
        raise UnreadableInput(f"{name}: {packed}")
    if magic[:4] == PARQUET_MAGIC or (path.suffix == ".parquet" and magic):
        return Probe(path, name, Kind.PARQUET, parquet_columns(path, name))
    encoding = "utf-8" if dialect is None else dialect.encoding
    lines = _first_lines(path, name, encoding)
    if is_array("".join(lines)):
        return _probe_array(path, name, Dialect(encoding=encoding))
    if _are_objects(lines) or any(s in (".json", ".jsonl", ".ndjson") for s in path.suffixes):
        return _probe_objects(path, name, Dialect(encoding=encoding))
    if dialect is None and _are_numbers(lines):
        return Probe(path, name, Kind.NUMBERS, ())
    dialect = dialect or Dialect(delimiter=_delimiter(lines))
    return Probe(path, name, Kind.DELIMITED, read_header(path, name, dialect), dialect)


def _are_objects(lines: list[str]) -> bool:
    """Most lines begin like an object (a damaged one may not)."""
    return 2 * sum(line.lstrip().startswith("{") for line in lines) > len(lines)


def _are_numbers(lines: list[str]) -> bool:
    """Most lines are numbers with spaces between them."""
    return 4 * sum(re.fullmatch(r"\d+( \d+)*\s*", line) is not None for line in lines) > 3 * len(lines)


def _is_data(entry: Path) -> bool:
    return not entry.name.startswith((".", "_")) and entry.suffix.lower() not in _IGNORED_SUFFIXES


def _first_lines(path: Path, name: str, encoding: str) -> list[str]:
    with open_text(path, name, encoding) as stream:
        lines = [line[:100_000] for line in islice(stream, _LOOK_LINES)]
        damaged = bool(stream.problems)
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise UnreadableInput(f"{name}: {'a damaged gzip file' if damaged else 'the file is empty'}")
    return lines


def _probe_objects(path: Path, name: str, dialect: Dialect) -> Probe:
    literals = False
    objects = first_objects(path, name, literals=False)
    if not objects:
        literals, objects = True, first_objects(path, name, literals=True)
    keys: dict[str, None] = {}
    for item in objects:
        keys.update(dict.fromkeys(item))
    return Probe(path, name, Kind.OBJECTS, tuple(keys), dialect, literals, examples=tuple(objects))


def _probe_array(path: Path, name: str, dialect: Dialect) -> Probe:
    objects = first_members(path, name)
    keys = dict.fromkeys(key for item in objects for key in item)
    return Probe(path, name, Kind.OBJECTS, tuple(keys), dialect, in_array=True, examples=tuple(objects))


def _delimiter(lines: list[str]) -> str:
    """The delimiter that splits the header into most columns and the rows into as many."""
    best, best_score = ",", -1
    for delimiter in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        except csv.Error:
            continue
        agreeing = Counter(widths)[widths[0]]
        score = agreeing * (widths[0] > 1) * 100 + widths[0]
        if score > best_score:
            best, best_score = delimiter, score
    return best
