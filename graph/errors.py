"""What can go wrong on the graph floor.

::

    GraphError
    ├── InvalidEvent        an event (or its id, time, type) breaks a rule; the caller's mistake
    ├── InvalidItem         an item or category breaks a rule; the caller's mistake
    ├── NotFound            no such user, item or category
    ├── UnreadableInput     a file or folder cannot be read as the format it should be
    │   ├── UnknownFormat   no reader recognises it
    │   └── BadMapping      the mapping file is wrong or names an absent column
    ├── SchemaMismatch      a store or log was written by another schema version
    └── RetryableStoreError
        ├── StoreUnavailable    the store does not answer now
        │   ├── DiskFull            there is no space left for what is to be written
        │   └── NeedsMending        it will not until somebody has mended what the message names
        │       ├── NoAccess            its file, folder or disk does not let us in
        │       ├── DamagedStore        its file is no longer what was written
        │       └── TooManyFiles        this process may open no further file
        └── StoreConflict       another writer was faster
"""


class GraphError(Exception):
    """Base of every error raised on this floor."""


class InvalidEvent(GraphError, ValueError):
    """An event breaks a rule of the domain; the message names the field and the rule."""


class InvalidItem(GraphError, ValueError):
    """An item breaks a rule of the domain; the message names the field and the rule."""


class NotFound(GraphError, LookupError):
    """The store holds no such node."""


class UnreadableInput(GraphError):
    """A file or folder cannot be read; the message says which and what to do."""


class UnknownFormat(UnreadableInput):
    """No reader recognises the input."""


class BadMapping(UnreadableInput):
    """A mapping file is malformed or names a column that the data lack."""


class SchemaMismatch(GraphError):
    """The file or database was written by another schema version."""


class RetryableStoreError(GraphError):
    """Trying the same call again may succeed."""


class StoreUnavailable(RetryableStoreError):
    """The store does not answer at present."""


class DiskFull(StoreUnavailable):
    """The disk that the store lies on has no space left; nothing of what was to be written was."""


class NeedsMending(StoreUnavailable):
    """Trying again helps once somebody has changed what the message names: no start is worth repeating."""


class NoAccess(NeedsMending):
    """The store's file cannot be opened or written: permissions, a disk that is mounted read-only."""


class DamagedStore(NeedsMending):
    """The store's file holds other bytes than were written, or is no database at all."""


class TooManyFiles(NeedsMending):
    """The process holds as many open files as its limit lets it."""


class StoreConflict(RetryableStoreError):
    """Another writer holds the store or changed it first."""
