"""What can go wrong on the index floor.

::

    VectorIndexError
    ├── InvalidQuery        wrong shape, NaN, or k below 1; the caller's mistake
    ├── InvalidMatrix       vectors to build from or to insert are malformed; the caller's mistake
    ├── SnapshotError       a snapshot file is truncated, damaged, or none of ours
    ├── MissingFaiss        no FAISS is installed; says how to install it
    ├── ConflictingFaiss    faiss-cpu and faiss-gpu are both installed; says how to mend it
    └── GpuUnavailable      the installed FAISS sees no GPU
"""


class VectorIndexError(Exception):
    """Base of every error raised on this floor."""


class InvalidQuery(VectorIndexError, ValueError):
    """A search was asked with a wrong shape, a number that is not finite, or k below 1."""


class InvalidMatrix(VectorIndexError, ValueError):
    """Vectors are not float32 of shape (n, d), or not all finite; or row numbers do not fit them."""


class SnapshotError(VectorIndexError):
    """A snapshot cannot be loaded; the message says which file and why."""


class MissingFaiss(VectorIndexError, ImportError):
    """FAISS cannot be imported; the message has the command that installs it."""


class ConflictingFaiss(VectorIndexError, ImportError):
    """Two FAISS distributions share one module; the message has the commands that mend it."""


class GpuUnavailable(VectorIndexError):
    """A GPU was asked for, and the installed FAISS has or sees none."""
