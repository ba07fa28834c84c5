"""The made-up shop is the same every time and holds what it claims."""

from pathlib import Path

from service.demo.sample_shop import TASTES, SampleShop

SMALL = SampleShop(users=200, variants=4)


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    SMALL.write(tmp_path / "a")
    SMALL.write(tmp_path / "b")
    for name in ("items.jsonl", "events.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    other = SampleShop(users=200, variants=4, seed=8)
    assert other.events(other.items()) != SMALL.events(SMALL.items())


def test_shoppers_stay_with_their_tastes() -> None:
    items = SMALL.items()
    row = {item["item_id"]: index for index, item in enumerate(items)}
    tastes: dict[object, list[str]] = {}
    for event in SMALL.events(items):
        tastes.setdefault(event["user_id"], []).append(SMALL.taste_of(row[event["item_id"]]))
    shares = [max(map(mine.count, set(mine))) / len(mine) for mine in tastes.values() if len(mine) >= 8]
    assert sum(shares) / len(shares) > 0.6


def test_a_taste_spans_categories() -> None:
    tops: dict[str, set[str]] = {}
    for row, item in enumerate(SMALL.items()):
        tops.setdefault(SMALL.taste_of(row), set()).add(str(item["category"]).split(" > ")[0])
    assert set(tops) == set(TASTES)
    assert all(len(found) >= 2 for found in tops.values())
