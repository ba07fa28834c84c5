"""Weights that fit a loss under a Gaussian prior around where they start."""

from collections.abc import Callable, Iterable
from typing import Any

import torch

from gnn.shop_arrays import FloatArray

Loss = Callable[[torch.Tensor], torch.Tensor]
"""Weights (features,) -> a number that is the lower, the better they fit."""


class _InParts(torch.autograd.Function):
    """A sum of losses, each with its gradient at once: what one needs is gone before the next."""

    @staticmethod
    def forward(ctx: Any, weights: torch.Tensor, parts: Iterable[Loss]) -> torch.Tensor:
        inner = weights.detach().requires_grad_()
        total, gradient = weights.new_zeros(()), torch.zeros_like(inner)
        for part in parts:
            with torch.enable_grad():
                loss = part(inner)
            (own,) = torch.autograd.grad(loss, inner)
            total, gradient = total + loss.detach(), gradient + own
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return outer[0] * gradient, None


def in_parts(parts: Iterable[Loss]) -> Loss:
    """Their sum, worked out one after the other."""

    def loss(weights: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = _InParts.apply(weights, parts)
        return total

    return loss


def fitted_shift(
    start: FloatArray,
    loss: Loss,
    strength: float,
    iterations: int,
    memory: int,
    free: FloatArray | None = None,
) -> FloatArray:
    """How far to move from `start` for the least loss(start + shift) + strength x |shift|^2: the maximum a
    posteriori under a Gaussian prior, by L-BFGS with a strong Wolfe line search, (features,).

    memory: newest steps that stand for the curvature. free: 1 where a weight may move, 0 where not (`None`:
    all may), (features,).
    """
    origin = torch.from_numpy(start)
    may_move = torch.ones_like(origin) if free is None else torch.from_numpy(free)
    shift = torch.zeros_like(origin, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [shift], max_iter=iterations, history_size=memory, line_search_fn="strong_wolfe"
    )

    def objective() -> torch.Tensor:
        optimiser.zero_grad()
        total = loss(origin + may_move * shift) + strength * shift.square().sum()
        total.backward()
        return total

    optimiser.step(objective)
    return (may_move * shift).detach().numpy()
