"""Fine-tuning a text model on what shoppers take together: co-engaged items' texts move closer.

In-batch softmax over cosines, both ways (sentence-transformers call it multiple negatives ranking; Henderson
et al. 2017), on low-rank changes of the last layers' attention (Hu et al., "LoRA", 2021), through `peft`. It
is judged as it goes on held-out pairs; the moment that ranks one half of them best is kept, and the other
half, which chose nothing, says what it is worth.
"""

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from encoders.adapter import Adapter
from encoders.bert_encoder import loaded_model, pooled
from encoders.errors import FineTuningUnavailable, ModelMismatch
from encoders.model_files import ModelFiles
from encoders.precision import cpu_flags, cpu_precision
from encoders.settings import Precision

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

Pairs = npt.NDArray[np.int64]
StepFn = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""

TARGETS = ("query", "value", "q_lin", "v_lin", "q_proj", "v_proj")
"""Names that models give to the matrices LoRA changes: queries and values of attention."""
LORA_SCALE = 2
"""How much a change counts: alpha / rank."""
_CHOOSE = slice(0, None, 2)
"""Places of the held-out pairs that choose the moment."""
_ENCODED = 64
"""Texts at a time while judging."""


@dataclass(frozen=True)
class FineTuning:
    """How a text model is fine-tuned."""

    steps: int = 200
    """At most; early stopping mostly needs fewer."""
    batch: int = 64
    """Pairs of a step: every other pair's target is a negative."""
    rank: int = 8
    layers: int = 2
    """Last layers that change; gradients go no deeper, which makes a step cost little more than encoding."""
    learning_rate: float = 1e-3
    warm_up: float = 0.1
    """Share of the steps over which the learning rate rises from 0; it falls to 0 linearly afterwards."""
    temperature: float = 0.05
    """Of the softmax over cosines, as is usual for sentence embeddings."""
    max_length: int = 48
    """Word pieces of a text that are read: the title, mostly."""
    checks: int = 10
    """How often it is judged."""
    patience: int = 3
    """Judgements in a row without a new best after which it stops."""


@dataclass(frozen=True)
class CoEngaged:
    """Texts and which of them shoppers took one after the other or together."""

    texts: Sequence[str]
    train: Pairs
    """Rows of `texts`, int64 (p, 2)."""
    held: Pairs
    """Newer ones that judge, int64 (v, 2)."""
    pool: npt.NDArray[np.int64]
    """Rows among which the target of a held-out pair is looked for; holds all of theirs."""


@dataclass(frozen=True)
class FineTuned:
    """What came of it."""

    adapter: Adapter | None
    """Of the best moment; None where no moment beat the model as it came on the pairs that choose."""
    steps: int
    """Until it stopped."""
    best_step: int
    before: npt.NDArray[np.float32]
    """NDCG@10 of each held-out pair by cosine, with the model as it came; (v,)."""
    after: npt.NDArray[np.float32]
    """The same with the adapter; equal to `before` where there is none."""

    @property
    def judges(self) -> slice:
        """Places of the held-out pairs that had no say in which moment is kept."""
        return slice(1, None, 2)


