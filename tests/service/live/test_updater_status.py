"""What an updater's status goes on telling while nobody can look."""

import pytest

from service.live.updater_status import Served, UpdaterStatus, carried_on

BEFORE = UpdaterStatus(1, 0.0, sequence=9, applied_sequence=8, visible_sequence=7, release="a")
NEW = UpdaterStatus(2, 1.0, trouble="away")


@pytest.mark.parametrize(
    ("status", "before", "served", "numbers"),
    [
        (NEW, BEFORE, ("a", 5), (9, 8, 7, "a")),
        (NEW, BEFORE, None, (9, 8, 7, "a")),
        (NEW, BEFORE, ("b", 5), (9, 8, 5, "b")),  # what was folded into another release says nothing of it
        (NEW, None, ("a", 5), (0, 5, 5, "a")),  # a release is made of what is in the graph
        (NEW, None, None, (0, 0, 0, None)),
        (UpdaterStatus(2, 1.0, 12, 11, 10, "a"), BEFORE, ("b", 5), (12, 11, 10, "a")),  # it knows better
        (UpdaterStatus(2, 1.0, 12, 11), BEFORE, ("a", 5), (12, 11, 7, "a")),  # it follows nothing just now
    ],
)
def test_what_is_known_without_a_look_is_told(
    status: UpdaterStatus,
    before: UpdaterStatus | None,
    served: Served | None,
    numbers: tuple[int, int, int, str | None],
) -> None:
    told = carried_on(status, before, served)
    assert (told.sequence, told.applied_sequence, told.visible_sequence, told.release) == numbers
    assert (told.pid, told.at, told.trouble) == (status.pid, status.at, status.trouble)
