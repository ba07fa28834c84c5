"""Losses of the trained embeddings. A loss owns no optimiser."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def sampled_softmax(
    anchor: Tensor, positive: Tensor, negatives: Tensor, temperature: float, log_q: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy of telling the positive from shared negatives by cosine / temperature.

    anchor, positive: (b, d); negatives: (n, d), the same for the whole batch. log_q: log of the rate at
    which each negative is drawn, taken off its logit (Yi et al. 2019); `None`: uniform. Returns a scalar.
    """
    anchor = functional.normalize(anchor, dim=1)
    own = (anchor * functional.normalize(positive, dim=1)).sum(dim=1, keepdim=True)  # (b, 1)
    others = anchor @ functional.normalize(negatives, dim=1).T  # (b, n)
    logits = torch.cat([own, others], dim=1).div_(temperature)  # (b, 1 + n)
    del others  # as large as the logits
    if log_q is not None:
        logits = logits - functional.pad(log_q, (1, 0))
    return functional.cross_entropy(logits, torch.zeros(len(anchor), dtype=torch.int64, device=anchor.device))


class _InPieces(torch.autograd.Function):
    """`sampled_softmax` piece by piece, gradients at once: no logits are kept for a later way back."""

    @staticmethod
    def forward(
        ctx: Any, anchor: Tensor, positive: Tensor, negatives: Tensor, temperature: float, piece: int
    ) -> Tensor:
        whole, total = len(anchor), anchor.new_zeros(())
        shared = negatives.detach().requires_grad_()
        gradients: tuple[list[Tensor], list[Tensor]] = ([], [])
        with torch.enable_grad():
            for ends in zip(anchor.detach().split(piece), positive.detach().split(piece), strict=True):
                own = first, second = tuple(end.requires_grad_() for end in ends)
                loss = sampled_softmax(first, second, shared, temperature) * (len(first) / whole)
                torch.autograd.backward(loss)
                total += loss.detach()
                for end, kept in zip(own, gradients, strict=True):
                    assert end.grad is not None
                    kept.append(end.grad)
        assert shared.grad is not None
        ctx.save_for_backward(torch.cat(gradients[0]), torch.cat(gradients[1]), shared.grad)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        anchor, positive, negatives = ctx.saved_tensors
        return outer[0] * anchor, outer[0] * positive, outer[0] * negatives, None, None


def sampled_softmax_in_pieces(
    anchor: Tensor, positive: Tensor, negatives: Tensor, temperature: float, piece: int
) -> Tensor:
    """`sampled_softmax`, equal up to rounding, `piece` anchors at a time: the logits of 39,000 pairs leave
    every cache, in pieces the same takes less than half the processor time; of 4,096 a quarter less."""
    if len(anchor) <= piece:
        return sampled_softmax(anchor, positive, negatives, temperature)
    result: Tensor = _InPieces.apply(anchor, positive, negatives, temperature, piece)
    return result
