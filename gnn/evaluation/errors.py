"""What can go wrong while models are judged.

::

    EvaluationError
    ├── InvalidScores           a model returned scores of the wrong shape, or NaN
    ├── UnfitData               the data cannot be judged by this protocol; the caller's mistake
    └── ModelUnavailable        this model cannot run on these data or this machine: skipped, with the reason
        ├── BaselineTooLarge    its memory would grow with the square of a catalogue this large
        ├── TextMissing         it needs item texts and the shop has none
        └── ExtraMissing        a package is not installed; the message holds the install command
"""


class EvaluationError(Exception):
    """Base of every error raised by `gnn.evaluation` and `gnn.baselines`."""


class InvalidScores(EvaluationError, ValueError):
    """A model returned scores of the wrong shape, or NaN."""


class UnfitData(EvaluationError, ValueError):
    """The data lack what the protocol needs; the message says what."""


class ModelUnavailable(EvaluationError):
    """The model cannot run here; evaluation reports it as skipped, with the message as the reason."""


class BaselineTooLarge(ModelUnavailable):
    """The catalogue is larger than the baseline's memory allows."""


class TextMissing(ModelUnavailable):
    """The shop has no item texts."""


class ExtraMissing(ModelUnavailable):
    """An optional package is not installed."""
