"""Open the text encoder that the settings name. Apart from the stores: importing it costs seconds, 400 MB."""

from dataclasses import dataclass

from encoders import Adapter, BertEncoder, CachedEncoder, Device, EmbeddingCache, ViewEncoder, load_encoder
from encoders import EncoderSettings as BertSettings
from service.home import Home
from service.settings import Settings


@dataclass(frozen=True)
class Texts:
    """The text encoder with the home's cache in front: only changed text is encoded again."""

    encoder: CachedEncoder
    cutter: BertEncoder | None
    """What cuts words into pieces; None where the model has no vocabulary (hashing)."""
    items: ViewEncoder
    """The same encoder for items, whose texts may have two views."""


def open_texts(settings: Settings, home: Home, adapter: Adapter | None = None) -> Texts:
    """The text encoder, fine-tuned by `adapter`. Raises `ModelUnavailable` with what to install or set."""
    wanted = settings.encoder
    encoder = load_encoder(wanted.model, wanted.revision, BertSettings(device=Device(wanted.device)), adapter)
    cached = CachedEncoder(encoder, EmbeddingCache(home.text_cache))
    return Texts(cached, encoder if isinstance(encoder, BertEncoder) else None, ViewEncoder(cached))
