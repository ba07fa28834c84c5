"""MovieLens as GroupLens hands it out without headers: `ratings.dat` and `movies.dat` (1M, 10M), `u.data`
and `u.item` (100k). The later sets are CSV and read by the mapping `movielens`.

Source: grouplens.org/datasets/movielens (Harper and Konstan 2015). Users' files are never read.
"""

import re
from collections.abc import Sequence

from graph.errors import UnreadableInput
from graph.event_type import EventType
from graph.formats.fields import EventFields, Field, ItemFields
from graph.formats.probe import Kind, Probe
from graph.formats.separated_lines import SeparatedLines, Shape
from graph.formats.table_shop import Table, TableShop

_GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
"""Of `u.item`, in the order of its last columns."""
_RATING_FIELDS = ("user", "movie", "rating", "timestamp")
_MOVIE_FIELDS = ("movie", "title", "genres")
_RATING = re.compile(r"\d+(::|\t)\d+\1[\d.]+\1\d+")


def recognises(probes: Sequence[Probe]) -> bool:
    """Whether there is a file of ratings, by name and content."""
    return any(_is_ratings(probe) for probe in probes)


def read_movielens(probes: Sequence[Probe]) -> TableShop:
    """A reader of the files. Raises `UnreadableInput` when there are no ratings."""
    tables = []
    notes = []
    for probe in sorted(probes, key=_is_ratings):
        name = _plain_name(probe)
        if _is_ratings(probe):
            separator = "\t" if name == "u.data" else "::"
            source = SeparatedLines(probe.path, probe.name, separator, _RATING_FIELDS, _fields(4))
            tables.append(Table(source, events=_EVENTS))
        elif name in ("movies.dat", "u.item"):
            shape, separator = (_old_movie, "|") if name == "u.item" else (_movie, "::")
            source = SeparatedLines(probe.path, probe.name, separator, _MOVIE_FIELDS, shape)
            tables.append(Table(source, items=_ITEMS, missing=frozenset({"(no genres listed)", "unknown"})))
        else:
            notes.append(f"{probe.name}: not read (neither ratings nor movies)")
    if not any(table.events for table in tables):
        raise UnreadableInput("no MovieLens ratings (ratings.dat or u.data)")
    return TableShop("movielens", tables, notes)


def _plain_name(probe: Probe) -> str:
    return probe.path.name.lower().removesuffix(".gz")


def _is_ratings(probe: Probe) -> bool:
    named = _plain_name(probe) in ("ratings.dat", "u.data")
    return named and probe.kind is Kind.DELIMITED and _RATING.fullmatch(_first_line(probe)) is not None


def _first_line(probe: Probe) -> str:
    """What the probe took for a header."""
    return probe.dialect.delimiter.join(probe.columns)


def _fields(width: int) -> Shape:
    return lambda fields: fields if len(fields) == width else None


def _movie(fields: list[str]) -> list[str] | None:
    """Titles may hold the separator."""
    return [fields[0], "::".join(fields[1:-1]), fields[-1]] if len(fields) >= 3 else None


def _old_movie(fields: list[str]) -> list[str] | None:
    """`u.item`: id, title, two dates, address, a flag for each genre."""
    flags = fields[5:]
    if len(flags) != len(_GENRES) or not set(flags) <= {"0", "1"}:
        return None
    named = (genre for genre, flag in zip(_GENRES, flags, strict=True) if flag == "1")
    return [fields[0], fields[1], "|".join(named)]


_EVENTS = EventFields(
    item_id=Field(("movie",)),
    timestamp=Field(("timestamp",)),
    user_id=Field(("user",)),
    rating=Field(("rating",)),
    default_type=EventType.REVIEW.value,
)
_ITEMS = ItemFields(
    item_id=Field(("movie",)),
    title=Field(("title",)),
    category=Field(("genres",)),
    category_split="|",
)
