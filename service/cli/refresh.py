"""`ilk refresh`."""

from service.cli.context import CliContext
from service.errors import ServiceError
from service.nightly.refresh import refresh
from service.nightly.refresh_memory import MIB
from service.nightly.refresh_plan import PlannedStage, plan_refresh
from service.reporter import Reporter


class ReleaseRejected(ServiceError):
    """The gate let the new release not serve."""


def run_refresh(context: CliContext, json_file: str | None, wait_seconds: float = 0.0) -> None:
    """Refresh and report. Raises `ReleaseRejected` when the gate refused.

    wait_seconds: how long another refresh or increment is waited for.
    """
    console = context.console(json_file)
    result = refresh(context.settings, Reporter(console), wait_seconds)
    context.write_json(result.to_json(), json_file)
    console.print(f"  serving    {result.release or 'nothing yet'}")
    if result.rejected:
        raise ReleaseRejected(f"the new release was {result.reason}")


def run_plan(context: CliContext, json_file: str | None) -> None:
    """Say what a refresh would do, why, and at what cost."""
    plan = plan_refresh(context.settings)
    context.write_json(plan.to_json(), json_file)
    console = context.console(json_file)
    for stage in plan.stages:
        console.print(f"  [bold]{stage.name:<10}[/bold] {_cost(stage):>9}  [dim]{stage.why}[/dim]")
    seconds = plan.seconds
    total = "how long is not known before a first refresh" if seconds is None else f"about {seconds:,.0f} s"
    budget = plan.memory_budget_bytes
    room = "" if budget is None else f" of {budget / MIB:,.0f} allowed"
    for reason, edges in plan.left_out.items():
        console.print(f"  {edges:,} events are left out: {reason.replace('_', ' ')}")
    memory = f"about {plan.memory_bytes / MIB:,.0f} MiB{room}"
    console.print(f"  {plan.items:,} items, {plan.edges:,} events: {total}, {memory}")


def _cost(stage: PlannedStage) -> str:
    if not stage.runs:
        return "skipped"
    return "runs" if stage.seconds is None else f"~{stage.seconds:,.1f} s"
