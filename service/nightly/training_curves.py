"""Training curves in TensorBoard's files, where a setting asks for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gnn.learning_curve import EpochFigures, EpochLog
from service.errors import BadSettings


@contextmanager
def tensorboard_log(folder: Path | None, run: str) -> Iterator[EpochLog | None]:
    """A log that writes every epoch below `folder/run` at once; None without a folder.

    A run that goes on after a kill adds a file beside the ones of its first part. Raises `BadSettings` where
    the package `tensorboard` is missing.
    """
    if folder is None:
        yield None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BadSettings("model.tensorboard needs a package: pip install 'ilk[tensorboard]'") from None
    with SummaryWriter(str(folder / run)) as writer:

        def log(epoch: EpochFigures) -> None:
            writer.add_scalar(f"{epoch.stage}/loss", epoch.loss, epoch.epoch)
            if epoch.ndcg is not None:
                writer.add_scalar(f"{epoch.stage}/ndcg@100", epoch.ndcg, epoch.epoch)
            writer.flush()

        yield log
