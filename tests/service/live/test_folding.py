"""One release kept up to date, step by step."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from gnn.shop_arrays import FloatArray
from graph.event_type import EventType
from graph.frames import ITEM_SCHEMA
from graph.interaction import Interaction
from service.catch_up import catch_up
from service.change_log import ChangeKind
from service.home import Home
from service.item_reviews import recorded
from service.live.folding import FoldingTools, LiveFolding
from service.live.live_sources import LiveSources
from service.settings import ReviewSettings, load_settings
from service.stores import closing_both, open_changes, open_log, open_store
from tests.service.live_toys import ToyMirror, live_store
from tests.service.release_toys import ToyShop
from tests.service.releases.test_release_holder import wait_until

SHOP = ToyShop()
ITEMS = SHOP.items.with_columns(description=pl.lit(""), attributes=pl.lit("{}")).select(list(ITEM_SCHEMA))
WORDS = "words of somebody who will go"


class TextsSeen:
    """`TextVectors` that remembers what it encoded."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def of_query(self, text: str, fingerprint: str) -> FloatArray:
        self.seen.append(text)
        vector: FloatArray = SHOP.vectors[7]
        return vector

    of_item = of_query


@dataclass
class Followed:
    """A folding without its updater: nothing is read anew."""

    folding: LiveFolding
    sources: LiveSources
    texts: TextsSeen

    def encoded(self, text: str) -> list[str]:
        """What was encoded since the last call, once a text with these words is."""
        wait_until(lambda: (self.folding.step(), any(text in one for one in self.texts.seen))[1])
        seen, self.texts.seen = self.texts.seen, []
        return seen

    def review(self, number: int, user: str, text: str) -> None:
        at = 1_700_000_000_000_000 + number
        event = Interaction(f"e{number}", user, "item-30", EventType.REVIEW, at, review_text=text)
        self.sources.log.append(Interaction.to_frame([event]))
        catch_up(self.sources.log, self.sources.store)

    def put(self, item: str, title: str) -> None:
        rows = ITEMS.filter(pl.col("item_id") == item).with_columns(title=pl.lit(title))
        self.sources.store.upsert_items(rows)
        self.sources.changes.note(ChangeKind.PUT, [item])
        self.folding.step()


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    settings = load_settings(tmp_path / "home")
    home = Home(settings.home)
    home.create()
    releases, texts = live_store(home.releases), TextsSeen()
    releases.publish(releases.write(SHOP.draft(0, config=recorded(ReviewSettings(share=0.3)))))
    sources = LiveSources(open_log(home), open_store(settings, home), open_changes(home))
    with closing_both(sources.log, sources.store, sources.changes):
        sources.store.upsert_items(ITEMS)
        tools = FoldingTools(ToyMirror, texts, settings, home.fresh)
        folding = LiveFolding(releases.open_current(), sources, tools)
        assert folding.take_over(sources, None)
        yield Followed(folding, sources, texts)
        folding.close()


@pytest.mark.parametrize("kept", [1000, 1])
def test_words_of_the_erased_are_encoded_no_more(
    followed: Followed, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told of it, and where the change log has dropped the entry that says so."""
    followed.review(1, "writer", WORDS)
    assert any(WORDS in one for one in followed.encoded(WORDS))
    followed.sources.log.erase_user("writer")
    followed.sources.store.delete_user("writer")
    monkeypatch.setattr("service.change_log.KEPT_CHANGES", kept)
    followed.sources.changes.note(ChangeKind.RELOAD)
    followed.sources.changes.note(ChangeKind.PUT, ["item-31"])
    followed.folding.step()
    followed.review(2, "somebody else", "short and new")
    followed.folding.step()
    followed.put("item-30", "another title")
    followed.put("item-31", "the last one")
    assert not any(WORDS in one for one in followed.encoded("the last one"))
