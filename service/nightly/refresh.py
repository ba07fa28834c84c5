"""The full refresh: learn everything anew, publish if the gate lets it."""

import logging
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from rich.markup import escape

from gnn import IlkConfig, fit_with
from gnn.holdout import FIFTH
from gnn.shop_arrays import FloatArray
from index import VectorIndex, build_index, recall_of
from service.catch_up import catch_up
from service.edge_selection import SelectionReport, select_edges
from service.errors import NothingToLearn
from service.foreign_edges import adopt_foreign
from service.home import Home
from service.item_reviews import recorded, review_digests
from service.model_config import model_config
from service.nightly.fine_tune_policy import FineTunePolicy
from service.nightly.fine_tune_stage import Tuned
from service.nightly.fitted_stage import Fitted, keep_fitted, kept_fitted
from service.nightly.gate import GateVerdict, judge
from service.nightly.publishing import Publication, publish_or_hold
from service.nightly.refresh_cost import RefreshWork, expected_seconds
from service.nightly.refresh_inputs import RECIPE_VERSION, inputs_digest, made_before
from service.nightly.refresh_memory import MIB, within_budget
from service.nightly.refresh_result import RefreshResult
from service.nightly.second_hearing import hear
from service.nightly.text_stage import (
    count_missing,
    coverage_of,
    encode_texts,
    forget_erased,
    snapshot_texts,
    texts_with_reviews,
)
from service.nightly.training_curves import tensorboard_log
from service.nightly.work_folder import WorkFolder
from service.releases.errors import NoRelease, ReleaseError
from service.releases.index_recall import SAMPLED_ITEMS, index_metrics
from service.releases.manifest import ReleaseManifest, read_manifest
from service.releases.store import ReleaseStore
from service.releases.writer import ReleaseDraft
from service.reporter import Reporter, peak_memory_bytes
from service.reporting.drift import history_line
from service.reporting.graph_audit import audit_graph
from service.reporting.history import append_history, read_history
from service.reporting.refresh_audit import RefreshAudit
from service.reporting.report import has_details, read_details
from service.reporting.webhook import tell_webhook
from service.reweighing import reweigh_when_changed
from service.settings import Settings
from service.shop_snapshot import ShopSnapshot, take_snapshot, with_item_reviews, without
from service.stores import closing_both, open_log, open_store, unfolded_events
from service.texts import Texts, open_texts

logger = logging.getLogger(__name__)


def refresh(settings: Settings, reporter: Reporter, wait_seconds: float = 0.0) -> RefreshResult:
    """Export, encode, train, judge, index, write, publish. Skips all of it when nothing changed.

    Safe to kill at any point: a rerun goes on from what is kept (encoded texts, training between epochs, the
    fitted model, the written release) and ends with the same bytes. Raises `NothingToLearn`, `HomeBusy`,
    `ModelUnavailable`, `MemoryBudgetExceeded`.

    wait_seconds: how long another refresh or increment is waited for; 0: `HomeBusy` at once.
    """
    home = Home(settings.home)
    home.require()
    asked = time.monotonic()
    with home.writing("refresh", "refresh", wait_seconds):
        waited = time.monotonic() - asked
        if waited >= 1.0:
            reporter.say(f"  waited {waited:,.0f} s for another refresh or increment")
        result = _Refresh(settings, home, reporter, waited).run()
    if settings.report.webhook:
        tell_webhook(settings.report.webhook, result.to_json())
    return result


