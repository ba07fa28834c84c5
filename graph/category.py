"""A node of the category tree, named by its path from the root: "Beauty > Skin > Creams"."""

from collections.abc import Iterable
from dataclasses import dataclass

from graph.errors import InvalidItem
from graph.frames import CATEGORY_SEPARATOR

MAX_PATH_BYTES = 2048
"""A path is an index key, and Neo4j refuses those beyond about 8 kB."""


@dataclass(frozen=True)
class Category:
    """One category. Raises `InvalidItem` when made with a path that breaks a rule."""

    path: str
    """Names from the root, joined by " > "; 1 to 2,048 bytes, no name empty."""

    def __post_init__(self) -> None:
        """Check the path."""
        if not all(name.strip() for name in self.path.split(CATEGORY_SEPARATOR)):
            raise InvalidItem(f"category: {self.path!r} has an empty name")
        size = len(self.path.encode("utf-8", "replace"))
        if size > MAX_PATH_BYTES:
            raise InvalidItem(f"category: path of {size} bytes; at most {MAX_PATH_BYTES}")

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path.rpartition(CATEGORY_SEPARATOR)[2]

    @property
    def parent(self) -> "Category | None":
        """The category above; None at a root."""
        above = self.path.rpartition(CATEGORY_SEPARATOR)[0]
        return Category(above) if above else None


def with_ancestors(paths: Iterable[str]) -> list[str]:
    """The paths and all their ancestors, each once; an ancestor stands before its descendants.

    This is the order in which stores number new categories. Raises `InvalidItem` for a bad path.
    """
    found: dict[str, None] = {}
    for path in dict.fromkeys(paths):
        names = Category(path).path.split(CATEGORY_SEPARATOR)
        for depth in range(1, len(names) + 1):
            found[CATEGORY_SEPARATOR.join(names[:depth])] = None
    return list(found)
