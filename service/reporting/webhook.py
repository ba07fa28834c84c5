"""Tell somebody how a refresh ended: one JSON POST, which never makes a refresh fail."""

import json
import logging
from http.client import HTTPException
from typing import Any
from urllib.request import Request, urlopen

logger = logging.getLogger(__name__)

SECONDS = 10.0


def tell_webhook(address: str, outcome: dict[str, Any]) -> bool:
    """POST the outcome; False (and a warning) where nobody took it. address: checked to be http or https."""
    body = json.dumps(outcome, ensure_ascii=False).encode()
    request = Request(  # noqa: S310 - the setting allows http and https alone
        address, body, {"Content-Type": "application/json", "User-Agent": "ilk"}, method="POST"
    )
    try:
        with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            answer.read(1024)
    except (OSError, HTTPException, ValueError) as error:
        logger.warning("report.webhook was not told of the refresh: %s", error)
        return False
    return True
