"""Prometheus metrics. Labels hold routes, sources and outcomes, never ids."""

import os
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service.answering.similar_items import Answer
from service.api.home_metrics import HomeMetrics
from service.releases.holder import Serving

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names a folder shared by all workers; set before a worker starts, its counters then cover all of them."""

LATENCY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """All metrics of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.home = HomeMetrics(self._registry)
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
        self._lag_seconds = self._gauge(
            "ilk_lag_seconds",
            "For how long the oldest accepted event that does not count yet has waited (slowest worker).",
            "livemax",
        )
        self._since = self._gauge(
            "ilk_release_loaded_timestamp_seconds",
            "When the served release was loaded.",
            "livemin",
        )

    def count_answer(self, answer: Answer) -> None:
        """Count an answer's items by source, and its fallback."""
        for item in answer.results:
            self.results.labels(item.source).inc()
        if answer.fallback is not None:
            self.fallbacks.labels(answer.fallback.value).inc()
        if answer.store_fallback is not None:
            self.fallbacks.labels("store_out_of_reach").inc()

    def show_serving(self, serving: Serving | None, lag_events: int, lag_seconds: float) -> None:
        """Bring this worker's own gauges up to date. lag_events: accepted events that do not count in its
        answers yet. lag_seconds: see `WaitingEvents.look`."""
        self._ready.set(serving is not None)
        self._lag_events.set(lag_events)
        self._lag_seconds.set(lag_seconds)
        if serving is not None:
            self._release_fallback.set(serving.fallback_reason is not None)
            self._events_through.set(serving.events_through)
            self._since.set(serving.since)

    def render(self) -> bytes:
        """Prometheus text format, version 0.0.4; of all workers where they share a folder."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)

    def _gauge(self, name: str, text: str, mode: Literal["livemin", "livemax"]) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode=mode)
