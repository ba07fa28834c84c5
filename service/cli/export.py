"""`ilk export`."""

from pathlib import Path

from service.cli.context import CliContext
from service.cli.writable import check_writable
from service.errors import CallerMistake
from service.keeping.export import ExportRequest, export
from service.reporter import Reporter

FORMATS = ("parquet", "jsonl", "graphml")


def run_export(context: CliContext, request: ExportRequest, json_file: str | None) -> None:
    """Write the files and say what is in them. Raises `CallerMistake` before the work where one cannot be
    written."""
    for what in request.what:
        check_writable(request.path_of(what), "--out", makes_folders=True)
    console = context.console(json_file)
    with Reporter(console).stage("export") as stage:
        files = export(request, context.settings, stage.progress)
        stage.note = ", ".join(request.what)
    context.write_json({"files": [file.to_json() for file in files]}, json_file)
    for file in files:
        unit = "nodes" if file.what == "graph" else file.what
        console.print(f"  {file.rows:,} {unit} in {file.path}", soft_wrap=True)


def make_request(
    what: str,
    file_format: str | None,
    out: Path,
    *,
    k: int,
    objective: str,
    item_id: str | None,
    hops: int,
    per_node: int,
) -> ExportRequest:
    """The request that the options add up to. Raises `CallerMistake`."""
    return ExportRequest(
        out,
        ("items", "events") if what == "shop" else (what,),
        _format_of(file_format, what, out),
        k,
        objective,
        item_id,
        hops,
        per_node,
    )


def _format_of(given: str | None, what: str, out: Path) -> str:
    """The format asked for, or the one that the file's name or the thing exported implies."""
    suffix = out.suffix.lower().removeprefix(".")
    named = suffix if suffix in FORMATS and not out.is_dir() else None
    if given and named and given != named:
        raise CallerMistake(f"--out {out}: its name says {named}, --format says {given}")
    return given or named or ("graphml" if what == "graph" else "parquet")
