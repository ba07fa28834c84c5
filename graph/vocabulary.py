"""External ids become contiguous indices here and nowhere else."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Generic, NewType, TypeVar

import numpy as np
import numpy.typing as npt

UserIndex = NewType("UserIndex", int)
ItemIndex = NewType("ItemIndex", int)

IndexT = TypeVar("IndexT", bound=int)


class Vocabulary(Generic[IndexT]):
    """Append-only map of ids to 0, 1, 2, ... in the order in which they were added.

    The empty string is a hole: it takes an index, as often as it is added, and is never found (erased
    nodes leave such holes in a store's numbering).
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        """Start with these ids. Raises `ValueError` when one repeats."""
        self._ids = list(ids)
        self._index = dict(zip(self._ids, range(len(self._ids)), strict=True))
        holes = self._ids.count("")
        self._index.pop("", None)
        if len(self._index) != len(self._ids) - holes:
            raise ValueError("an id repeats")

    def add(self, external_id: str) -> IndexT:
        """The id's index; a new one when the id is new. Raises `ValueError` for the empty string."""
        return self._typed(int(self.add_many([external_id])[0]))

    def add_many(self, external_ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Indices of the ids, new ones added in order of appearance; shape (n,).

        Raises `ValueError` for an empty string, and adds nothing then.
        """
        wanted = list(external_ids)
        known = self._index
        new = [one for one in dict.fromkeys(wanted) if one not in known]
        if "" in new:
            raise ValueError("the empty string is no id")
        known.update(zip(new, count(len(self._ids)), strict=False))
        self._ids.extend(new)
        return np.fromiter(map(known.__getitem__, wanted), np.int64, len(wanted))

    def index_of(self, external_id: str) -> IndexT:
        """The id's index. Raises `KeyError` for an unknown one."""
        return self._typed(self._index[external_id])

    def id_of(self, index: IndexT) -> str:
        """The id with this index; "" at a hole. Raises `IndexError` for any other number."""
        if index < 0:
            raise IndexError(index)
        return self._ids[index]

    def ids_of(self, indices: Iterable[int]) -> list[str]:
        """The ids with these indices."""
        return [self.id_of(self._typed(int(index))) for index in indices]

    @property
    def ids(self) -> Sequence[str]:
        """All ids by index; "" at holes."""
        return tuple(self._ids)

    def __contains__(self, external_id: object) -> bool:
        """Whether the id is known."""
        return external_id in self._index

    def __iter__(self) -> Iterator[str]:
        """Ids in the order of their indices."""
        return iter(self._ids)

    def __len__(self) -> int:
        """Number of indices given out, holes included."""
        return len(self._ids)

    @staticmethod
    def _typed(index: int) -> IndexT:
        return index  # type: ignore[return-value]  # a NewType is its int at run time
