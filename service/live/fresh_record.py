"""One change of the served answers as bytes: what the updater writes and API workers read.

A record is `MAGIC`, the payload's length (8 bytes, little-endian), its blake2b digest (16 bytes) and the
payload: the header's length (4 bytes), the header (JSON), the items (Arrow IPC) and the arrays (safetensors).
A record that is cut short or changed does not verify. Nothing is unpickled.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, BinaryIO

import numpy.typing as npt
import polars as pl

from service.live.array_block import ALIGNMENT, array_chunks, arrays_in
from service.releases.items import RELEASE_ITEM_SCHEMA

MAGIC = b"ILKFRSH1"
DIGEST_BYTES = 16
HEAD_BYTES = len(MAGIC) + 8 + DIGEST_BYTES
FRESH_ITEM_SCHEMA: dict[str, pl.DataType] = {"index": pl.Int64(), **RELEASE_ITEM_SCHEMA}
"""Rows of items that are new or changed: their index and what a release stores of them."""


class TornRecord(Exception):
    """The bytes are no whole record: cut short, changed, or of another make."""


def no_items() -> pl.DataFrame:
    """Frame of `FRESH_ITEM_SCHEMA` without rows."""
    return pl.DataFrame(schema=FRESH_ITEM_SCHEMA)


@dataclass(frozen=True)
class FreshRecord:
    """What changed in the answers of one release; holds items, never a user."""

    release: str
    """Version of the release that the rows belong to; they mean nothing for another."""
    number: int
    """Counts the changes of a release's answers, from 1 on."""
    events_through: int
    """Every event up to this sequence number counts once the record is in the answers."""
    full: bool
    """Counts from the release itself; else from the record before."""
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    """Of the model's fresh rows (`to_arrays`); empty: no row changed."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Of the model's fresh rows."""
    items: pl.DataFrame = field(default_factory=no_items)
    """`FRESH_ITEM_SCHEMA`: items that are new or changed, ascending by index."""
    lineage: str = ""
    """Of a full record: whoever followed records behind one of the same lineage up to this one's number knows
    what is in it already. A recomputation begins another one."""
    preliminary: bool = False
    """Of a full record: events go on being folded in elsewhere until another record stands behind it."""
    changes_through: int | None = None
    """Newest entry of the change log that counts once the record is in the answers, in all that it touches;
    None: not known."""
    made_with: str = ""
    """Digest of the settings that decide which events the rows count, and how; empty: not known."""

    def chunks(self) -> list[bytes | memoryview]:
        """The record as it stands in a segment, in pieces: large arrays are not copied."""
        sheet = io.BytesIO()
        if self.items.height:  # most records hold none
            self.items.write_ipc(sheet)
        header = {
            "release": self.release,
            "number": self.number,
            "events_through": self.events_through,
            "full": self.full,
            "lineage": self.lineage,
            "preliminary": self.preliminary,
            "changes_through": self.changes_through,
            "made_with": self.made_with,
            "config": dict(self.config),
            "items_bytes": sheet.tell(),
        }
        head = json.dumps(header, separators=(",", ":")).encode()
        head += b" " * (-(4 + len(head) + sheet.tell()) % ALIGNMENT)
        payload: list[bytes | memoryview] = [len(head).to_bytes(4, "little"), head, sheet.getvalue()]
        if self.arrays:
            payload += array_chunks(self.arrays)
        length = sum(len(piece) for piece in payload)
        return [MAGIC, length.to_bytes(8, "little"), _digest(payload), *payload]

    def to_bytes(self) -> bytes:
        """The record as it stands in a segment."""
        return b"".join(self.chunks())

    @classmethod
    def from_payload(cls, payload: bytes) -> "FreshRecord":
        """The inverse of `to_bytes`, without its head. Raises `TornRecord` for bytes of another make."""
        try:
            split = 4 + int.from_bytes(payload[:4], "little")
            header = json.loads(payload[4:split])
            end = split + int(header.pop("items_bytes"))
            items = pl.read_ipc(io.BytesIO(payload[split:end])) if end > split else no_items()
            arrays = arrays_in(memoryview(payload)[end:]) if len(payload) > end else {}
            if dict(items.schema) != FRESH_ITEM_SCHEMA:
                raise TornRecord("its items have other columns than expected")
            return cls(items=items, arrays=arrays, **header)
        except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
            raise TornRecord(f"whole, but of another make ({type(error).__name__})") from error


def payload_bytes(head: bytes) -> int:
    """Length of the payload that follows a record's head. Raises `TornRecord`."""
    if len(head) < HEAD_BYTES or not head.startswith(MAGIC):
        raise TornRecord("no record begins here")
    return int.from_bytes(head[len(MAGIC) : len(MAGIC) + 8], "little")


def lineage_of(source: BinaryIO) -> tuple[str, int]:
    """(`lineage`, `number`) of the record whose payload begins here, without its arrays and unchecked;
    ("", 0) where that cannot be told."""
    try:
        header = json.loads(source.read(int.from_bytes(source.read(4), "little")))
        return str(header["lineage"]), int(header["number"])
    except (ValueError, KeyError, TypeError):
        return "", 0


def check_payload(head: bytes, payload: bytes) -> None:
    """Raise `TornRecord` unless the payload is whole and as it was written."""
    if len(payload) != payload_bytes(head) or _digest([payload]) != head[-DIGEST_BYTES:]:
        raise TornRecord("cut short, or changed after it was written")


def _digest(pieces: Sequence[bytes | memoryview]) -> bytes:
    digest = blake2b(digest_size=DIGEST_BYTES)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()
