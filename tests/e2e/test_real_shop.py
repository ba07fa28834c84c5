"""The whole path on a real shop: what is served is what was evaluated, and it beats the texts alone."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from gnn import Objective
from service.answering.explanation import Explainer
from service.home import Home
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.settings import load_settings
from service.stores import closing_both, open_store
from tests.e2e.conftest import Run
from tests.e2e.test_serving import Server
from tests.graph.real_reviews import RealReviews

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

ITEMS_COMPARED = 1000
REAL = {"ILK_ENCODER__MODEL": "sentence-transformers/all-MiniLM-L6-v2", "ILK_MODEL__OPTIONS": "{}"}


@pytest.fixture(scope="module")
def electronics(shared_data: Path) -> Path:
    return shared_data / "amazon23-electronics"


@pytest.fixture(scope="module")
def home(ilk: Run, electronics: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("electronics") / "home"
    loaded = ilk("--home", folder, "load", electronics, "--json", "-", environment=REAL)
    assert loaded.returncode == 0, loaded.stderr
    events = json.loads(loaded.stdout)["events"]
    assert (events["read"], events["accepted"], events["duplicates"]) == (131_154, 130_500, 654)
    learned = ilk("--home", folder, "refresh", "--json", "-", environment=REAL, timeout=1800)
    assert learned.returncode == 0, learned.stderr
    result = json.loads(learned.stdout)
    assert result["published"]
    assert result["peak_memory_bytes"] <= 2 * 1024**3
    return folder


def test_the_served_top_10_is_the_evaluated_one(home: Path) -> None:
    release = ReleaseStore(home / "releases").open_current()
    ids = [card["item_id"] for card in release.items.cards(np.arange(len(release.items)))]
    alive = release.items.alive
    rows = np.random.default_rng(0).choice(np.flatnonzero(alive), ITEMS_COMPARED, replace=False)
    server = Server(home, environment=REAL)
    try:
        for objective in Objective:
            overlap = []
            for row in rows[: ITEMS_COMPARED if objective is Objective.RELATED else 100]:
                scores = release.model.score_similar(np.array([row]), objective)[0]  # type: ignore[attr-defined]
                scores[[row, *np.flatnonzero(~alive)]] = -np.inf
                full = {ids[best] for best in np.argsort(-scores, kind="stable")[:10]}
                served = _served(server.client, ids[row], objective)
                overlap.append(len(full & served) / 10)
            assert np.mean(overlap) >= 0.99, objective
    finally:
        assert server.stop() == 0


def _served(client: httpx.Client, item_id: str, objective: Objective) -> set[str]:
    answer = client.get("/v1/similar", params={"item_id": item_id, "k": 10, "objective": objective.value})
    assert answer.status_code == 200, answer.text
    return {row["item_id"] for row in answer.json()["results"]}


def test_explanations_of_real_pairs_add_up_and_count_as_the_files_do(home: Path, electronics: Path) -> None:
    reviews = RealReviews(electronics)
    holder = ReleaseHolder(ReleaseStore(home / "releases"))
    holder.poll()
    store = open_store(load_settings(home), Home(home))
    told = []
    with closing_both(store):
        explainer = Explainer(holder.serving, store)
        for a, b in reviews.pairs():
            explained = explainer.explain(a, b)
            assert explained.score is not None
            assert sum(explained.parts.values()) == pytest.approx(explained.score, abs=1e-4)
            assert sum(explained.features.values()) == pytest.approx(explained.score, abs=1e-4)
            users = reviews.shared((a, b))
            evidence = explained.evidence
            assert evidence.users == (users if users >= 3 else None)
            assert list(evidence.by_relation.values()) == ([users] if users >= 3 else [])
            told.append(users >= 3)
    assert (len(told), sum(told)) == (20, 10)


def test_the_graph_beats_the_texts(ilk: Run, electronics: Path, home: Path) -> None:
    done = ilk(
        "--home", home, "evaluate", electronics, "--models", "ilk,text", "--json", "-",
        environment=REAL, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    models = json.loads(done.stdout)["models"]
    assert models["text"]["next"]["warm"]["hr@10"] == pytest.approx(0.0235, rel=0.05)
    assert models["ilk"]["next"]["warm"]["hr@10"] >= 0.0275
    assert models["ilk"]["next"]["warm"]["ndcg@10"] > models["text"]["next"]["warm"]["ndcg@10"] * 1.1


def test_a_refresh_of_nothing_new_is_quick_and_changes_nothing(ilk: Run, home: Path) -> None:
    before = ReleaseStore(home / "releases").current_version()
    again = json.loads(ilk("--home", home, "refresh", "--json", "-", environment=REAL).stdout)
    assert (again["published"], again["reason"], again["release"]) == (False, "unchanged", before)
