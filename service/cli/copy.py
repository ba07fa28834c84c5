"""`ilk copy`: the whole graph into another store."""

import time

from rich.markup import escape

from graph.store import GraphStore
from service.catch_up import catch_up
from service.cli.context import CliContext
from service.errors import CallerMistake
from service.foreign_edges import adopt_foreign
from service.home import Home
from service.keeping.copy import CopyResult, copy_graph
from service.nightly.write_back import write_back
from service.releases.store import ReleaseStore
from service.reporter import Reporter
from service.settings import Settings
from service.stores import closing_both, open_log, open_store


def run_copy(context: CliContext, to_url: str, from_url: str | None, json_file: str | None) -> None:
    """Copy, verify, say how to use the copy. Raises `CallerMistake`, `CopyFailed`, `HomeBusy`."""
    source_settings = context.settings_with(graph={"url": from_url}) if from_url else context.settings
    target_settings = context.settings_with(graph={"url": to_url})
    if source_settings.graph.url == target_settings.graph.url:
        raise CallerMistake(f"--to {to_url}: the graph is there already; name another store, or --from")
    context.home.require()
    console = context.console(json_file)
    started = time.monotonic()
    with context.home.writing("copy"):
        result = _copy(source_settings, target_settings, context.home, Reporter(console))
    ends = {"from": source_settings.graph.url, "to": target_settings.graph.url}
    seconds = round(time.monotonic() - started, 3)
    context.write_json({**ends, **result.to_json(), "seconds": seconds}, json_file)
    console.print(
        f"  {result.items:,} items, {result.users:,} users, {result.events:,} events: "
        f"{len(result.blocks)} blocks are the same in both"
    )
    console.print(f"  to use it: ILK_GRAPH__URL={escape(to_url)}, or graph.url in ilk.toml", soft_wrap=True)


def _copy(source_settings: Settings, target_settings: Settings, home: Home, reporter: Reporter) -> CopyResult:
    log = open_log(home)
    source, target = (
        open_store(source_settings, home, patient=True),
        open_store(target_settings, home, patient=True),
    )
    with closing_both(log, source, target):
        with reporter.stage("copy") as stage:
            catch_up(log, source)
            if adopt_foreign(log, source, audit=True):
                catch_up(log, source)
            result = copy_graph(source, target, log, stage.progress)
            stage.note = f"{result.events:,} events, verified"
        result.similar_edges = _write_back(target_settings, home, target, reporter)
    return result


def _write_back(settings: Settings, home: Home, target: GraphStore, reporter: Reporter) -> int:
    """The served release's `SIMILAR_TO`, where people look at the target; returns how many."""
    releases, k = ReleaseStore(home.releases), settings.graph.similar_edges
    if k == 0 or settings.graph.url == "sqlite" or releases.current_version() is None:
        return 0
    with reporter.stage("write back") as stage:
        edges = write_back(releases.open_current(), target, k, stage.progress)
        stage.note = f"{edges:,} SIMILAR_TO edges"
    return edges
