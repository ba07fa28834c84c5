"""`ilk release`: which releases there are, how they differ, going back to one."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from service.answering.rule_book import RuleBook
from service.cli.context import CliContext
from service.releases.approval import approve, waiting
from service.releases.errors import UnknownRelease
from service.releases.release import ReleaseSummary
from service.releases.store import ReleaseStore

_SHOWN = ("version", "created_at", "parent", "items", "events_through", "bytes")


def run_list(context: CliContext, json_file: str | None) -> None:
    """Show all releases, the newest first."""
    found = _store(context).list()
    context.write_json({"releases": [asdict(one) for one in found]}, json_file)
    if json_file == "-":
        return
    table = Table("", *_SHOWN, "state", box=None)
    waits = waiting(found)
    for one in found:
        state = one.problem or (
            "serves"
            if one.current
            else "published"
            if one.published
            else "waits for approval"
            if one.version in waits
            else "not published"
        )
        table.add_row("*" if one.current else "", *(_text(getattr(one, name)) for name in _SHOWN), state)
    context.console(json_file).print(table)


def run_show(context: CliContext, version: str | None, json_file: str | None) -> None:
    """Show one release."""
    shown = asdict(_one(context, version))
    context.write_json(shown, json_file)
    if json_file != "-":
        _print(context, {name: (value,) for name, value in _flat(shown).items()}, json_file)


def run_diff(context: CliContext, before: str, after: str | None, json_file: str | None) -> None:
    """Show in what two releases differ."""
    old, new = _flat(asdict(_one(context, before))), _flat(asdict(_one(context, after)))
    changed = {
        name: (old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
    context.write_json(
        {name: {"before": one, "after": other} for name, (one, other) in changed.items()}, json_file
    )
    if json_file != "-":
        _print(context, changed, json_file)


def run_approve(context: CliContext, version: str, author: str, reason: str, json_file: str | None) -> None:
    """Let a waiting release serve, and write down who said so."""
    before = approve(_store(context), version)
    book = RuleBook(context.home.rules)
    try:
        book.note(author, "", "approval", {"from": before, "to": version, "reason": reason})
    finally:
        book.close()
    context.write_json({"release": version, "before": before}, json_file)
    if json_file != "-":
        context.console(json_file).print(f"  release {version} serves; before it {before or 'none did'}")


def run_rollback(context: CliContext, version: str | None, json_file: str | None) -> None:
    """Let an earlier release serve; a running server switches and folds in the events since."""
    store = _store(context)
    before = store.current_version()
    now = store.rollback(version)
    context.write_json({"release": now, "before": before}, json_file)
    if json_file != "-":
        context.console(json_file).print(f"  release {now} serves instead of {before}; no event is lost")


def _store(context: CliContext) -> ReleaseStore:
    context.home.require()
    return ReleaseStore(context.home.releases)


def _one(context: CliContext, version: str | None) -> ReleaseSummary:
    """A release by version; None: the one that serves. Raises `UnknownRelease`."""
    found = _store(context).list()
    for one in found:
        if one.version == version or (version is None and one.current):
            return one
    known = ", ".join(one.version for one in found) or "none"
    raise UnknownRelease(f"there is no release {version or 'that serves'!r}; there are: {known}")


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            rows |= _flat(value, f"{prefix}{name}.")
        else:
            rows[prefix + name] = value
    return rows


def _print(context: CliContext, rows: dict[str, tuple[Any, ...]], json_file: str | None) -> None:
    table = Table(box=None, show_header=False)
    for name, values in rows.items():
        table.add_row(f"[bold]{name}[/bold]", *(_text(value) for value in values))
    context.console(json_file).print(table)


def _text(value: Any) -> str:
    return "-" if value is None else str(value)
