"""Texts -> float32 matrix: encoders, their cache, and what an item's text is."""

from encoders.bert_encoder import BertEncoder
from encoders.cached_encoder import CachedEncoder
from encoders.coverage import MULTILINGUAL_MODEL, Coverage, Verdict, measure_coverage
from encoders.embedding_cache import EmbeddingCache
from encoders.encoder import ProgressFn, TextEncoder
from encoders.errors import (
    CacheUnusable,
    DeviceUnavailable,
    EncoderError,
    InvalidSetting,
    InvalidText,
    ModelMismatch,
    ModelUnavailable,
)
from encoders.hashing_encoder import HashingEncoder
from encoders.item_text import ITEM_TEXT_COLUMNS, item_text, item_texts
from encoders.item_views import VIEW_SEPARATOR, ViewEncoder, item_views, item_views_of
from encoders.load_encoder import find_model, load_encoder
from encoders.model_files import ModelFiles, Origin
from encoders.packaged_model import DEFAULT_MODEL
from encoders.settings import Device, EncoderSettings, Precision

__all__ = [
    "DEFAULT_MODEL",
    "ITEM_TEXT_COLUMNS",
    "MULTILINGUAL_MODEL",
    "VIEW_SEPARATOR",
    "BertEncoder",
    "CacheUnusable",
    "CachedEncoder",
    "Coverage",
    "Device",
    "DeviceUnavailable",
    "EmbeddingCache",
    "EncoderError",
    "EncoderSettings",
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
    "find_model",
    "item_text",
    "item_texts",
    "item_views",
    "item_views_of",
    "load_encoder",
    "measure_coverage",
]
