"""The commands under `ilk release`."""

from typing import Annotated

import typer

from service.cli.options import JsonOption

release_app = typer.Typer(help="Releases: list them, compare them, go back to one.", no_args_is_help=True)
VersionArgument = Annotated[str | None, typer.Argument(help="A version; default: the release that serves.")]


@release_app.command("list")
def release_list(context: typer.Context, json_file: JsonOption = None) -> None:
    """All releases, the newest first: which serves, which were let through."""
    from service.cli.release import run_list

    run_list(context.obj, json_file)


@release_app.command("show")
def release_show(
    context: typer.Context, version: VersionArgument = None, json_file: JsonOption = None
) -> None:
    """One release with everything that was measured."""
    from service.cli.release import run_show

    run_show(context.obj, version, json_file)


@release_app.command("diff")
def release_diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(help="A version.")],
    after: VersionArgument = None,
    json_file: JsonOption = None,
) -> None:
    """In what two releases differ."""
    from service.cli.release import run_diff

    run_diff(context.obj, before, after, json_file)


@release_app.command("approve")
def release_approve(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="A release that waits, as `ilk release list` shows it.")],
    author: Annotated[str, typer.Option(help="Who decides; kept in the audit trail.")],
    reason: Annotated[str, typer.Option(help="Why; likewise.")],
    json_file: JsonOption = None,
) -> None:
    """Let a release serve that waits for a person (setting `refresh.approval`)."""
    from service.cli.release import run_approve

    run_approve(context.obj, version, author, reason, json_file)


@release_app.command("rollback")
def release_rollback(
    context: typer.Context,
    version: Annotated[
        str | None, typer.Argument(help="A published version; default: the one before the current.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Let an earlier release serve, at once; the events since are folded in, none is lost."""
    from service.cli.release import run_rollback

    run_rollback(context.obj, version, json_file)
