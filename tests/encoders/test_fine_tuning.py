"""A text model learns which texts go together, and its adapter is all that is kept of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from encoders import (
    Adapter,
    BertEncoder,
    CoEngaged,
    FineTuned,
    FineTuning,
    InvalidSetting,
    ModelFiles,
    ModelMismatch,
    Origin,
    fine_tune,
    load_encoder,
)
from encoders.fine_tuning import both_ways_loss

GOES_WITH = (
    ("tent", "stove"), ("easel", "brush"), ("oven", "flour"), ("helmet", "lock"), ("desk", "lamp"),
    ("violin", "bow"), ("spade", "seeds"), ("kettle", "tea"),
)  # fmt: skip
COLOURS = ("red", "blue", "green", "black", "white", "grey")
FAST = FineTuning(steps=60, batch=16, learning_rate=2e-2, checks=6, layers=1)


def _shop() -> CoEngaged:
    """Things go together whatever their colours; the held-out colours were not trained on."""
    texts = [f"{colour} {thing}" for colour in COLOURS for pair in GOES_WITH for thing in pair]
    n = 2 * len(GOES_WITH)
    first = np.arange(0, n, 2)
    rows = [
        np.stack([a * n + first, b * n + first + 1], axis=1)
        for a in range(len(COLOURS))
        for b in range(len(COLOURS))
    ]
    train, held = np.concatenate(rows[:-8]), np.concatenate(rows[-2:])
    return CoEngaged(texts, train, held, np.arange(len(texts)))


@pytest.fixture(scope="module")
def files(tiny_model: Path) -> ModelFiles:
    return ModelFiles("tiny-bert", tiny_model, Origin.FOLDER)


@pytest.fixture(scope="module")
def tuned(files: ModelFiles) -> FineTuned:
    return fine_tune(files, _shop(), FAST, seed=0)


def test_what_goes_together_is_learned(tuned: FineTuned) -> None:
    assert tuned.adapter is not None
    assert tuned.after[tuned.judges].mean() > tuned.before[tuned.judges].mean() + 0.15
    assert 0 < tuned.best_step <= tuned.steps <= FAST.steps


def test_same_seed_same_bytes(files: ModelFiles, tuned: FineTuned) -> None:
    again = fine_tune(files, _shop(), FAST, seed=0)
    assert again.adapter is not None
    assert tuned.adapter is not None
    assert again.adapter.content == tuned.adapter.content


def test_the_encoder_with_the_adapter_is_the_model_that_was_trained(
    files: ModelFiles, tuned: FineTuned, tiny_model: Path
) -> None:
    assert tuned.adapter is not None
    shop = _shop()
    kept = Adapter.from_content(tuned.adapter.content)
    encoder = load_encoder(str(tiny_model), adapter=kept)
    vectors = encoder.encode(list(shop.texts))
    scores = vectors[shop.held[:, 0]] @ vectors.T
    scores[np.arange(len(shop.held)), shop.held[:, 0]] = -np.inf
    own = scores[np.arange(len(shop.held)), shop.held[:, 1]][:, None]
    rank = (scores > own + 1e-6).sum(axis=1)
    ndcg = np.where(rank < 10, 1 / np.log2(rank + 2.0), 0.0)
    assert abs(float(ndcg.mean() - tuned.after.mean())) < 0.02
    plain = BertEncoder(files)
    assert encoder.fingerprint != plain.fingerprint
    assert encoder.fingerprint.startswith(plain.fingerprint)
    assert not np.allclose(vectors, plain.encode(list(shop.texts)))


def test_nothing_learned_is_no_adapter(files: ModelFiles) -> None:
    done = fine_tune(files, _shop(), FineTuning(steps=3, learning_rate=0.0, checks=3), seed=0)
    assert done.adapter is None
    assert np.array_equal(done.before, done.after)


def test_an_item_is_no_negative_of_its_own_pair() -> None:
    pairs = np.array([[0, 1], [2, 1], [1, 3]])
    query = target = torch.eye(3)
    loss = both_ways_loss(query, target, pairs, 1.0)
    # forth: 0 and 1 share their target, 2 has its query as the target of both; back: 2's query is theirs
    one, two = np.log(1 + np.exp(-1)), np.log(1 + 2 * np.exp(-1))
    assert float(loss) == pytest.approx((2 * one / 3 + (2 * one + two) / 3) / 2)
    alone = both_ways_loss(query[:2], target[:2], pairs[:2], 1.0)
    assert float(alone) == pytest.approx(np.log(1 + np.exp(-1)) / 2)


def test_an_adapter_of_another_model_is_refused(tuned: FineTuned, weights: ModelFiles) -> None:
    with pytest.raises(ModelMismatch, match="does not have alike"):
        BertEncoder(weights, adapter=tuned.adapter)
    with pytest.raises(InvalidSetting, match="no weights"):
        load_encoder("hashing", adapter=tuned.adapter)
    with pytest.raises(ModelMismatch, match="no safetensors"):
        Adapter.from_content(b"junk")