def fine_tune(
    files: ModelFiles, shop: CoEngaged, how: FineTuning, seed: int, progress: StepFn | None = None
) -> FineTuned:
    """Train on the CPU: equal inputs give equal bytes. Raises `FineTuningUnavailable`, `ModelMismatch`."""
    trial = _Trial(files, shop, how, seed)
    before = best = trial.judged()
    best_step, adapter, worse, step = 0, None, 0, 0
    every = max(1, how.steps // how.checks)
    while step < how.steps and worse < how.patience and len(shop.train) and len(shop.held):
        trial.step(step)
        step += 1
        if progress is not None:
            progress(step, how.steps)
        if step % every == 0 or step == how.steps:
            now = trial.judged()
            logger.info("fine-tuning: step %d, NDCG@10 %.4f (before: %.4f)", step, now.mean(), before.mean())
            worse += 1
            if now[_CHOOSE].mean() > best[_CHOOSE].mean():
                best, best_step, adapter, worse = now, step, trial.adapter(), 0
    return FineTuned(adapter, step, best_step, before, best)


class _Trial:
    """One model under training."""

    def __init__(self, files: ModelFiles, shop: CoEngaged, how: FineTuning, seed: int) -> None:
        self._how, self._shop = how, shop
        self._rng = np.random.default_rng(seed)
        self._pooling = files.pooling()
        self._bf16 = cpu_precision(Precision.AUTO, cpu_flags()) is Precision.BF16  # as the encoder does
        self._tokenizer, base = loaded_model(files)
        self._model = _with_lora(base, how)
        _draw(self._model, torch.Generator().manual_seed(seed))
        self._learned = [one for one in self._model.parameters() if one.requires_grad]
        self._optimiser = torch.optim.AdamW(self._learned, lr=how.learning_rate)

    def step(self, number: int) -> None:
        """One gradient step."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._how.learning_rate * self._share(number)
        pairs = self._shop.train[self._rng.integers(len(self._shop.train), size=self._how.batch)]
        rows, place = np.unique(pairs, return_inverse=True)
        vectors = self._encoded(rows)  # (u, d)
        query, target = (vectors[torch.from_numpy(place.reshape(pairs.shape)[:, side])] for side in (0, 1))
        self._optimiser.zero_grad(set_to_none=True)
        loss = both_ways_loss(query, target, pairs, self._how.temperature)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._learned, 1.0)
        self._optimiser.step()

    def judged(self) -> npt.NDArray[np.float32]:
        """NDCG@10 of each held-out pair, (v,)."""
        held = self._shop.held
        rows = np.unique(np.concatenate([held.ravel(), self._shop.pool]))
        with torch.inference_mode():
            blocks = [
                self._encoded(rows[start : start + _ENCODED]) for start in range(0, len(rows), _ENCODED)
            ]
        vectors = torch.cat(blocks).numpy()  # (r, d)
        query, target = vectors[np.searchsorted(rows, held[:, 0])], vectors[np.searchsorted(rows, held[:, 1])]
        scores = query @ vectors[np.searchsorted(rows, self._shop.pool)].T  # (v, pool)
        scores[held[:, 0][:, None] == self._shop.pool[None, :]] = -np.inf
        rank = (scores > (query * target).sum(axis=1)[:, None] + 1e-6).sum(axis=1)
        return np.where(rank < 10, 1 / np.log2(rank + 2.0), 0.0).astype(np.float32)

    def adapter(self) -> Adapter:
        """What has been learned so far."""
        down, up = {}, {}
        for name, parameter in self._model.named_parameters():
            layer, _, kind = name.removeprefix("base_model.model.").partition(".lora_")
            values = parameter.detach().numpy().copy()
            if kind.startswith("A"):
                down[layer] = values
            elif kind.startswith("B"):
                up[layer] = (values * LORA_SCALE).astype(np.float32)
        return Adapter(down, up)

    def _share(self, number: int) -> float:
        rising = max(1, round(self._how.warm_up * self._how.steps))
        if number < rising:
            return (number + 1) / rising
        return (self._how.steps - number) / max(1, self._how.steps - rising)

    def _encoded(self, rows: Pairs) -> Tensor:
        """Unit vectors, (len(rows), d)."""
        batch = self._tokenizer(
            [self._shop.texts[row] for row in rows],
            truncation=True,
            max_length=self._how.max_length,
            padding=True,
            return_tensors="pt",
        )
        ids, mask = batch["input_ids"], batch["attention_mask"]  # (u, t)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state  # (u, t, d)
        return functional.normalize(pooled(states.float(), mask, self._pooling), dim=1)


def both_ways_loss(query: Tensor, target: Tensor, pairs: Pairs, temperature: float) -> Tensor:
    """Cross-entropy of each pair among the batch's, from query to target and back; a scalar.

    query, target: unit vectors (b, d). pairs: items (b, 2); an item is no negative of its own pair.
    """
    scores = query @ target.T / temperature  # (b, b)
    first, second = (torch.from_numpy(np.ascontiguousarray(pairs[:, side])) for side in (0, 1))
    own = torch.eye(len(pairs), dtype=torch.bool)
    same = (second[:, None] == second[None, :]) | (first[:, None] == second[None, :])
    other = (first[:, None] == first[None, :]) | (second[:, None] == first[None, :])
    right = torch.arange(len(pairs))
    forth = functional.cross_entropy(scores.masked_fill(same & ~own, -torch.inf), right)
    back = functional.cross_entropy(scores.T.masked_fill(other & ~own, -torch.inf), right)
    return (forth + back) / 2


def _with_lora(model: "PreTrainedModel", how: FineTuning) -> Any:
    try:
        from peft import LoraConfig, get_peft_model  # an extra, and slow to import
    except ImportError as error:
        raise FineTuningUnavailable("fine-tuning needs peft: pip install 'ilk[finetune]'") from error
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    targets = [name for name in TARGETS if name in names]
    if not targets:
        raise ModelMismatch(f"{model.config.model_type} models have no attention that can be fine-tuned")
    depth = int(model.config.num_hidden_layers)
    config = LoraConfig(
        r=how.rank,
        lora_alpha=LORA_SCALE * how.rank,
        lora_dropout=0.0,
        target_modules=targets,
        layers_to_transform=list(range(max(0, depth - how.layers), depth)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # between peft and transformers: nothing of ours to mend
        return get_peft_model(model, config)


def _draw(model: Any, generator: torch.Generator) -> None:
    """LoRA's start anew from our generator: peft draws from the global one."""
    for name, parameter in model.named_parameters():
        if ".lora_A." in name:
            bound = float(parameter.shape[1]) ** -0.5
            torch.nn.init.uniform_(parameter, -bound, bound, generator=generator)
