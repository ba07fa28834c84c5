"""Texts -> float32 matrix: encoders, their cache, and what an item's text is.

What needs torch is imported when it is first asked for: what an item's text is can be told without.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from encoders.adapter import Adapter
from encoders.cached_encoder import CachedEncoder
from encoders.embedding_cache import EmbeddingCache
from encoders.encoder import ProgressFn, TextEncoder
from encoders.errors import (
    CacheUnusable,
    DeviceUnavailable,
    EncoderError,
    FineTuningUnavailable,
    InvalidSetting,
    InvalidText,
    ModelMismatch,
    ModelUnavailable,
)
from encoders.hashing_encoder import HashingEncoder
from encoders.item_text import ITEM_TEXT_COLUMNS, item_text, item_texts
from encoders.item_views import VIEW_SEPARATOR, item_views, item_views_of
from encoders.load_encoder import find_model, load_encoder
from encoders.model_files import ModelFiles, Origin
from encoders.packaged_model import DEFAULT_MODEL
from encoders.review_views import Views, review_lines, split_views, with_reviews
from encoders.settings import Device, EncoderSettings, Precision
from encoders.view_encoder import ViewEncoder

if TYPE_CHECKING:
    from encoders.bert_encoder import BertEncoder
    from encoders.coverage import MULTILINGUAL_MODEL, Coverage, Verdict, measure_coverage
    from encoders.fine_tuning import CoEngaged, FineTuned, FineTuning, fine_tune

_ON_DEMAND = {
    "CoEngaged": "encoders.fine_tuning",
    "FineTuned": "encoders.fine_tuning",
    "FineTuning": "encoders.fine_tuning",
    "fine_tune": "encoders.fine_tuning",
    "MULTILINGUAL_MODEL": "encoders.coverage",
    "BertEncoder": "encoders.bert_encoder",
    "Coverage": "encoders.coverage",
    "Verdict": "encoders.coverage",
    "measure_coverage": "encoders.coverage",
}

__all__ = [
    "DEFAULT_MODEL",
    "ITEM_TEXT_COLUMNS",
    "MULTILINGUAL_MODEL",
    "VIEW_SEPARATOR",
    "Adapter",
    "BertEncoder",
    "CacheUnusable",
    "CachedEncoder",
    "CoEngaged",
    "Coverage",
    "Device",
    "DeviceUnavailable",
    "EmbeddingCache",
    "EncoderError",
    "EncoderSettings",
    "FineTuned",
    "FineTuning",
    "FineTuningUnavailable",
    "HashingEncoder",
    "InvalidSetting",
    "InvalidText",
    "ModelFiles",
    "ModelMismatch",
    "ModelUnavailable",
    "Origin",
    "Precision",
    "ProgressFn",
    "TextEncoder",
    "Verdict",
    "ViewEncoder",
    "Views",
    "find_model",
    "fine_tune",
    "item_text",
    "item_texts",
    "item_views",
    "item_views_of",
    "load_encoder",
    "measure_coverage",
    "review_lines",
    "split_views",
    "with_reviews",
]


def __getattr__(name: str) -> object:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ON_DEMAND[name]), name)
