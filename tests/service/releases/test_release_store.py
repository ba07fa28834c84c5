"""Releases: all or nothing, checked on opening, switched at once."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from service.errors import CallerMistake
from service.releases.errors import ForeignRelease, NoRelease, TornRelease, UnknownRelease
from service.releases.items import ReleaseItems
from service.releases.manifest import MANIFEST_NAME, SCHEMA_VERSION, read_manifest
from service.releases.reader import ReleaseLoaders
from service.releases.store import CURRENT_NAME, ReleaseStore
from tests.service.release_toys import TOY_LOADERS, ToyShop, publish, toy_store

SHOP = ToyShop(dead=(3,))


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    return toy_store(tmp_path / "releases")


def test_a_written_release_comes_back_as_it_was(store: ReleaseStore) -> None:
    version = publish(store, SHOP)
    release = store.open_current()
    assert release.version == version == store.current_version()
    np.testing.assert_array_equal(release.model.item_vectors(), SHOP.vectors)
    assert [release.items.index_of(item_id) for item_id in SHOP.ids] == list(range(SHOP.n))
    assert release.items.alive.tolist() == [row != 3 for row in range(SHOP.n)]
    assert release.index.size == SHOP.n
    manifest = release.manifest
    assert (manifest.events_through, manifest.sequence_ranges) == (7, [(1, 7)])
    assert (manifest.seed, manifest.encoder_fingerprint) == (0, "hashing-8")
    assert manifest.config == {"weights": {"purchase": 2.0}}
    assert manifest.metrics == {"ndcg@10": 0.5, "cold": None}
    assert manifest.parent is None
    assert set(manifest.files) == {
        "items.parquet",
        "index.faiss",
        "arrays/vectors.npy",
        "arrays/trend.npy",
        "arrays/nothing.npy",
    }


def test_arrays_are_mapped_and_cannot_be_written(store: ReleaseStore) -> None:
    publish(store, SHOP)
    vectors = store.open_current().model.item_vectors()
    assert not vectors.flags.writeable
    assert isinstance(vectors.base, np.memmap)


def test_an_open_release_survives_the_removal_of_its_folder(store: ReleaseStore) -> None:
    version = publish(store, SHOP)
    release = store.open_current()
    shutil.rmtree(store.root / version)
    np.testing.assert_array_equal(np.array(release.model.item_vectors()), SHOP.vectors)


def test_the_same_content_gives_the_same_bytes_and_the_same_hash(tmp_path: Path) -> None:
    stores = [toy_store(tmp_path / name) for name in ("one", "two")]
    drafts = [
        SHOP.draft(created_at=datetime(2024, 1, day, tzinfo=UTC), metrics={"seconds": day}) for day in (1, 2)
    ]
    versions = [store.write(draft) for store, draft in zip(stores, drafts, strict=True)]
    assert versions[0] == versions[1]
    manifests = [read_manifest(store.root / versions[0]) for store in stores]
    assert manifests[0].files == manifests[1].files
    assert stores[0].write(SHOP.draft()) == versions[0].replace("r000001", "r000002")
    assert stores[0].write(SHOP.draft(seed=1)).split("-")[1] != versions[0].split("-")[1]
    assert stores[0].write(SHOP.draft(events_through=8)).split("-")[1] != versions[0].split("-")[1]


def test_writing_does_not_publish(store: ReleaseStore) -> None:
    store.write(SHOP.draft())
    with pytest.raises(NoRelease, match="ilk refresh"):
        store.open_current()
    with pytest.raises(NoRelease):
        store.open_newest_valid()
    assert [(s.current, s.published) for s in store.list()] == [(False, False)]


def test_the_parent_is_what_was_current(store: ReleaseStore) -> None:
    first = publish(store, SHOP)
    rejected = store.write(SHOP.draft(8))
    third = publish(store, SHOP, 9)
    parents = [read_manifest(store.root / version).parent for version in (first, rejected, third)]
    assert parents == [None, first, first]


def test_list_is_newest_first_and_shows_what_cannot_be_opened(store: ReleaseStore) -> None:
    first, second = publish(store, SHOP), publish(store, SHOP, 9)
    (store.root / first / MANIFEST_NAME).unlink()
    summaries = store.list()
    assert [(s.version, s.current, s.events_through) for s in summaries] == [
        (second, True, 9),
        (first, False, None),
    ]
    assert summaries[1].problem is not None
    assert "missing" in summaries[1].problem
    current = store.current_summary()
    assert current is not None
    assert current["version"] == second


def test_rollback_goes_to_the_published_one_before(store: ReleaseStore) -> None:
    first = publish(store, SHOP)
    rejected = store.write(SHOP.draft(8))
    third = publish(store, SHOP, 9)
    with pytest.raises(UnknownRelease, match="never published"):
        store.rollback(rejected)
    assert store.rollback() == first == store.open_current().version
    assert store.rollback(third) == third == store.open_current().version
    store.rollback(first)
    with pytest.raises(UnknownRelease, match="no earlier"):
        store.rollback()


def test_what_is_not_there_cannot_be_published(store: ReleaseStore) -> None:
    publish(store, SHOP)
    for name in ("r000009-abcdef", "../releases", "current", ""):
        with pytest.raises(UnknownRelease):
            store.publish(name)
    assert issubclass(UnknownRelease, CallerMistake)


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "empty"])
@pytest.mark.parametrize("name", ["arrays/vectors.npy", "items.parquet", "index.faiss", MANIFEST_NAME])
def test_a_torn_release_is_refused_and_the_one_before_serves(
    store: ReleaseStore, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = publish(store, SHOP), publish(store, SHOP, 9)
    _damage(store.root / second / name, damage)
    with pytest.raises(TornRelease) as torn:
        store.open_current()
    assert second in str(torn.value)
    assert "\n" not in str(torn.value)
    opened = store.open_newest_valid()
    assert opened.release.version == first
    assert opened.fallback_reason == str(torn.value)
    assert first in caplog.text
    with pytest.raises(TornRelease):
        store.publish(second)


def test_a_rejected_release_is_no_fallback(store: ReleaseStore) -> None:
    first = publish(store, SHOP)
    store.write(SHOP.draft(8))
    second = publish(store, SHOP, 9)
    shutil.rmtree(store.root / second)
    assert store.open_newest_valid().release.version == first


def test_nothing_whole_is_said(store: ReleaseStore) -> None:
    version = publish(store, SHOP)
    _damage(store.root / version / "index.faiss", "flip")
    with pytest.raises(NoRelease, match=r"index\.faiss.*ilk refresh"):
        store.open_newest_valid()


def test_a_manifest_of_another_schema_is_foreign(store: ReleaseStore) -> None:
    version = publish(store, SHOP)
    path = store.root / version / MANIFEST_NAME
    path.write_text(path.read_text().replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 99'))
    with pytest.raises(ForeignRelease, match="schema version 99"):
        store.open_current()
    path.write_text(json.dumps({"hello": "world"}))
    with pytest.raises(ForeignRelease, match="not the manifest"):
        store.open_current()


def test_a_release_under_another_name_is_foreign(store: ReleaseStore) -> None:
    version = publish(store, SHOP)
    (store.root / version).rename(store.root / "r000001-000000")
    (store.root / CURRENT_NAME).write_text("r000001-000000\n")
    with pytest.raises(ForeignRelease, match="belongs to"):
        store.open_current()


def test_a_release_for_another_model_is_foreign(store: ReleaseStore) -> None:
    version = publish(store, SHOP)
    other = ReleaseStore(store.root, ReleaseLoaders(index=TOY_LOADERS.index, models={}))
    with pytest.raises(ForeignRelease, match="ToyModel"):
        other.open(version)
    made_otherwise = {
        "ToyModel": lambda arrays, config: TOY_LOADERS.models["ToyModel"](arrays, {"made": "x"})
    }
    other = ReleaseStore(store.root, ReleaseLoaders(index=TOY_LOADERS.index, models=made_otherwise))
    with pytest.raises(ForeignRelease, match="not a toy"):
        other.open(version)


@pytest.mark.parametrize("content", ["", "nonsense\n", "../../etc\n", "\x00\xff"])
def test_a_spoilt_pointer_falls_back_to_what_was_published(store: ReleaseStore, content: str) -> None:
    publish(store, SHOP)
    second = publish(store, SHOP, 9)
    (store.root / CURRENT_NAME).write_text(content, encoding="latin-1")
    with pytest.raises(TornRelease):
        store.open_current()
    opened = store.open_newest_valid()
    assert opened.release.version == second
    assert opened.fallback_reason
    store.rollback(second)
    assert store.open_newest_valid().fallback_reason is None


def test_leftovers_go_with_the_next_write_and_nothing_else_does(store: ReleaseStore) -> None:
    publish(store, SHOP)
    (store.root / ".writing-123-abcd" / "arrays").mkdir(parents=True)
    (store.root / ".writing-current").write_text("half")
    (store.root / "notes.txt").write_text("mine")
    store.write(SHOP.draft(8))
    names = {path.name for path in store.root.iterdir()}
    assert not any(name.startswith(".writing-") for name in names)
    assert "notes.txt" in names


def test_the_current_release_is_never_removed(store: ReleaseStore) -> None:
    versions = [publish(store, SHOP, through) for through in range(1, 6)]
    store.rollback(versions[0])
    assert store.remove(versions[:3]) == (versions[1], versions[2])
    assert store.versions() == (versions[4], versions[3], versions[0])


def test_parts_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot have a model of 40"):
        SHOP.draft(items=SHOP.items.head(39))
    with pytest.raises(ValueError, match="twice"):
        SHOP.draft(items=SHOP.items.with_columns(item_id=pl.lit("same")))
    with pytest.raises(ValueError, match="lack the column 'brand'"):
        SHOP.draft(items=SHOP.items.drop("brand"))


def test_a_failed_write_leaves_nothing(store: ReleaseStore) -> None:
    class Broken(type(SHOP.draft().index)):  # type: ignore[misc]
        def save(self, path: Path) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.write(SHOP.draft(index=Broken(SHOP.vectors)))
    assert store.versions() == ()
    assert not list(store.root.glob(".writing-*"))


def test_holes_of_erased_items_are_no_ids() -> None:
    table = SHOP.items.with_columns(
        item_id=pl.when(pl.col("item_id").is_in(["plain", "item-20"])).then(pl.lit("")).otherwise("item_id")
    )
    items = ReleaseItems(table)
    assert items.index_of("") is None
    assert items.index_of("item-21") == 21


def _damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "remove":
        path.unlink()
        return
    if how == "truncate":
        data = data[: len(data) // 2]
    elif how == "empty":
        data = bytearray()
    else:
        # a digit, so that JSON stays JSON
        spot = next(
            i for i in range(len(data) // 2, len(data)) if path.suffix != ".json" or chr(data[i]).isdigit()
        )
        data[spot] ^= 1
    path.write_bytes(bytes(data))
