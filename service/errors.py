"""What can go wrong in the service floor, and how the command line ends.

::

    ServiceError                exit code 1: it failed, the message says what to do
    ├── CallerMistake           exit code 2: wrong path, flag, value or setting
    │   └── BadSettings         a setting is unknown or has a wrong value
    ├── GraphAhead              the graph holds events that the home's log does not know
    ├── HomeBusy                another Ilk process is writing to the home
    ├── NothingToLearn          the store holds no items
    └── IncompleteInput         the input ended early; what could be read was loaded
"""


class ServiceError(Exception):
    """Base of every error raised on this floor that a person can act on."""

    exit_code = 1


class CallerMistake(ServiceError):
    """The caller asked for something that cannot be; nothing was changed."""

    exit_code = 2


class BadSettings(CallerMistake):
    """A setting is unknown or has a wrong value."""


class GraphAhead(ServiceError):
    """The graph was brought further than the event log reaches: they are not of one home, or the log is old.
    New events would get numbers that the graph takes for known, and never enter it."""


class HomeBusy(ServiceError):
    """Another process holds the home's write lock."""


class NothingToLearn(ServiceError):
    """There is no item to build a release from."""


class IncompleteInput(ServiceError):
    """The input ended early; what could be read was loaded."""
