"""Models of the Hugging Face hub: its cache on this machine first, the network only when allowed."""

import logging
import os
import threading
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from encoders.errors import ModelUnavailable
from encoders.model_files import ModelFiles, Origin

logger = logging.getLogger(__name__)

WANTED = ["*.safetensors", "*.json", "*.txt", "*.model"]
UNWANTED = ["onnx/*", "openvino/*", "*/model*.safetensors"]
ANSWER_SECONDS = 5.0
"""How long the hub may take to say what a model's commit is; name look-ups included."""


def hub_is_off() -> bool:
    """True where the environment forbids the network (`HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`)."""
    asked = (os.environ.get(name, "").upper() for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return constants.HF_HUB_OFFLINE or any(value in {"1", "ON", "YES", "TRUE"} for value in asked)


def cached_model(model_id: str, revision: str | None) -> ModelFiles | None:
    """The model in the hub's cache folder, or `None`; never touches the network."""
    try:
        folder = Path(snapshot_download(model_id, revision=revision, local_files_only=True))
    except (OSError, ValueError):
        return None
    try:
        return ModelFiles(model_id, folder, Origin.HUB, revision=folder.name)
    except ModelUnavailable:  # an interrupted download
        return None


def downloaded_model(model_id: str, revision: str | None) -> ModelFiles:
    """Fetch the model into the hub's cache, at the commit that `revision` (default: newest) names now.

    Raises `ModelUnavailable` within about `ANSWER_SECONDS` when the hub does not answer.
    """
    logger.info("downloading %s at %s", model_id, _commit(model_id, revision))
    try:
        # by its name, not by the commit: only then does the cache remember what the name stood for
        folder = Path(
            snapshot_download(model_id, revision=revision, allow_patterns=WANTED, ignore_patterns=UNWANTED)
        )
    except Exception as error:  # the hub's client raises its HTTP library's errors, and that library changes
        raise ModelUnavailable(
            f"the download of {model_id} broke off ({_short(error)}); try again"
        ) from error
    return ModelFiles(model_id, folder, Origin.HUB, revision=folder.name)


def _commit(model_id: str, revision: str | None) -> str:
    """Ask the hub once for the commit hash, in a thread: a name server that is silent ignores time-outs."""
    answer: list[str | Exception] = []

    def ask() -> None:
        try:
            found = HfApi().model_info(model_id, revision=revision, timeout=ANSWER_SECONDS)
            answer.append(str(found.sha))
        except Exception as error:  # as above; handed to the caller's thread
            answer.append(error)

    thread = threading.Thread(target=ask, name="hub-commit", daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    reply = answer[0] if answer else TimeoutError(f"no answer in {ANSWER_SECONDS:.0f} s")
    if isinstance(reply, RepositoryNotFoundError | RevisionNotFoundError):
        at = f" at revision {revision}" if revision else ""
        raise ModelUnavailable(f"the hub has no public model {model_id!r}{at}") from reply
    if isinstance(reply, Exception):
        raise ModelUnavailable(f"the hub cannot be reached ({_short(reply)})") from reply
    return reply


def _short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