class _Refresh:
    """One run; each stage is a method."""

    def __init__(self, settings: Settings, home: Home, reporter: Reporter, waited_seconds: float) -> None:
        self._settings = settings
        self._waited_seconds = waited_seconds
        self._home = home
        self._reporter = reporter
        self._releases = ReleaseStore(home.releases)
        self._config: IlkConfig = model_config(settings.model)
        self._tuned: Tuned | None = None
        self._recall = 1.0
        self._audit = RefreshAudit(home, settings.report.audit_items)
        self._texts: Texts | None = None
        self._fingerprint = ""
        self._encoded = 0
        self._selection = SelectionReport(0, 0)

    def run(self) -> RefreshResult:
        snapshot = self._export()
        self._texts = open_texts(self._settings, self._home)
        self._fingerprint = self._texts.encoder.fingerprint
        snapshot = self._within_budget(snapshot, self._texts)
        inputs = inputs_digest(snapshot, self._fingerprint, self._settings)
        current = self._releases.current_version()
        work = WorkFolder(self._home.work, inputs, self._settings.refresh.checkpoint_seconds)
        before = made_before(self._releases, inputs)
        made = before or self._make(snapshot, inputs, work)
        work.clear()  # also what a run left that was killed just before this line
        if before is not None and made.version == current:
            self._reporter.say("  nothing new since the current release")
            return self._result(Publication(current, published=False, reason="unchanged"), made)
        if not has_details(self._home.releases / made.version):
            self._audit.run(made, snapshot, self._reporter)
        outcome = publish_or_hold(made, self._releases, self._settings, self._home, self._reporter)
        result = self._result(outcome, made)
        if before is None or result.published:  # what was rejected is not rejected anew every night
            self._remember(made, result, len(snapshot.edges.item))
        return result

    def _remember(self, made: ReleaseManifest, result: RefreshResult, edges: int) -> None:
        details = read_details(self._home.releases / made.version)
        neighbours, drift = details.get("neighbours"), details.get("drift")
        append_history(
            self._home,
            {
                **result.to_json(),
                "release": made.version,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "items": made.items,
                "edges": edges,
                "encoded": self._encoded,
                "events_through": made.events_through,
                "gate": made.metrics.get("gate"),
                "overlap": neighbours["overlap"] if neighbours else None,
                "drift": history_line(drift) if drift else None,
            },
        )

    def _export(self) -> ShopSnapshot:
        with self._reporter.stage("export") as stage:
            log, store = open_log(self._home), open_store(self._settings, self._home, patient=True)
            with closing_both(log, store):
                catch_up(log, store, stage.progress)
                foreign = adopt_foreign(log, store, audit=True)
                if foreign:
                    catch_up(log, store)
                reweighed = reweigh_when_changed(self._home, log, store, self._settings.weights)
                snapshot = take_snapshot(store)
                self._audit.graph = audit_graph(log, store, snapshot, foreign)
                unfolded = unfolded_events(self._home)
                snapshot = replace(snapshot, edges=without(snapshot.edges, unfolded))
                snapshot = with_item_reviews(snapshot, store, self._settings.encoder.reviews, unfolded)
            if not snapshot.alive.any():
                raise NothingToLearn(f"no items in {self._home.root}; run `ilk load PATH` first")
            stage.note = f"{int(snapshot.alive.sum()):,} items, {len(snapshot.edges.user):,} edges"
            if reweighed:
                stage.note += f", {reweighed:,} of them with new weights"
            snapshot, self._selection = select_edges(snapshot, self._settings.selection)
            if self._selection.left_out:
                stage.note += f", {self._selection.kept:,} to learn from"
        return snapshot

    def _within_budget(self, snapshot: ShopSnapshot, texts: Texts) -> ShopSnapshot:
        fitting, self._selection = within_budget(
            snapshot, self._selection, texts.encoder.dim, self._config, self._settings.refresh
        )
        if fitting is not snapshot:
            self._reporter.say(
                f"  [yellow]learns from the newest {self._selection.kept:,} events[/yellow], all that "
                f"refresh.memory_mib = {self._settings.refresh.memory_mib:,} has room for"
            )
        return fitting

    def _check_memory(self) -> None:
        budget, taken = self._settings.refresh.memory_mib, peak_memory_bytes() / MIB
        if budget is not None and taken > budget:
            self._reporter.say(
                f"  [yellow]took {taken:,.0f} MiB, more than was estimated and than refresh.memory_mib = "
                f"{budget:,} allows[/yellow]"
            )

    def _expect(self, snapshot: ShopSnapshot, texts: Texts) -> None:
        missing = count_missing(texts, texts_with_reviews(snapshot))
        work = RefreshWork(len(snapshot.edges.user), snapshot.items.height, missing)
        self._reporter.expected = expected_seconds(read_history(self._home), work)

    def _make(self, snapshot: ShopSnapshot, inputs: str, work: WorkFolder) -> ReleaseManifest:
        work.remove_others()
        fitted = kept_fitted(work)
        self._fine_tune(snapshot, work)
        if fitted is None:
            assert self._texts is not None
            self._expect(snapshot, self._texts)
            fitted = self._fit(snapshot, work)
        else:
            self._texts = None
            for name in ("encode", "train"):
                self._reporter.skip(name, "kept from the interrupted run")
        self._check_memory()
        with self._reporter.stage("judge") as stage:
            verdict = judge(
                fitted.model,
                snapshot.alive,
                fitted.holdout.figures,
                self._settings.gate,
                self._serving_figures(),
                lambda: hear(snapshot, self._releases.open_current(), fitted.holdout),
            )
            stage.note = verdict.reason
        with self._reporter.stage("index") as stage:
            matrix = fitted.model.item_vectors()
            vectors = build_index(self._settings.index.kind, matrix)
            self._recall = recall_of(vectors, matrix, queries=fitted.model.sample_queries(SAMPLED_ITEMS))
            stage.note = f"{vectors.size:,} x {vectors.dim}, recall {self._recall:.4f}"
        index = index_metrics(self._settings.index.kind, self._recall)
        if "warning" in index:
            self._reporter.say(f"  [yellow]{escape(index['warning'])}[/yellow]")
            logger.warning("%s", index["warning"])
        with self._reporter.stage("write") as stage:
            version = self._releases.write(self._draft(snapshot, inputs, fitted, verdict, vectors))
            stage.note = version
        return read_manifest(self._home.releases / version)

    def _fine_tune(self, snapshot: ShopSnapshot, work: WorkFolder) -> None:
        """Settle which adapter the release has; its texts are encoded with that one."""
        policy = FineTunePolicy(self._settings, self._home)
        if not policy.enabled:
            return
        assert self._texts is not None
        self._tuned = policy.settle(snapshot, self._texts, work, self._reporter)
        if self._tuned.adapter is not None:
            self._texts = open_texts(self._settings, self._home, self._tuned.adapter)
            self._fingerprint = self._texts.encoder.fingerprint

    def _fit(self, snapshot: ShopSnapshot, work: WorkFolder) -> Fitted:
        text, coverage = self._encode(snapshot)
        seed = self._settings.model.seed
        curves = tensorboard_log(
            self._settings.model.tensorboard, f"through-{snapshot.events_through}-seed-{seed}"
        )
        with self._reporter.stage("train") as stage, curves as log:
            fit = fit_with(self._config, snapshot.arrays(text), seed, stage.step, work, log)
            fitted = Fitted(fit.model, fit.epochs, fit.holdout, coverage)
            keep_fitted(work, fitted)
            stage.note = f"{fit.epochs} epochs"
        return fitted

    def _encode(self, snapshot: ShopSnapshot) -> tuple[FloatArray, dict[str, Any] | None]:
        texts, self._texts = self._texts, None  # freed at the end: training needs the memory
        assert texts is not None
        with self._reporter.stage("encode") as stage:
            item_text = snapshot_texts(snapshot)
            try:
                matrix = encode_texts(texts, texts_with_reviews(snapshot), stage.progress)
            finally:
                self._forget_erased(snapshot)
            self._encoded = texts.encoder.encoded
            stage.note = f"{self._encoded:,} texts encoded, the others were cached"
        coverage = coverage_of(texts, item_text)
        if coverage is not None and coverage.suggestion:
            self._reporter.say(f"  [yellow]{coverage}[/yellow] (setting encoder.model)")
        return matrix, None if coverage is None else asdict(coverage)

    def _forget_erased(self, snapshot: ShopSnapshot) -> None:
        if snapshot.reviews is None:
            return
        store = open_store(self._settings, self._home, patient=True)
        with closing_both(store):
            forget_erased(snapshot, store, self._home.text_cache)

    def _draft(
        self,
        snapshot: ShopSnapshot,
        inputs: str,
        fitted: Fitted,
        verdict: GateVerdict,
        vectors: VectorIndex,
    ) -> ReleaseDraft:
        through, tuned = snapshot.events_through, self._tuned
        return ReleaseDraft(
            model=fitted.model,
            index=vectors,
            items=snapshot.items,
            reviews=review_digests(snapshot.review_lines),
            encoder_fingerprint=self._fingerprint,
            seed=self._settings.model.seed,
            events_through=through,
            sequence_ranges=((1, through),) if through else (),
            config={"inputs": inputs, "recipe_version": RECIPE_VERSION}
            | ({} if snapshot.review_rules is None else recorded(snapshot.review_rules))
            | ({} if tuned is None else {"fine_tuning": tuned.record}),
            adapter=None if tuned is None or tuned.adapter is None else tuned.adapter.content,
            metrics={
                "gate": verdict.to_json(),
                "epochs": fitted.epochs,
                "index": index_metrics(self._settings.index.kind, self._recall),
                "by_popularity": {n: v for n, v in fitted.holdout.figures.items() if n.startswith(FIFTH)},
                "text_coverage": fitted.text_coverage,
                "selection": self._selection.to_json(),
            },
        )

    def _serving_figures(self) -> dict[str, Any] | None:
        """What the gate saw of the release that serves; None where none does."""
        try:
            figures = self._releases.open_current().manifest.metrics.get("gate")
        except NoRelease:
            return None
        except ReleaseError as error:  # torn or of an older format: there is nothing to be worse than
            self._reporter.say(f"  [yellow]the serving release is not compared with[/yellow]: {error}")
            return None
        return dict(figures) if figures else None

    def _result(self, outcome: Publication, made: ReleaseManifest) -> RefreshResult:
        return RefreshResult(
            outcome.release,
            outcome.published,
            outcome.reason,
            self._reporter.to_json(),
            made.metrics,
            round(self._waited_seconds, 3),
        )
