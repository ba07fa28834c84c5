"""Reviews as part of items' texts: in a release, in an evaluation, and gone with their writer."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from encoders import EmbeddingCache, HashingEncoder, ViewEncoder, item_views_of, with_reviews
from gnn.fitted_ilk import FittedIlk
from gnn.shop_arrays import FloatArray
from service.api.app import create_app
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.home import Home
from service.intake.load import load
from service.item_reviews import first_words, rules_of_release
from service.live.known_items import KnownItems
from service.nightly.refresh import refresh
from service.nightly.refresh_plan import plan_refresh
from service.nightly.text_stage import encode_texts
from service.releases.store import ReleaseStore
from service.reporter import ProgressFn
from service.serving import make_deps
from service.settings import Settings, load_settings
from service.shop_snapshot import ShopSnapshot, take_snapshot, with_item_reviews
from service.stores import closing_both, open_store
from service.text_vectors import forget_reviews
from service.texts import Texts
from tests.service.conftest import TRIAL_FLAGS, quiet

REVIEW = "sits on my desk next to the window and the cat sleeps under it all day long"


def settings_of(home: Path, share: float = 0.3) -> Settings:
    encoder = {**TRIAL_FLAGS["encoder"], "reviews": {"share": share}}
    return load_settings(home, {**TRIAL_FLAGS, "encoder": encoder})


def snapshot_of(settings: Settings) -> ShopSnapshot:
    store = open_store(settings, Home(settings.home))
    with closing_both(store):
        return with_item_reviews(take_snapshot(store), store, settings.encoder.reviews)


def tell(folder: Path, user: str, item: str, review: str = REVIEW) -> Path:
    row = {"user_id": user, "item_id": item, "timestamp": 1_900_000_000, "event_type": "review", "rating": 5,
           "review_text": review, "helpful": 99}  # fmt: skip
    folder.mkdir()
    (folder / "events.jsonl").write_text(json.dumps({**row, "timestamp": 1_700_000_000}) + "\n")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shop_folder: Path) -> Path:
    """A home whose release has reviews in its texts, and one of them by somebody who can go."""
    root = tmp_path_factory.mktemp("reviewed")
    settings = settings_of(root / "home")
    load(shop_folder, settings)
    load(tell(root / "more", "writer", "S0003"), settings)
    assert plan_refresh(settings).texts_to_encode > 0
    assert refresh(settings, quiet()).published
    assert plan_refresh(settings).texts_to_encode == 0
    return root / "home"


def test_a_release_has_reviews_in_its_texts_and_knows_which(home: Path) -> None:
    settings = settings_of(home)
    release = ReleaseStore(Home(home).releases).open_current()
    snapshot = snapshot_of(settings)
    row = release.items.index_of("S0003")
    assert row is not None
    assert REVIEW in snapshot.review_lines[row]
    model = release.model
    assert isinstance(model, FittedIlk)
    assert model.signals.text is not None
    assert model.signals.text_projection is not None
    own = item_views_of(snapshot.items)
    encoder = ViewEncoder(HashingEncoder(64))
    told = encoder.encode([with_reviews(own[row], snapshot.review_lines[row]), own[row]])
    told, bare = model.signals.text_projection.apply(told)
    np.testing.assert_allclose(model.signals.text[row], told, atol=1e-4)
    assert np.abs(told - bare).max() > 0.01
    known = KnownItems(release.items, snapshot, None, release.reviews)
    assert known.reviewed().is_empty()
    rules = rules_of_release(release.manifest.config)
    assert (rules.share, rules.words) == (0.3, settings.encoder.reviews.words)
    off = KnownItems(release.items, snapshot_of(settings_of(home, 0.0)), None, release.reviews)
    assert row in off.reviewed().to_list()  # turned off: the texts are the catalogue's again


def test_nothing_new_makes_no_new_release(home: Path) -> None:
    assert refresh(settings_of(home), quiet()).reason == "unchanged"


def test_an_evaluation_reads_the_reviews_of_its_time_only(home: Path, shop_folder: Path) -> None:
    settings = settings_of(home)
    data = read_shop(EvaluateRequest(shop_folder), settings, quiet())
    early, late = data.visible(0, 300), data.visible(0, data.shop.n_events)
    assert early.text is not None
    assert early.review_text is not None
    assert late.review_text is not None
    moved = {
        name: set(np.flatnonzero(np.any(shop.review_text != shop.text, axis=1)).tolist())
        for name, shop in (("early", early), ("late", late))
    }
    assert moved["early"] < moved["late"]
    assert moved["early"] <= set(early.item.tolist())
    assert read_shop(EvaluateRequest(shop_folder), settings_of(home, 0.0), quiet()).pool_reviews is None


def test_a_refresh_that_began_before_an_erasure_leaves_no_vector_of_the_review(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(Path(shutil.copytree(home, tmp_path / "home")))
    fingerprint = ReleaseStore(Home(home).releases).open_current().manifest.encoder_fingerprint
    another = "arrived on a tuesday with a dent in its side that nobody but me would ever have seen"
    load(tell(tmp_path / "more", "guest", "S0004", another), settings)

    def erased_first(texts: Texts, item_text: list[str], progress: ProgressFn) -> FloatArray:
        with TestClient(create_app(make_deps(settings))) as client:
            assert client.delete("/v1/users/guest").json()["places"]["text cache"] == 0
        found = encode_texts(texts, item_text, progress)
        assert cached() is not None
        return found

    def cached() -> object:
        with EmbeddingCache(Home(settings.home).text_cache) as cache:
            return cache.get(fingerprint, first_words([another], 60))[0]

    monkeypatch.setattr("service.nightly.refresh.encode_texts", erased_first)
    assert refresh(settings, quiet()).release is not None
    assert cached() is None


def test_an_erased_writer_takes_the_review_along(home: Path) -> None:
    settings = settings_of(home)
    release = ReleaseStore(Home(home).releases).open_current()
    row = release.items.index_of("S0003")
    with EmbeddingCache(Home(home).text_cache) as cache:
        fingerprint = release.manifest.encoder_fingerprint
        assert cache.get(fingerprint, first_words([REVIEW], 60))[0] is not None
    with TestClient(create_app(make_deps(settings))) as client:
        receipt = client.delete("/v1/users/writer").json()
    assert receipt["places"]["text cache"] == 1
    assert receipt["places"]["graph.reviews"] == 1
    assert any("texts" in one["what"] for one in receipt["remains"])
    with EmbeddingCache(Home(home).text_cache) as cache:
        assert cache.get(fingerprint, first_words([REVIEW], 60)) == [None]
    snapshot = snapshot_of(settings)
    assert row is not None
    assert REVIEW not in snapshot.review_lines[row]
    known = KnownItems(release.items, snapshot, None, release.reviews)
    assert known.reviewed().to_list() == [row]
    assert dict(known.texts_of(snapshot.items.filter(snapshot.items["index"] == row)))[row].count(REVIEW) == 0
    assert refresh(settings, quiet()).published
    assert REVIEW.encode() not in b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_reviews_are_forgotten_however_many_words_counted_when_they_were_encoded(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    long, short = " ".join(f"w{n}" for n in range(90)), "nice pan"
    cuts = [*first_words([long], 5), *first_words([long], 60), *first_words([long], 500), short]
    with EmbeddingCache(path) as cache:
        cache.put("model", [*cuts, "nice"], np.ones((5, 4), np.float32))
    assert forget_reviews(path, [long, short]) == 4
    with EmbeddingCache(path) as cache:
        assert cache.count("model") == 1
