"""Losses of the trained embeddings. A loss owns no optimiser."""

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
    logits = torch.cat([own, others], dim=1) / temperature  # (b, 1 + n)
    if log_q is not None:
        logits = logits - functional.pad(log_q, (1, 0))
    return functional.cross_entropy(logits, torch.zeros(len(anchor), dtype=torch.int64, device=anchor.device))
