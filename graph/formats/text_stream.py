"""Lines of a text file, plain or gzip, that survive whatever the file holds."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from graph.errors import UnreadableInput
from graph.formats.problem import Outcome, Problem, Reason, excerpt

MAX_LINE_CHARS = 32 * 1024 * 1024
"""A longer line is left out: memory must not grow with the file."""

_GZIP_MAGIC = b"\x1f\x8b"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


_ESCAPE = "ilk-escape"


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Like `surrogateescape`, for every encoding: what cannot be decoded becomes a lone surrogate."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    byte = error.object[error.start]
    return chr(0xDC00 + byte) if byte >= 0x80 else "\ud800", error.start + 1


codecs.register_error(_ESCAPE, _escape)


class _ForgivingGzip(io.RawIOBase):
    """Decompressed bytes up to where the file is whole; `damage` then says what is wrong with it."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._inner = gzip.GzipFile(fileobj=raw, mode="rb")
        self.damage: Reason | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.damage is not None:
            return 0
        try:
            data = self._inner.read1(len(buffer))
        except EOFError:
            self.damage = Reason.TRUNCATED_INPUT
            return 0
        except (OSError, zlib.error):
            self.damage = Reason.DAMAGED_INPUT
            return 0
        buffer[: len(data)] = data
        return len(data)


class TextStream:
    """Lines with their line ends, counted from 1; undecodable bytes become lone surrogates.

    What cannot be delivered (an over-long line, the end of a damaged gzip file) is in `problems`.
    """

    def __init__(self, text: io.TextIOWrapper, name: str, gzipped: _ForgivingGzip | None) -> None:
        self._text = text
        self._name = name
        self._gzip = gzipped
        self.number = 0
        """Number of the line delivered last."""
        self.problems: list[Problem] = []

    def __iter__(self) -> Iterator[str]:
        readline = self._text.readline
        while line := readline(MAX_LINE_CHARS):
            self.number += 1
            if line[-1] not in "\r\n":
                if len(line) >= MAX_LINE_CHARS:
                    self._skip_rest(line)
                    continue
                if self._damage() is not None:
                    break  # half a line: where a damaged file breaks off
            yield line
        damage = self._damage()
        if damage is not None:
            note = "the gzip file breaks off or is damaged here; what precedes was read"
            self.problems.append(Problem(self._name, self.number, damage, Outcome.INCOMPLETE, note))

    def read(self, chars: int) -> str:
        """The next characters, whatever lines they are in; "" at the end. Not to be mixed with iterating."""
        text = self._text.read(chars)
        damage = self._damage()
        if not text and damage is not None and not self.problems:
            note = "the gzip file breaks off or is damaged here; what precedes was read"
            self.problems.append(Problem(self._name, self.number, damage, Outcome.INCOMPLETE, note))
        return text

    def _damage(self) -> Reason | None:
        return self._gzip.damage if self._gzip is not None else None

    def _skip_rest(self, line: str) -> None:
        start = excerpt(line)
        while line and line[-1] not in "\r\n":
            line = self._text.readline(MAX_LINE_CHARS)
        self.problems.append(Problem(self._name, self.number, Reason.LINE_TOO_LONG, Outcome.REJECTED, start))


@contextmanager
def open_text(path: Path, name: str, encoding: str = "utf-8") -> Iterator[TextStream]:
    """Open a text file; gzip is recognised by its first bytes, UTF-8 and UTF-16 by their byte order marks.

    Raises `UnreadableInput` when the file is missing, empty, or named `.gz` without being gzip.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UnreadableInput(f"{name}: cannot be opened ({error.strerror})") from error
    with raw:
        gzipped = _gzip_layer(raw, path, name)
        binary = io.BufferedReader(gzipped, 1 << 18) if gzipped is not None else raw
        start = binary.peek(4)[:4]
        if not start and gzipped is None:
            raise UnreadableInput(f"{name}: the file is empty")
        encoding = next((found for bom, found in _BOMS if start.startswith(bom)), _wide(start) or encoding)
        text = io.TextIOWrapper(binary, encoding=encoding, errors=_ESCAPE, newline="")
        with text:
            yield TextStream(text, name, gzipped)


def _wide(start: bytes) -> str | None:
    """UTF-16 without its mark, told by the zero bytes beside plain letters."""
    zeros = [byte == 0 for byte in start]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False, True, False] else None


def _gzip_layer(raw: IO[bytes], path: Path, name: str) -> _ForgivingGzip | None:
    magic = raw.read(2)
    raw.seek(0)
    if magic == _GZIP_MAGIC:
        return _ForgivingGzip(raw)
    if path.suffix.lower() == ".gz" and magic:
        raise UnreadableInput(f"{name}: named .gz but not gzip; rename it or compress it again")
    return None
