"""Runs a command, turns every foreseeable error into one line and an exit code."""

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import cast

# Before any library that brings an OpenMP runtime is imported: threads that spin while they wait cost a busy
# machine far more than they gain an idle one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KMP_BLOCKTIME", "0")

import structlog
import typer
from typer.main import get_command

from graph.errors import GraphError, InvalidEvent, InvalidItem, NotFound, UnreadableInput
from service.cli.app import app
from service.cli.misplaced import misplaced
from service.errors import ServiceError
from service.json_logs import hush_loaders
from service.machine_refusals import refusal_of

# typer brings a click of its own, or uses the installed one: which, only its exceptions tell
CLICK_ERROR = cast(
    "type[Exception]",
    next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"),
)
INTERRUPTED = 130
CALLERS_MISTAKES = (UnreadableInput, InvalidEvent, InvalidItem, NotFound)


def main(argv: Sequence[str] | None = None) -> None:
    """See `service.cli.entry`."""
    # libraries announce to their developers what users cannot change
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    _configure_logging()
    sys.exit(run(argv))


def run(argv: Sequence[str] | None = None) -> int:
    """As `main`, but returns the exit code."""
    args = sys.argv[1:] if argv is None else list(argv)
    try:
        outcome = get_command(app).main(args=list(args), prog_name="ilk", standalone_mode=False)
    except CLICK_ERROR as error:
        return _complain(_misplaced(error, args) or f"{_usage(error)}; see `{_path(error)} --help`", 2)
    except (typer.Abort, KeyboardInterrupt):
        outcome = INTERRUPTED
    except CALLERS_MISTAKES as error:
        return _complain(str(error), 2)
    except ServiceError as error:
        return _complain(str(error), error.exit_code)
    except GraphError as error:
        return _complain(str(error), 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        foreseen = _foreseen(error)
        if foreseen is None:
            raise
        return _complain(foreseen, 1)
    if outcome == INTERRUPTED:  # typer makes one of Ctrl-C
        return _complain(
            "interrupted; what was finished is kept, run the same command again to go on", outcome
        )
    return outcome if isinstance(outcome, int) else 0


def _foreseen(error: Exception) -> str | None:
    """One line on what went wrong on a floor below or was refused by the machine; None: nobody foresaw it."""
    from encoders.errors import EncoderError  # imports take a moment that other calls do without
    from index.errors import VectorIndexError

    if isinstance(error, EncoderError | VectorIndexError):
        return str(error)
    refused = refusal_of(error)
    return None if refused is None else f"{refused}, then run the same command again"


def _misplaced(error: BaseException, args: Sequence[str]) -> str | None:
    """What to say where an option of `ilk` stands behind the command; None: something else is wrong."""
    unknown = getattr(error, "option_name", None) if type(error).__name__ == "NoSuchOption" else None
    context = getattr(error, "ctx", None)
    if unknown is None or context is None:
        return None
    root = context.find_root().command
    return misplaced(unknown, [one for one in root.params if one.param_type_name == "option"], args)


def _path(error: BaseException) -> str:
    """The command that was called wrongly: `ilk load`."""
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context is not None else "ilk"


def _usage(error: BaseException) -> str:
    """The message that names the option, without the validating library's preamble."""
    message: str = error.format_message() if hasattr(error, "format_message") else str(error)
    return message.replace("Value error, ", "").rstrip(".")


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"ilk: {' '.join(message.split())}\n")
    return code


def _configure_logging() -> None:
    level = os.environ.get("ILK_LOG_LEVEL", "WARNING").upper()
    logging.basicConfig(
        level=level if level in logging.getLevelNamesMapping() else "WARNING",
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    structlog.configure(
        logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger
    )
    hush_loaders()
