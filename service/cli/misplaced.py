"""An option of `ilk` itself that was written behind the command, where it is unknown."""

import shlex
from collections.abc import Sequence
from typing import Protocol

VALUE = "VALUE"
"""Stands in the example for a value that is missing."""


class GlobalOption(Protocol):
    """What is asked of an option of the command tree's root."""

    opts: Sequence[str]
    nargs: int
    is_flag: bool


def misplaced(unknown: str, options: Sequence[GlobalOption], args: Sequence[str]) -> str | None:
    """What to say where a command does not know `unknown`; None: `ilk` does not know it either.

    options: those of `ilk`. args: the whole call, without the program's name.
    """
    option = next((one for one in options if unknown in one.opts), None)
    if option is None:
        return None
    return f"{unknown} comes before the command: `{_put_first(unknown, option, args)}`"


def _put_first(name: str, option: GlobalOption, args: Sequence[str]) -> str:
    left = list(args)
    place = next((at for at, one in enumerate(left) if one == name or one.startswith(f"{name}=")), None)
    moved = [name] if place is None else [left.pop(place)]
    if not option.is_flag and moved == [name]:
        moved.append(VALUE if place is None or place == len(left) else left.pop(place))
    return shlex.join(["ilk", *moved, *left])
