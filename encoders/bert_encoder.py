"""Sentence vectors of BERT-like models."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from encoders.adapter import Adapter
from encoders.encoder import ProgressFn
from encoders.errors import DeviceUnavailable, InvalidText, ModelMismatch
from encoders.model_files import ModelFiles, Pooling
from encoders.precision import cpu_flags, cpu_precision
from encoders.settings import Device, EncoderSettings, Precision
from encoders.token_batches import batches_by_length, padded

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

WINDOW = 4096
"""Texts that are tokenised and sorted by length at a time; bounds the memory for token ids."""
CPU_BATCH_TOKENS = 2048
CUDA_BATCH_TOKENS = 32_768


class BertEncoder:
    """Mean-pooled (or, where the model says so, first-token) BERT vectors of unit length.

    As in Reimers and Gurevych, "Sentence-BERT" (2019), and as sentence-transformers computes them for
    all-MiniLM-L6-v2. A text's vector does not depend on its batch: to about 1e-6 per coordinate in fp32, to a
    cosine of about 0.99997 in bf16. Safe from several threads.
    """

    def __init__(
        self, files: ModelFiles, settings: EncoderSettings | None = None, adapter: Adapter | None = None
    ) -> None:
        """Load from `files`, fine-tuned by `adapter`. Raises `ModelMismatch`, `DeviceUnavailable`."""
        self.settings = settings or EncoderSettings()
        self.files = files
        self._pooling = files.pooling()
        self.device = _device(self.settings.device)
        self.precision = _precision(self.settings.precision, self.device)
        self._tokenizer, self._model = loaded_model(files)
        if adapter is not None:
            adapter.apply(self._model)
        self._model = self._model.to(self.device)  # type: ignore[arg-type]
        self.max_length = self._effective_max_length()
        default_budget = CPU_BATCH_TOKENS if self.device.type == "cpu" else CUDA_BATCH_TOKENS
        self._batch_tokens = self.settings.batch_tokens or default_budget
        self._fingerprint = (
            f"{files.model_id}:{files.content_sha256[:32]}:{self._pooling}:{self.max_length}:{self.precision}"
        )
        if adapter is not None:
            self._fingerprint += f":{adapter.sha256[:32]}"
        logger.info("text model %s on %s in %s", files.model_id, self.device, self.precision)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._model.config.hidden_size)

    @property
    def fingerprint(self) -> str:
        """Name, sha256 of weights, tokenizer and configuration, pooling, maximum length, precision, adapter.

        Not the device: CPU and CUDA agree within float tolerance.
        """
        return self._fingerprint

    def encode(self, texts: Sequence[str], progress: ProgressFn | None = None) -> npt.NDArray[np.float32]:
        """As the port says. Raises `InvalidText` when something is not a string."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        filled = [row for row, text in enumerate(texts) if not _is_blank(text, row)]
        done = len(texts) - len(filled)
        for start in range(0, len(filled), WINDOW):
            rows = np.asarray(filled[start : start + WINDOW], dtype=np.int64)
            for picked, block in self._encode_window([texts[row] for row in rows]):
                vectors[rows[picked]] = block
                done += len(picked)
                if progress is not None:
                    progress(done, len(texts))
        return vectors

    def word_pieces(self, words: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Into how many pieces each word is cut, and how many of those the model does not know; each (n,)."""
        if not words:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        ids = self._tokenizer([_valid_utf8(word) for word in words], add_special_tokens=False)["input_ids"]
        unknown = self._tokenizer.unk_token_id
        pieces = np.array([len(row) for row in ids], dtype=np.int64)
        return pieces, np.array([row.count(unknown) for row in ids], dtype=np.int64)

    def _encode_window(
        self, texts: Sequence[str]
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """(positions, their vectors) batch by batch."""
        rows = self._tokenizer(
            [_valid_utf8(text) for text in texts], truncation=True, max_length=self.max_length
        )
        ids = rows["input_ids"]
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        for picked in batches_by_length(lengths, self._batch_tokens):
            batch = padded([ids[position] for position in picked], self._tokenizer.pad_token_id or 0)
            yield picked, self._forward(*batch)

    def _forward(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        token_ids = torch.from_numpy(ids).to(self.device)  # (b, t)
        token_mask = torch.from_numpy(mask).to(self.device)  # (b, t)
        bf16 = self.precision is Precision.BF16
        with torch.inference_mode():
            with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
                states = self._model(input_ids=token_ids, attention_mask=token_mask).last_hidden_state
            unit = torch.nn.functional.normalize(pooled(states.float(), token_mask, self._pooling), dim=1)
        return np.asarray(unit.cpu().numpy(), dtype=np.float32)

    def _effective_max_length(self) -> int:
        limits = [self.settings.max_length, int(self._tokenizer.model_max_length)]
        limits.append(int(getattr(self._model.config, "max_position_embeddings", self.settings.max_length)))
        effective = min(limits)
        if effective < self.settings.max_length:
            logger.warning(
                "%s reads at most %d word pieces, not %d", self.files.model_id, *sorted(limits)[::2]
            )
        return effective


def loaded_model(files: ModelFiles) -> "tuple[PreTrainedTokenizerBase, PreTrainedModel]":
    """Tokenizer and model in float32, in evaluation mode. Raises `ModelMismatch`."""
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer  # takes seconds: only when a model is really loaded

    try:
        with _quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(files.folder, local_files_only=True)
            model = AutoModel.from_pretrained(files.folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelMismatch(f"{files.folder} cannot be loaded as a text model: {reason}") from error
    return tokenizer, model.float().eval()


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """No progress bar while weights load: this floor reports by logging and by `ProgressFn`."""
    from transformers.utils import logging as log

    was_on = log.is_progress_bar_enabled()
    log.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if was_on:
            log.enable_progress_bar()  # type: ignore[no-untyped-call]


def _device(asked: Device) -> torch.device:
    if asked is Device.CPU:
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if asked is Device.CUDA:
        raise DeviceUnavailable("no CUDA device is usable here; set the encoder's device to cpu or auto")
    return torch.device("cpu")


def _precision(asked: Precision, device: torch.device) -> Precision:
    """On CUDA, automatic means fp32: cached vectors then agree with those of a CPU."""
    if device.type == "cpu":
        return cpu_precision(asked, cpu_flags())
    return Precision.FP32 if asked is Precision.AUTO else asked


def pooled(states: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """Token vectors (b, t, d), mask (b, t) -> text vectors (b, d), not yet of unit length."""
    if pooling is Pooling.CLS:
        return states[:, 0]
    weight = mask.unsqueeze(-1).to(states.dtype)  # (b, t, 1)
    return (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


def _is_blank(text: object, row: int) -> bool:
    if not isinstance(text, str):
        raise InvalidText(f"text {row} is a {type(text).__name__}, not a string")
    return not text.strip()


def _valid_utf8(text: str) -> str:
    """Lone surrogates (broken JSON escapes) become question marks: the tokenizer refuses them."""
    return text.encode("utf-8", "replace").decode("utf-8")
