"""`make neo4j` waits for the server that it has begun."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "neo4j" / "server.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module; its first question to the server fails, the second is answered."""
    spec = importlib.util.spec_from_file_location("neo4j_server_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, made)
    spec.loader.exec_module(made)
    answers = iter([False, True])
    monkeypatch.setattr(made, "_answers", lambda ports, password: next(answers))
    return made


def test_a_process_that_shows_no_command_line_yet_is_waited_for(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([False, True])
    monkeypatch.setattr(script, "_running", lambda folder: next(looks))
    script._wait(tmp_path, script.Ports(1, 2))
    assert not list(looks), "it was not looked at again"


def test_a_process_that_is_gone_is_told_with_its_last_words(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "server.log").write_text("starting\nCaused by: no memory left\n", "utf-8")
    with pytest.raises(script.ServerFailure, match="ended while starting: Caused by: no memory left"):
        script._wait(tmp_path, script.Ports(1, 2))
