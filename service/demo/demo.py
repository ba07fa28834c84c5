"""Which shop the demo shows, and the items it shows of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.demo.download import ATTRIBUTION, DownloadFailed, fetch_demo_shop
from service.demo.sample_shop import SampleShop
from service.errors import CallerMistake
from service.home import Home
from service.releases.release import Release
from service.reporter import Reporter

SOURCE_NAME = "demo-source"
"""File in the home that names the shop a demo put there."""
SAMPLE_NAME, DOWNLOAD_NAME = "sample-shop", "online-retail"
OWN_FOLDERS = frozenset({SAMPLE_NAME, DOWNLOAD_NAME})
"""Folders in the home of the shops that Ilk brings itself: the made-up one and the downloaded one."""
SHOWN_ITEMS = 3


@dataclass(frozen=True)
class DemoShop:
    """Data of a demo and where they come from."""

    path: Path
    origin: str
    """One line for people, with the attribution that the licence asks for."""


def choose_shop(home: Home, data: Path | None, reporter: Reporter, *, offline: bool = False) -> DemoShop:
    """The given data, else a small real shop from the network, else a made-up one.

    Raises `CallerMistake` when the home holds another shop already.
    """
    shop = _given(data) if data is not None else _downloaded_or_sample(home, reporter, offline)
    _claim(home, str(shop.path.resolve()))
    return shop


def refuse_demos_home(home: Home, path: Path) -> None:
    """Raise `CallerMistake` where a home holds a shop that Ilk brought for a demo and `path` is another:
    two shops in one home are one shop, and no later step tells them apart again.

    A shop that was given to the demo is its owner's: more of it may be loaded from anywhere.
    """
    note = home.root / SOURCE_NAME
    if not note.is_file():
        return
    shown = Path(note.read_text("utf-8").strip())
    own = home.root / shown.name  # the home may have been moved since
    if shown.name not in OWN_FOLDERS or not own.is_dir():
        return
    given = path.resolve()
    if not any(given.is_relative_to(folder) for folder in (shown, own.resolve())):
        raise CallerMistake(
            f"{home.root} holds the demo's shop ({own}); give yours a home of its own (--home FOLDER or "
            f"ILK_HOME), or remove {home.root}; if it is to be mixed with the demo's, remove {note} alone"
        )


def showcase(release: Release) -> list[str]:
    """Ids of a few items worth showing: well known, titled, of different categories; the same every time.

    Well known: among the items whose search vectors carry the largest trend part, i.e. bought lately.
    """
    model, items = release.model, release.items
    nothing = np.empty(0, np.int64)
    candidates = model.user_candidates(nothing, np.arange(min(len(items), 300)))
    candidates = candidates[items.alive[candidates]]
    scores = model.score_user_candidates(nothing, candidates)
    shown: list[str] = []
    seen: set[str] = set()
    for card in items.cards(candidates[np.lexsort((candidates, -scores))]):
        category = card["categories"][0] if card["categories"] else card["item_id"]
        if card["title"] and category not in seen:
            seen.add(category)
            shown.append(card["item_id"])
        if len(shown) == SHOWN_ITEMS:
            break
    return shown


def _given(data: Path) -> DemoShop:
    return DemoShop(data, f"{data}")


def _downloaded_or_sample(home: Home, reporter: Reporter, offline: bool) -> DemoShop:
    home.create()
    sample = home.root / SAMPLE_NAME
    if not offline and not sample.exists():
        try:
            with reporter.stage("download") as stage:
                folder = fetch_demo_shop(home.root / DOWNLOAD_NAME, stage.progress)
                stage.note = "Online Retail"
        except DownloadFailed as error:
            reporter.say(f"  [yellow]{error}[/yellow]")
        else:
            return DemoShop(folder, ATTRIBUTION)
    SampleShop().write(sample)
    return DemoShop(sample, "a made-up shop (no real data): 480 items, 1,500 shoppers with planted tastes")


def _claim(home: Home, source: str) -> None:
    home.create()
    note = home.root / SOURCE_NAME
    if note.exists():
        if note.read_text("utf-8").strip() != source:
            raise CallerMistake(
                f"{home.root} already holds another demo's shop; use --home OTHER_FOLDER or remove it"
            )
    elif home.event_log.exists() or home.graph.exists():
        raise CallerMistake(f"{home.root} already holds a shop; use --home OTHER_FOLDER for the demo")
    else:
        note.write_text(source + "\n", "utf-8")
