"""Prometheus metrics. Labels hold routes, sources and outcomes, never ids."""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service.answering.similar_items import Answer
from service.live.updater_status import UpdaterStatus
from service.nightly.schedule_state import JobState
from service.releases.holder import Serving
from service.reporting.gate_standing import GateStanding

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names a folder shared by all workers; set before a worker starts, its counters then cover all of them."""

LATENCY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """All metrics of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "ilk_http_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "ilk_http_request_duration_seconds",
            "Time from a request's arrival to the start of its answer.",
            ("method", "route"),
            buckets=LATENCY_BUCKETS,
            registry=self._registry,
        )
        self.errors = Counter(
            "ilk_http_errors_total", "Unforeseen errors.", ("route",), registry=self._registry
        )
        self.results = Counter(
            "ilk_results_total",
            "Returned items, by what their score rests on.",
            ("source",),
            registry=self._registry,
        )
        self.fallbacks = Counter(
            "ilk_fallback_answers_total",
            "Answers that do not rest on the query itself, or show items as they were last known.",
            ("reason",),
            registry=self._registry,
        )
        self.events = Counter(
            "ilk_events_total", "Events received over HTTP, by outcome.", ("status",), registry=self._registry
        )
        self._ready = self._gauge("ilk_ready", "1 where every worker serves a release.", "livemin")
        self._release_fallback = self._gauge(
            "ilk_release_fallback",
            "1 while a worker serves an older release than the current one.",
            "livemax",
        )
        self._events_through = self._gauge(
            "ilk_release_events_through",
            "Sequence number of the newest event that counts in the answers (slowest worker).",
            "livemin",
        )
        self._lag_events = self._gauge(
            "ilk_lag_events",
            "Accepted events that do not count in the answers yet (slowest worker).",
            "livemax",
        )
        self._since = self._gauge(
            "ilk_release_loaded_timestamp_seconds", "When the served release was loaded.", "livemin"
        )

        # of the home, not of a worker: whoever was asked last knows best
        self._updater_up = self._gauge("ilk_updater_up", "1 while the updater works.", "livemostrecent")
        self._lag_seconds = self._gauge(
            "ilk_lag_seconds", "For how long the updater has been behind the event log.", "livemostrecent"
        )
        self._updater_figures = Gauge(
            "ilk_updater_figures",
            "Counts and times of the updater since it started: events folded in or damped, seconds of a "
            "fold-in, segments healed, restarts.",
            ("name",),
            registry=self._registry,
            multiprocess_mode="livemostrecent",
        )
        self._unfolded = self._gauge(
            "ilk_unfolded_ranges",
            "Ranges of events that count in no answer: rejected with an increment, or taken out by a person.",
            "livemostrecent",
        )
        self._gate_rejections = self._gauge(
            "ilk_gate_rejections",
            "Releases in a row that the gate rejected: of full refreshes, of increments.",
            "livemostrecent",
            ("kind",),
        )
        self._neighbour_drift = self._gauge(
            "ilk_neighbour_drift",
            "Share of neighbours that the newest full refresh changed, 0 to 1; NaN: none was compared.",
            "livemostrecent",
        )
        self._next_run = self._gauge(
            "ilk_schedule_next_run_timestamp_seconds", "When the job runs next.", "livemostrecent", ("job",)
        )
        self._last_run = self._gauge(
            "ilk_schedule_last_run_timestamp_seconds", "When the job last began.", "livemostrecent", ("job",)
        )
        self._last_failures = self._gauge(
            "ilk_schedule_failures", "Runs of the job in a row that failed.", "livemostrecent", ("job",)
        )
        self._source_lag = self._gauge(
            "ilk_source_lag_seconds",
            "How long the oldest file of the source waits to be read; NaN while it cannot be looked at.",
            "livemostrecent",
            ("source",),
        )
        self._source_pending = self._gauge(
            "ilk_source_pending_files", "Files of the source still to be read.", "livemostrecent", ("source",)
        )
        self._source_failures = self._gauge(
            "ilk_source_failures", "Reads of the source in a row that failed.", "livemostrecent", ("source",)
        )

    def count_answer(self, answer: Answer) -> None:
        """Count an answer's items by source, and its fallback."""
        for item in answer.results:
            self.results.labels(item.source).inc()
        if answer.fallback is not None:
            self.fallbacks.labels(answer.fallback.value).inc()
        if answer.store_fallback is not None:
            self.fallbacks.labels("store_out_of_reach").inc()

    def show_serving(self, serving: Serving | None, lag_events: int) -> None:
        """Bring this worker's own gauges up to date. lag_events: accepted events that do not count in its
        answers yet."""
        self._ready.set(serving is not None)
        self._lag_events.set(lag_events)
        if serving is not None:
            self._release_fallback.set(serving.fallback_reason is not None)
            self._events_through.set(serving.events_through)
            self._since.set(serving.since)

    def show_updater(self, updater: UpdaterStatus | None) -> None:
        """Bring the updater's gauges up to date."""
        self._updater_up.set(updater is not None and updater.running)
        if updater is not None:
            self._lag_seconds.set(updater.lag_seconds)
            for name, value in updater.figures.items():
                self._updater_figures.labels(name).set(value)

    def show_unfolded(self, ranges: int) -> None:
        """Bring the number of ranges that were taken out up to date; the reasons are in `/v1/releases`."""
        self._unfolded.set(ranges)

    def show_gate(self, standing: GateStanding) -> None:
        """Bring the gauges of the gates up to date."""
        self._gate_rejections.labels("refresh").set(standing.refresh_rejections)
        self._gate_rejections.labels("increment").set(standing.increment_rejections)
        drift = standing.neighbour_drift
        self._neighbour_drift.set(math.nan if drift is None else drift)

    def show_schedule(self, jobs: Mapping[str, JobState]) -> None:
        """Bring the gauges of the schedule up to date."""
        for name, job in jobs.items():
            self._next_run.labels(name).set(job.next_run or 0.0)
            self._last_run.labels(name).set(job.last_start or 0.0)
            self._last_failures.labels(name).set(job.failures)

    def show_sources(self, sources: Sequence[Mapping[str, Any]]) -> None:
        """Bring the gauges of `[[sources]]` up to date; rows as `service.intake.sync.source_status` gives."""
        for source in sources:
            lag = source["lag_seconds"]
            self._source_lag.labels(source["name"]).set(math.nan if lag is None else lag)
            self._source_pending.labels(source["name"]).set(source["pending"] or 0)
            self._source_failures.labels(source["name"]).set(source["failures"])

    def render(self) -> bytes:
        """Prometheus text format, version 0.0.4; of all workers where they share a folder."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)

    def _gauge(self, name: str, text: str, mode: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry, multiprocess_mode=mode)  # type: ignore[arg-type]
