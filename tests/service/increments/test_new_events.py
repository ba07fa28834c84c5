"""What an increment learns from and what judges it."""

import numpy as np
import pytest

from service.errors import CallerMistake
from service.increments.new_events import NewEvents


def test_the_newest_of_the_new_ones_judge_wherever_they_stand() -> None:
    new = NewEvents.since(np.array([9, 1, 8, 2, 7, 10, 6]), through=5, holdout_share=0.4)
    assert np.flatnonzero(new.learned).tolist() == [2, 4, 6]
    assert np.flatnonzero(new.held).tolist() == [0, 5]
    assert new.block == (6, 8)


def test_too_few_are_said_so() -> None:
    with pytest.raises(CallerMistake, match="only 2 events are new"):
        NewEvents.since(np.arange(6), through=3, holdout_share=0.4)
