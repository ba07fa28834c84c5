"""The text channel: whitening, hubs, neighbours."""

import numpy as np

from gnn.shop_arrays import FloatArray
from gnn.text_space import TextSpaceConfig, build_text_space, fit_projection


def texts(n: int, dim: int, seed: int = 0) -> FloatArray:
    raw = np.random.default_rng(seed).normal(size=(n, dim)) * np.linspace(3, 0.1, dim) + 1.0
    unit: FloatArray = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return unit


def whitened(text: FloatArray, power: float) -> FloatArray:
    projection = fit_projection(text, power)
    assert projection is not None
    return projection.apply(text)


def test_rows_without_text_stay_zero_and_move_nobody_else() -> None:
    raw = texts(40, 8)
    with_holes = np.concatenate([raw, np.zeros((5, 8), np.float32)])
    whole = whitened(with_holes, 0.35)
    assert not whole[40:].any()
    assert np.allclose(
        np.abs(whole[:40] @ whole[:40].T),
        np.abs(whitened(raw, 0.35) @ whitened(raw, 0.35).T),
        atol=1e-4,
    )
    assert np.allclose(np.linalg.norm(whole[:40], axis=1), 1, atol=1e-5)


def test_whitening_lifts_weak_axes() -> None:
    raw = texts(200, 8)
    spread = [whitened(raw, power).var(axis=0) for power in (0.0, 0.35, 1.0)]
    ratio = [s.max() / s.min() for s in spread]
    assert ratio[0] > 3 * ratio[1] > 3 * ratio[2]


def test_neighbours_are_the_nearest_and_blocks_do_not_matter() -> None:
    raw = texts(60, 8)
    config = TextSpaceConfig(neighbours=5, min_similarity=-1.0)
    space = build_text_space(raw, 60, config)
    small = build_text_space(raw, 60, TextSpaceConfig(neighbours=5, min_similarity=-1.0, block_rows=7))
    assert space is not None
    assert small is not None
    cosine = space.vectors @ space.vectors.T
    np.fill_diagonal(cosine, -2)
    expected = np.sort(np.argsort(-cosine, axis=1)[:, :5], axis=1)
    assert np.array_equal(np.sort(space.neighbours.indices.reshape(60, 5), axis=1), expected)
    assert np.allclose(space.neighbours.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(space.neighbours.toarray(), small.neighbours.toarray(), atol=1e-5)
    assert np.allclose(space.hub, 0.25 * np.take_along_axis(cosine, expected, 1).mean(axis=1), atol=1e-5)


def test_no_text_no_channel_and_one_item_has_no_neighbours() -> None:
    assert build_text_space(None, 3, TextSpaceConfig()) is None
    assert build_text_space(np.zeros((3, 4), np.float32), 3, TextSpaceConfig()) is None
    alone = build_text_space(np.full((1, 4), 0.5, np.float32), 1, TextSpaceConfig())
    assert alone is not None
    assert alone.neighbours.nnz == 0


def test_later_texts_come_into_the_same_space() -> None:
    raw = texts(60, 8)
    space = build_text_space(raw, 60, TextSpaceConfig(neighbours=5))
    assert space is not None
    assert space.projection is not None
    assert np.array_equal(space.projection.apply(raw), space.vectors)
    assert np.allclose(space.projection.apply(raw[3:4])[0], space.vectors[3], atol=1e-6)
    assert not space.projection.apply(np.zeros((1, 8), np.float32)).any()
