"""Where the graph lives, what is read, and how it is cleaned."""

import re
from pathlib import Path
from typing import Literal

from pydantic import (
    Field,
    SecretStr,
    field_validator,
)

from graph.cleaning import CleaningRules
from service.settings.section import Section


class GraphSettings(Section):
    """Where the graph lives."""

    url: str = "sqlite"
    """`sqlite` (a file in the home) or the address of a Neo4j server."""
    user: str = "neo4j"
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    """File whose first line is the password; wins over `password`."""
    database: str = "neo4j"
    beside_others: bool = False
    """Whether a graph may begin in a Neo4j database that holds other things; labels and relationship types
    of docs/neo4j.md become Ilk's there."""
    similar_edges: int = Field(10, ge=0, le=100)
    """Neighbours of each item that a release writes back to Neo4j as `SIMILAR_TO`; 0: none."""

    @field_validator("url")
    @classmethod
    def _names_a_store(cls, url: str) -> str:
        if not re.fullmatch(r"sqlite|(neo4j|bolt)(\+s|\+ssc)?://.+", url):
            raise ValueError("give `sqlite`, or a Neo4j server's Bolt address such as bolt://127.0.0.1:7687")
        return url


class LoadSettings(Section):
    """How files are read."""

    batch_rows: int = Field(50_000, ge=100, le=1_000_000)
    """Events per transaction of the graph."""


class CleaningSettings(Section):
    """What is done to texts on the way in; every rule has a counter of the rows it touched. Ids are never
    changed."""

    unescape_html: bool = True
    """`&amp;` becomes `&`. Counter `html_entities`."""
    strip_tags: bool = True
    """HTML tags become a space. Counter `html_tags`."""
    blank_markup_titles: bool = True
    """A title that is a piece of HTML, CSS or script is emptied. Counter `html_title`."""
    collapse_whitespace: bool = True
    """Runs of white space become one space, ends are trimmed. Counter `whitespace`."""
    compose_unicode: bool = True
    """Unicode form NFC. Counter `unicode_form`."""
    max_title_chars: int = Field(1_000, ge=1)
    """A longer title, brand or category is cut. Counter `text_cut`."""
    max_text_chars: int = Field(20_000, ge=1)
    """A longer description or review is cut. Counter `text_cut`."""

    def rules(self) -> CleaningRules:
        """As readers take them."""
        return CleaningRules(**self.model_dump())


class SourceSettings(Section):
    """One `[[sources]]` of `ilk sync`: files that appear and change."""

    name: str = Field(pattern=r"^[\w.-]{1,64}$")
    path: str = Field(min_length=1)
    """Folder, file or glob (`**` for any depth); `~` is the user's folder."""
    format: Literal["auto", "ilk", "amazon", "recbole", "lightgcn", "movielens", "table"] = "auto"
    mapping: Path | None = None
    """TOML file, or the name of a mapping that Ilk brings, for `table`."""
    priority: int = Field(0, ge=-1000, le=1000)
    """Whose word counts where sources describe the same item: the highest; among equals the newest file's."""
    schedule_seconds: float = Field(0, ge=0)
    """Least time between two successful looks; 0: at every `ilk sync`."""
