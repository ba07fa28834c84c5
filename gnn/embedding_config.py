"""Shape of the trained network; apart from it, so that serving need not import torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EmbeddingConfig:
    """Shape of the network."""

    dim: int = 64
    """Length of an embedding."""
    text_dims: int = 128
    """Leading principal axes of the text vectors that the network reads."""
    layers: int = 2
    """Propagation steps; 0: none, 2: over shared users."""
    residual_dropout: float = 0.2
    """Share of items whose residual is dropped in a step, so that texts must carry them too."""
    residual_scale: float = 0.05
    """Standard deviation of fresh residuals beside a unit text vector."""
    residual_scale_without_text: float = 0.1
    """The same where no item has a text."""
    side_scale: float = 0.02
    """Standard deviation of fresh category and brand vectors."""
