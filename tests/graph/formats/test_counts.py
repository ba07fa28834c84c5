"""The tally of rows."""

import pytest

from graph.formats import Counts, Outcome, Problem


def test_counts_balance_and_print() -> None:
    counts = Counts()
    problems = [
        Problem("f", 2, "empty_id", Outcome.REJECTED),
        Problem("f", 3, "time_without_zone", Outcome.REPAIRED, rows=4, last_line=6),
        Problem("f", 9, "truncated_input", Outcome.INCOMPLETE),
    ]
    counts.add(read=10, accepted=9, problems=problems)
    assert counts.balanced
    counts.mark_duplicates(2)
    assert counts.balanced
    assert counts.as_dict() == {
        "read": 10, "accepted": 7, "duplicates": 2, "rejected": {"empty_id": 1},
        "repaired": {"time_without_zone": 4}, "incomplete": {"truncated_input": 1},
    }  # fmt: skip
    more = Counts()
    more.merge(counts)
    more.merge(counts)
    assert (more.read, more.rejected, more.incomplete) == (20, {"empty_id": 2}, {"truncated_input": 2})
    with pytest.raises(ValueError, match="8 duplicates"):
        counts.mark_duplicates(8)
    counts.read += 1
    assert not counts.balanced
