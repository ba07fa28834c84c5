"""`ilk check`."""

from pathlib import Path

from service.checking.check import CheckRequest, check
from service.checking.html import as_html
from service.checking.text import as_text
from service.checking.words import sections
from service.cli.context import CliContext
from service.errors import CallerMistake
from service.reporter import Reporter


def run_check(context: CliContext, request: CheckRequest, html: Path | None, json_file: str | None) -> None:
    """Check and print the report; write it as a page where one is wanted."""
    console = context.console(json_file)
    report = check(request, context.settings, Reporter(console))
    parts = sections(report)
    title = f"Check of {report.path}"
    context.write_json(report.to_json(), json_file)
    if html is not None:
        try:
            html.write_text(as_html(title, parts), "utf-8")
        except OSError as error:
            raise CallerMistake(f"--html {html}: {error.strerror}") from None
    console.print(as_text(title, parts), markup=False, soft_wrap=True)
    if html is not None:
        console.print(f"  the same as a page: {html}", soft_wrap=True)
