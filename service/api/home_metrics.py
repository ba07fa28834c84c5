"""Prometheus metrics of a home: any worker may show them, and whoever was asked last knows best."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from service.live.updater_status import UpdaterStatus
from service.nightly.schedule_state import JobState
from service.reporting.gate_standing import GateStanding


class HomeMetrics:
    """Gauges of updater, disk, gates, schedule and sources, in a worker's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def newest(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry, multiprocess_mode="livemostrecent")

        self._updater_up = newest("ilk_updater_up", "1 while the updater works.")
        self._updater_figures = newest(
            "ilk_updater_figures",
            "Counts and times of the updater since it started: events folded in or damped, seconds of a "
            "fold-in, segments healed, restarts.",
            "name",
        )
        self._unfolded = newest(
            "ilk_unfolded_ranges",
            "Ranges of events that count in no answer: rejected with an increment, or taken out by a person.",
        )
        self._free_bytes = newest(
            "ilk_home_free_bytes", "Bytes free on the disk of the home; NaN: it cannot be looked at."
        )
        self._gate_rejections = newest(
            "ilk_gate_rejections",
            "Releases in a row that the gate rejected: of full refreshes, of increments.",
            "kind",
        )
        self._neighbour_drift = newest(
            "ilk_neighbour_drift",
            "Share of neighbours that the newest full refresh changed, 0 to 1; NaN: none was compared.",
        )
        self._index_recall = newest(
            "ilk_index_recall",
            "Share of the ten nearest items that the index of the newest full refresh finds; NaN: not known.",
        )
        self._next_run = newest("ilk_schedule_next_run_timestamp_seconds", "When the job runs next.", "job")
        self._last_run = newest("ilk_schedule_last_run_timestamp_seconds", "When the job last began.", "job")
        self._last_failures = newest("ilk_schedule_failures", "Runs of the job in a row that failed.", "job")
        self._source_lag = newest(
            "ilk_source_lag_seconds",
            "How long the oldest file of the source waits to be read; NaN while it cannot be looked at.",
            "source",
        )
        self._source_pending = newest(
            "ilk_source_pending_files", "Files of the source still to be read.", "source"
        )
        self._source_failures = newest(
            "ilk_source_failures", "Reads of the source in a row that failed.", "source"
        )

    def show_updater(self, updater: UpdaterStatus | None) -> None:
        """Bring the updater's gauges up to date."""
        self._updater_up.set(updater is not None and updater.running)
        if updater is not None:
            for name, value in updater.figures.items():
                self._updater_figures.labels(name).set(value)

    def show_unfolded(self, ranges: int) -> None:
        """Bring the number of ranges that were taken out up to date; the reasons are in `/v1/releases`."""
        self._unfolded.set(ranges)

    def show_disk(self, free_bytes: int | None) -> None:
        """Bring the free space where the home lies up to date."""
        self._free_bytes.set(math.nan if free_bytes is None else free_bytes)

    def show_gate(self, standing: GateStanding) -> None:
        """Bring the gauges of the gates up to date."""
        self._gate_rejections.labels("refresh").set(standing.refresh_rejections)
        self._gate_rejections.labels("increment").set(standing.increment_rejections)
        drift = standing.neighbour_drift
        self._neighbour_drift.set(math.nan if drift is None else drift)
        recall = standing.index_recall
        self._index_recall.set(math.nan if recall is None else recall)

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
