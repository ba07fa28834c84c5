"""Options that several commands share, and their closed sets."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.cli.writable import check_writable

MAX_K = 1000


class DataFormat(StrEnum):
    """Formats that `--format` knows."""

    AUTO = "auto"
    ILK = "ilk"
    AMAZON = "amazon"
    RECBOLE = "recbole"
    LIGHTGCN = "lightgcn"
    MOVIELENS = "movielens"
    TABLE = "table"


class ObjectiveName(StrEnum):
    """What similar is to mean."""

    RELATED = "related"
    TOGETHER = "together"
    NEXT = "next"


class Protocol(StrEnum):
    """How evaluation cuts the data."""

    TEMPORAL = "temporal"
    STREAM = "stream"
    GIVEN_SPLIT = "given-split"


class Tuning(StrEnum):
    """How baselines get their settings."""

    NONE = "none"
    VALID = "valid"


class KeyScope(StrEnum):
    """What an API key may do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class ExportWhat(StrEnum):
    """What `ilk export` takes out."""

    SHOP = "shop"
    ITEMS = "items"
    EVENTS = "events"
    NEIGHBOURS = "neighbours"
    GRAPH = "graph"


class ExportFormat(StrEnum):
    """File formats that `ilk export` writes."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    GRAPHML = "graphml"


def _writable(json_file: str | None) -> str | None:
    if json_file not in (None, "-"):
        check_writable(Path(json_file), "--json")
    return json_file


ModelList = str
JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the result as JSON to FILE; `-`: standard output, alone.",
        callback=_writable,
    ),
]
KOption = Annotated[int, typer.Option("-k", "--k", min=1, max=MAX_K, help="How many.")]
