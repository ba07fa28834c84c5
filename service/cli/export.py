"""`ilk export`."""

from service.cli.context import CliContext
from service.export import ExportRequest, export
from service.reporter import Reporter


def run_export(context: CliContext, request: ExportRequest, json_file: str | None) -> None:
    """Write the files and say what is in them."""
    console = context.console(json_file)
    with Reporter(console).stage("export") as stage:
        files = export(request, context.settings, stage.progress)
        stage.note = ", ".join(request.what)
    context.write_json({"files": [file.to_json() for file in files]}, json_file)
    for file in files:
        unit = "nodes" if file.what == "graph" else file.what
        console.print(f"  {file.rows:,} {unit} in {file.path}", soft_wrap=True)
