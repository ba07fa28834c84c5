"""What alerts see of rejected releases and of drift."""

from pathlib import Path

from service.api.metrics import Metrics
from service.home import Home
from service.increments.hop import Hop
from service.increments.state import IncrementState
from service.reporting.gate_standing import GateStanding, read_gate_standing
from service.reporting.history import append_history


def test_rejections_in_a_row_and_drift_become_metrics(tmp_path: Path) -> None:
    home = Home(tmp_path)
    metrics = Metrics()
    assert read_gate_standing(home) == GateStanding()
    for passed, overlap in ((False, None), (True, 0.75), (False, None), (False, None)):
        index = {"index": {"recall@10": overlap}} if overlap else {}
        append_history(home, {"gate": {"passed": passed}, "overlap": overlap, "metrics": index})
    IncrementState(Hop(100, failures=2)).write(home)
    standing = read_gate_standing(home)
    assert standing == GateStanding(2, 2, 0.25, 0.75)
    metrics.home.show_gate(standing)
    text = metrics.render().decode()
    assert 'ilk_gate_rejections{kind="refresh"} 2.0' in text
    assert 'ilk_gate_rejections{kind="increment"} 2.0' in text
    assert "ilk_neighbour_drift 0.25" in text
    assert "ilk_index_recall 0.75" in text
    append_history(home, {"gate": {"passed": True}, "overlap": 0.1})
    metrics.home.show_gate(read_gate_standing(home))
    text = metrics.render().decode()
    assert 'ilk_gate_rejections{kind="refresh"} 0.0' in text
    assert "ilk_neighbour_drift 0.9" in text
