"""Logs of a serving process: one JSON object per line on standard error."""

import logging
import sys

import structlog


def hush_loaders() -> None:
    """Leave out what libraries tell of how they load: FAISS names every build that it looks for and does not
    find, which reads like a failure. That it cannot be loaded at all is an `ImportError`, not a log line."""
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)


def configure_json_logs(level: str = "INFO") -> None:
    """Send the logs of this process (structlog's and the standard library's) to standard error as JSON.

    Raises `ValueError` for an unknown level.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    hush_loaders()
