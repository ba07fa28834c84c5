"""The files of a source, which of them are new, and a reader of just those."""

import glob
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from graph.cleaning import CleaningRules
from graph.errors import UnreadableInput
from graph.formats import Batch, ShopReader, open_shop
from graph.formats.probe import data_files
from graph.formats.table_shop import TableShop
from service.intake.sync_state import FileMark, SyncState
from service.settings import SourceSettings

CHUNK = 1 << 20


@dataclass(frozen=True)
class Changed:
    """A file that is new or changed, as it was before it was read."""

    path: Path
    mark: FileMark

    @property
    def unchanged_since(self) -> bool:
        """Whether nobody wrote to it meanwhile."""
        now = self.path.stat()
        return (now.st_size, now.st_mtime_ns) == (self.mark.size, self.mark.mtime)


def source_files(source: SourceSettings) -> list[Path]:
    """The data files of a source, by name. Raises `UnreadableInput` where there are none."""
    pattern = str(Path(source.path).expanduser())
    if Path(pattern).exists():
        return [path.absolute() for path, _ in data_files(Path(pattern))]
    found = sorted(Path(name).absolute() for name in glob.glob(pattern, recursive=True))  # noqa: PTH207 - absolute, too
    files = [path for path in found if path.is_file()]
    if not files:
        raise UnreadableInput(f"{source.path}: no such file, folder or files of that pattern")
    return files


def looks_changed(path: Path, known: FileMark | None) -> bool:
    """Whether size or time of change differ from when the file was read."""
    now = path.stat()
    return known is None or (now.st_size, now.st_mtime_ns) != (known.size, known.mtime)


def changed_files(source: SourceSettings, files: list[Path], state: SyncState) -> list[Changed]:
    """Files that differ in content from when they were read; one that was only touched is none."""
    known = state.files(source.name)
    changed = []
    for path in files:
        mark = known.get(str(path))
        if not looks_changed(path, mark):
            continue
        now = path.stat()
        fresh = FileMark(now.st_size, now.st_mtime_ns, _digest(path))
        if mark is not None and mark.digest == fresh.digest:
            state.mark_file(source.name, str(path), fresh)
        else:
            changed.append(Changed(path, fresh))
    return changed


def open_changed(
    source: SourceSettings, files: list[Path], changed: list[Changed], stage: Path, rules: CleaningRules
) -> ShopReader:
    """A reader of the changed files of one folder, recognised in the company of the others; the file that was
    changed last comes last, so that its word on an item counts.

    stage: an empty folder, filled with links. Raises `UnreadableInput`.
    """
    for path in files:
        (stage / path.name).symlink_to(path)
    reader = open_shop(stage, source.format, source.mapping, rules)
    mtimes = {one.path.name: one.mark.mtime for one in changed}
    if not isinstance(reader, TableShop):
        return reader
    tables = [table for table in reader.tables if table.source.name in mtimes]
    return replace(reader, tables=sorted(tables, key=lambda table: mtimes[table.source.name]))


@dataclass(frozen=True)
class ChosenItems:
    """A reader without the items that a better source has described. A `ShopReader`."""

    reader: ShopReader
    state: SyncState
    priority: int
    mtimes: dict[str, int]
    """File name -> nanoseconds since 1970."""

    @property
    def format(self) -> str:
        """See `ShopReader`."""
        return self.reader.format

    @property
    def notes(self) -> list[str]:
        """See `ShopReader`."""
        return list(self.reader.notes)

    def items(self) -> Iterator[Batch]:
        """Batches whose outranked items count as duplicates; the others' origin is remembered after they
        were taken."""
        for batch in self.reader.items():
            mtime = self.mtimes.get(batch.file, 0)
            lost = self.state.outranked(batch.frame["item_id"], self.priority, mtime)
            kept = batch.frame.filter(~lost)
            yield replace(batch, frame=kept, duplicates=batch.duplicates + int(lost.sum()))
            self.state.own(kept["item_id"], self.priority, mtime)

    def events(self) -> Iterator[Batch]:
        """See `ShopReader`."""
        return self.reader.events()

    def links(self) -> Iterator[Batch]:
        """See `ShopReader`."""
        return self.reader.links()


def _digest(path: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.digest()
