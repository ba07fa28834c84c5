"""Row by row: kept or rejected, mended or not, gathered column-wise and told as problems."""

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.formats.fields import Field
from graph.formats.problem import Outcome, Problem, Reason, excerpt
from graph.formats.raw_batch import RawBatch
from graph.ids import MAX_ID_BYTES

Mask = npt.NDArray[np.bool_]


class Verdicts:
    """Gathers what is wrong with the rows of a batch. The first reason to reject a row counts."""

    def __init__(self, raw: RawBatch) -> None:
        self._raw = raw
        self.kept: Mask = np.ones(len(raw), dtype=bool)
        self._rejected: list[tuple[str, Mask]] = []
        self._repaired: dict[str, Mask] = {}

    def reject(self, rows: pl.Series, reason: str) -> None:
        """Leave rows out."""
        mask = _mask(rows) & self.kept
        if mask.any():
            self.kept &= ~mask
            self._rejected.append((str(reason), mask))

    def repair(self, rows: pl.Series, reason: str) -> None:
        """Note rows that were mended."""
        mask = _mask(rows)
        if mask.any():
            known = self._repaired.get(reason)
            self._repaired[str(reason)] = mask if known is None else known | mask

    def identifier(
        self, field: Field, missing: frozenset[str], *, needed: pl.Series | None = None
    ) -> pl.Series:
        """An id column as text; rows with an unusable id are rejected.

        needed: only these rows must have one (None: all).
        """
        texts = id_texts(field.read(self._raw, missing))
        empty = texts.is_null()
        self.reject(empty if needed is None else empty & needed, Reason.EMPTY_ID)
        not_utf8 = field.not_utf8(self._raw)
        if not_utf8 is not None:
            self.reject(not_utf8, Reason.ID_NOT_UTF8)
        self.reject(texts.str.len_bytes() > MAX_ID_BYTES, Reason.ID_TOO_LONG)
        self._reject_objects(field, texts)
        return texts

    def _reject_objects(self, field: Field, texts: pl.Series) -> None:
        """Lists and objects are no ids."""
        suspect = texts.str.contains(r"^[\[{]").fill_null(value=False)
        if self._raw.records is None or not suspect.any():
            return
        for row in suspect.arg_true():
            values = (self._raw.records[row].get(column) for column in field.columns)
            suspect[row] = any(isinstance(value, list | dict) for value in values)
        self.reject(suspect, Reason.BAD_ID)

    def repaired(self) -> dict[str, Mask]:
        """Reason -> kept rows that were mended."""
        masks = {reason: mask & self.kept for reason, mask in self._repaired.items()}
        return {reason: mask for reason, mask in masks.items() if mask.any()}

    def rejections(self, file: str) -> list[Problem]:
        """One problem per rejected row, by line."""
        problems = [
            Problem(file, int(self._raw.lines[row]), reason, Outcome.REJECTED, self._excerpt(int(row)))
            for reason, mask in self._rejected
            for row in np.flatnonzero(mask)
        ]
        return sorted(problems, key=lambda problem: problem.line)

    def _excerpt(self, row: int) -> str:
        values = (
            f"{name}={values[row]!s:.60}"
            for name, values in self._raw.columns.items()
            if values[row] is not None
        )
        return excerpt(", ".join(values))


def repairs(file: str, lines: npt.NDArray[np.int64], masks: dict[str, Mask]) -> list[Problem]:
    """Mended rows as problems; neighbouring rows of one reason become one run."""
    problems = []
    for reason, mask in masks.items():
        rows = np.flatnonzero(mask)
        if not len(rows):
            continue
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            first, last = int(lines[run[0]]), int(lines[run[-1]])
            last_line = last if len(run) > 1 else 0
            problems.append(
                Problem(file, first, reason, Outcome.REPAIRED, rows=len(run), last_line=last_line)
            )
    return problems


def id_texts(ids: pl.Series) -> pl.Series:
    """Ids as text: whole numbers in plain decimals (12345.0 is `12345`); blank ones null."""
    if ids.dtype.is_float():
        numbers = ids.cast(pl.Float64)
        numbers = numbers.set((~numbers.is_finite()).fill_null(value=False), None)
        whole = ((numbers == numbers.floor()) & (numbers.abs() < 1e18)).fill_null(value=False)
        frame = pl.DataFrame({"number": numbers, "whole": whole})
        return frame.select(
            ids=pl.when("whole")
            .then(pl.col("number").cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(pl.col("number").cast(pl.String))
        )["ids"]
    texts = ids.cast(pl.String)
    blank = (texts.str.strip_chars() == "").fill_null(value=False)
    return texts.set(blank, None) if blank.any() else texts


def _mask(rows: pl.Series) -> Mask:
    return rows.fill_null(value=False).to_numpy().astype(bool)
