"""`ilk gc`, `ilk backup`, `ilk restore`."""

from pathlib import Path

from service.cli.context import CliContext
from service.keeping.backup import back_up, restore
from service.keeping.garbage import collect_garbage

_MIB = 2**20


def run_gc(context: CliContext, dry_run: bool, json_file: str | None) -> None:
    """Remove what is not kept any more, or say what would be."""
    context.home.require()
    report = collect_garbage(context.home, context.settings.retention, dry_run=dry_run)
    context.write_json(report.to_json(), json_file)
    console = context.console(json_file)
    console.print(
        f"  {'would remove' if dry_run else 'removed'} {len(report.releases)} releases, "
        f"{report.quarantine_files} quarantine files, {report.cached_texts:,} cached vectors, "
        f"{report.checkpoints} checkpoints: {report.bytes / _MIB:,.1f} MiB"
    )
    for reason in report.skipped:
        console.print(f"  skipped {reason}")


def run_backup(context: CliContext, target: Path, with_cache: bool, json_file: str | None) -> None:
    """Write the backup and say what it holds."""
    report = back_up(context.home, target, with_cache=with_cache)
    context.write_json(report.to_json(), json_file)
    console = context.console(json_file)
    console.print(
        f"  {target}: {report.files} files, {report.bytes / _MIB:,.1f} MiB, serves {report.release}"
    )
    if context.settings.graph.url != "sqlite":
        console.print("  the graph lives in Neo4j: back that database up with its own tools, too")


def run_restore(context: CliContext, source: Path, json_file: str | None) -> None:
    """Make the home and say what it holds."""
    report = restore(source, context.home)
    context.write_json(report.to_json(), json_file)
    context.console(json_file).print(
        f"  {context.home.root}: {report.files} files, every checksum right, serves {report.release}"
    )
