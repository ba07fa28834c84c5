"""From a model's name to an encoder."""

import logging
from pathlib import Path

from encoders.adapter import Adapter
from encoders.encoder import TextEncoder
from encoders.errors import InvalidSetting, ModelUnavailable
from encoders.hashing_encoder import HashingEncoder
from encoders.model_files import ModelFiles, Origin
from encoders.packaged_model import DEFAULT_MODEL, PACKAGED_MODELS, packaged_model
from encoders.settings import EncoderSettings

logger = logging.getLogger(__name__)

HASHING = "hashing"


def load_encoder(
    name: str = DEFAULT_MODEL,
    revision: str | None = None,
    settings: EncoderSettings | None = None,
    adapter: Adapter | None = None,
) -> TextEncoder:
    """The encoder of that name: `hashing` or `hashing:DIM`, a folder, or a hub id (see `find_model`).

    adapter: what fine-tuning made of a model of that name.
    Raises `ModelUnavailable`, `ModelMismatch`, `DeviceUnavailable`, `InvalidSetting`.
    """
    kind, _, dim = name.partition(":")
    if kind == HASHING:
        if adapter is not None:
            raise InvalidSetting("hashing has no weights that could be fine-tuned")
        if dim and not dim.isdecimal():
            raise InvalidSetting(f"{name!r}: after 'hashing:' comes the number of dimensions")
        return HashingEncoder(int(dim)) if dim else HashingEncoder()
    from encoders.bert_encoder import BertEncoder  # here: torch takes seconds to import

    return BertEncoder(find_model(name, revision), settings or EncoderSettings(), adapter)


def find_model(name: str = DEFAULT_MODEL, revision: str | None = None) -> ModelFiles:
    """Find a model's files: a local folder, the hub's cache, an installed package of weights, the hub.

    The package comes before the network because its checksums are pinned: it is the same model. A given
    `revision` means the hub's history, so neither folder nor package can answer for it. With
    `HF_HUB_OFFLINE=1` the network is never tried. Raises `ModelUnavailable` with what to do.
    """
    from encoders.hub import cached_model, downloaded_model, hub_is_off  # here: slow to import as well

    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise InvalidSetting(f"{name} is a folder: it has no revision {revision!r}")
        return ModelFiles(folder.resolve().name, folder, Origin.FOLDER)
    if not _is_hub_id(name):
        raise ModelUnavailable(f"there is no folder {name!r}, and it is no hub id (OWNER/MODEL) either")
    found = cached_model(name, revision) or (packaged_model(name) if revision is None else None)
    if found is not None:
        logger.info("text model %s from %s (%s)", name, found.origin, found.revision or "checksums pinned")
        return found
    if hub_is_off():
        raise ModelUnavailable(
            f"{name} is not on this machine and HF_HUB_OFFLINE forbids the hub; {_advice(name)}"
        )
    try:
        return downloaded_model(name, revision)
    except ModelUnavailable as error:
        logger.warning("text model %s: %s", name, error)
        raise ModelUnavailable(f"{name}: {error}; {_advice(name)}") from error


def _is_hub_id(name: str) -> bool:
    parts = name.split("/")
    return (
        len(parts) in {1, 2}
        and all(part and not part.startswith((".", "~")) for part in parts)
        and "\\" not in name
    )


def _advice(name: str) -> str:
    package = PACKAGED_MODELS.get(name)
    if package is not None:
        return f"install the same weights by: {package.install_command}"
    return f"download it where the hub is reachable and set its folder, or use {DEFAULT_MODEL}"
