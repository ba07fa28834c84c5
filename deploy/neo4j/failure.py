"""The one error of these scripts."""


class ServerFailure(Exception):
    """The server cannot be started or stopped; the message says in one line what to do."""
