"""Explanations, profiles, trends and shaped lists over HTTP."""

from typing import Any

import pytest

from service.answering.shaping import Boost
from service.api.schemas import ExplanationShape, ProfileShape, SearchShape, SimilarShape
from tests.service.api.conftest import SHOP, Api


def test_explain_by_path_and_by_query(api: Api) -> None:
    by_path = api.get("/v1/items/with%2Fslash%2Fes/explain/item-30")
    assert by_path == api.get("/v1/explain", params={"item_id": "with/slash/es", "other": "item-30"})
    shape = ExplanationShape.model_validate(by_path)
    assert shape.score == pytest.approx(sum(shape.parts.values()), abs=1e-5)
    assert shape.evidence.users is None
    assert "anna" not in str(by_path)


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/v1/items/plain/explain/nobody", 404, "unknown-item"),
        ("/v1/items/plain/explain/plain", 404, "no-explanation"),
        ("/v1/items/plain/explain/item-30?objective=odd", 422, "invalid-request"),
        ("/v1/explain?item_id=plain", 422, "invalid-request"),
        ("/v1/items/plain/explain/%FF", 422, "invalid-id"),
        ("/v1/users/nobody/profile", 404, "unknown-user"),
    ],
)
def test_what_cannot_be_explained(api: Api, path: str, status: int, kind: str) -> None:
    assert api.get(path, status)["type"] == f"urn:ilk:problem:{kind}"


def test_similar_with_reasons(api: Api) -> None:
    plain = api.get("/v1/items/plain/similar?k=5")
    found = api.get("/v1/items/plain/similar?k=5&explain=true")
    SimilarShape.model_validate(found)
    for row in found["results"]:
        assert sum(row.pop("why").values()) == pytest.approx(row["score"], abs=1e-5)
    assert found == plain


def test_fields_cut_the_results(api: Api) -> None:
    found = api.get("/v1/items/plain/similar?k=2&fields=title&fields=price")
    SimilarShape.model_validate(found)
    assert all(set(row) == {"item_id", "score", "source", "title", "price"} for row in found["results"])
    assert api.get("/v1/items/plain/similar?fields=secret", 422)


def test_a_boost_moves_what_it_names(make_api: Any) -> None:
    boosts = {"odd": Boost("category", "A > Odd", 1.0), "none": Boost("brand", "nobody", 1.0)}
    with make_api(boosts=boosts) as api:
        k = SHOP.n // 3
        boosted = api.get(f"/v1/items/plain/similar?k={k}&boost=odd&explain=true")["results"]
        # with the whole distance added, none of the others is above
        assert {row["categories"][0] for row in boosted} == {"A > Odd"}
        for row in boosted:
            assert sum(row["why"].values()) == pytest.approx(row["score"], abs=1e-4)
        plain = api.get(f"/v1/items/plain/similar?k={k}")["results"]
        assert {row["categories"][0] for row in plain} == {"A > Odd", "A > Even"}
        assert api.get(f"/v1/items/plain/similar?k={k}&boost=none")["results"] == plain
        problem = api.get("/v1/items/plain/similar?boost=sale", 422)
        assert "'sale'" in problem["detail"]
        assert "none, odd" in problem["detail"]


def test_diversity_keeps_the_best_and_spreads_the_rest(api: Api) -> None:
    plain = [row["item_id"] for row in api.get("/v1/items/plain/similar?k=10")["results"]]
    for diversity in (0.3, 0.9):
        spread = api.get(f"/v1/items/plain/similar?k=10&diversity={diversity}")["results"]
        ids = [row["item_id"] for row in spread]
        assert ids[0] == plain[0]
        assert len(set(ids)) == 10
        assert ids != plain
    assert api.get("/v1/items/plain/similar?diversity=1.1", 422)


def test_trending_is_what_rises(api: Api) -> None:
    found = api.get("/v1/trending?k=3")
    SearchShape.model_validate(found)
    assert [row["item_id"] for row in found["results"]] == ["item-59", "item-58", "item-57"]
    even = api.get("/v1/trending?k=2&category=A > Even")["results"]
    assert [row["item_id"] for row in even] == ["item-58", "item-56"]


def test_a_profile_is_readable(api: Api) -> None:
    profile = ProfileShape.model_validate(api.get("/v1/users/anna%2Fb/profile"))
    assert profile == ProfileShape.model_validate(api.get("/v1/profile?user_id=anna/b"))
    assert [one.item_id for one in profile.recent] == ["item-31", "item-30"]
    assert {(one.name, one.items) for one in profile.categories} == {("A > Even", 1), ("A > Odd", 1)}
    assert profile.brands[0].items == 2
    assert profile.prices is not None
    assert (profile.prices.low, profile.prices.high) == (31.0, 31.0)
    assert profile.model.items_in_release == 2


def test_what_is_shown_has_a_name(api: Api) -> None:
    first, again = (api.get("/v1/items/plain/similar")["recommendation_id"] for _ in range(2))
    assert first == again != api.get("/v1/items/plain/similar?k=3")["recommendation_id"]
