"""Vectors with planted neighbourhoods, as embeddings of real catalogues have them."""

import numpy as np
import numpy.typing as npt


def clustered(
    rows: int, dim: int, seed: int, clusters: int = 50, spread: float = 0.6
) -> npt.NDArray[np.float32]:
    """Unit vectors around `clusters` centres, float32 (rows, dim)."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((clusters, dim))
    points = centres[rng.integers(0, clusters, rows)] + spread * rng.standard_normal((rows, dim))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float32)


def integers(rows: int, dim: int, seed: int) -> npt.NDArray[np.float32]:
    """Small whole numbers: inner products are exact, and many tie."""
    return np.random.default_rng(seed).integers(-2, 3, (rows, dim)).astype(np.float32)
