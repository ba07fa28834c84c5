"""An option of `ilk` behind the command: the error says where it belongs, and shows the call."""

import pytest

from service.cli.command import run


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["load", "X", "--home", "Y"], "--home comes before the command: `ilk --home Y load X`"),
        (["load", "--home=Y", "X"], "--home comes before the command: `ilk --home=Y load X`"),
        (["similar", "--home", "my shop", "a b"], "`ilk --home 'my shop' similar 'a b'`"),
        (["release", "list", "--home", "Y"], "`ilk --home Y release list`"),
        (["status", "--home"], "`ilk --home VALUE status`"),
        (["status", "--version"], "--version comes before the command: `ilk --version status`"),
    ],
)
def test_the_call_is_shown_as_it_should_be(
    args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(args) == 2
    said = capsys.readouterr().err
    assert said.startswith("ilk: --")
    assert told in said


@pytest.mark.parametrize("args", [["load", "X", "--hoem", "Y"], ["--hoem", "Y", "load", "X"]])
def test_what_ilk_does_not_know_either_is_said_as_before(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(args) == 2
    said = capsys.readouterr().err
    assert "No such option: --hoem" in said
    assert "comes before" not in said
