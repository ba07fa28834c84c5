"""The `ilk` command."""

from service.cli.entry import main

__all__ = ["main"]
