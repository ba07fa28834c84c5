"""A dataset's own train and test, from files to figures."""

from pathlib import Path

import pytest
from rich.console import Console

from service.errors import CallerMistake
from service.evaluating.evaluation import EvaluateRequest, run_evaluation
from service.reporter import Reporter
from service.settings import load_settings

TRAIN = "0 1 2 3\n1 1 2\n2 2 1 4\n3 4 3\n"
"""User, then the items they took; item 1 and 2 go together, and so do 3 and 4."""


def evaluated(shop: Path, home: Path) -> dict[str, object]:
    request = EvaluateRequest(shop, protocol="given-split", models=("popularity", "item-knn"))
    settings = load_settings(home, {"encoder": {"model": "hashing:32"}})
    return run_evaluation(request, settings, Reporter(Console(quiet=True))).as_json()


def test_users_are_judged_on_the_files_own_test(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "train.txt").write_text(TRAIN)
    (shop / "test.txt").write_text("1 3\n3 2\n")
    result = evaluated(shop, tmp_path / "home")
    models = result["models"]
    assert isinstance(models, dict)
    for figures in models.values():
        assert figures["user_next"]["n"] == 2
        assert figures["user_next"]["recall@20"] == 1.0  # four items, all within 20
        assert "next" not in figures


def test_files_without_a_test_have_no_split(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "train.txt").write_text(TRAIN)
    with pytest.raises(CallerMistake, match="no split of its own"):
        evaluated(shop, tmp_path / "home")
