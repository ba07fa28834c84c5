"""What can go wrong with releases.

::

    ServiceError
    ├── ReleaseError            exit code 1
    │   ├── NoRelease           nothing was published yet, or nothing published can be opened
    │   ├── TornRelease         a file of the release is missing, cut short or changed
    │   └── ForeignRelease      written by another schema version, for another model, or not by Ilk
    └── CallerMistake           exit code 2
        ├── UnknownRelease      no release of that name can be published or rolled back to
        └── NotWaiting          the release does not wait for approval
"""

from service.errors import CallerMistake, ServiceError


class ReleaseError(ServiceError):
    """A release cannot be opened; the message names it, the reason and what to do, in one line."""


class NoRelease(ReleaseError):
    """There is no release to serve."""


class TornRelease(ReleaseError):
    """A file of the release is missing, cut short or changed since it was written."""


class ForeignRelease(ReleaseError):
    """The release was written by another schema version, for another model, or not by Ilk."""


class UnknownRelease(CallerMistake):
    """No release of that name can be published or rolled back to."""


class NotWaiting(CallerMistake):
    """The release does not wait for approval."""
