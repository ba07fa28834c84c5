"""`ilk tune`."""

from pathlib import Path

from service.cli.context import CliContext
from service.errors import CallerMistake
from service.evaluating.tune import TuneRequest, tune
from service.reporter import Reporter


def run_tune(context: CliContext, request: TuneRequest, out: Path, json_file: str | None) -> None:
    """Search, then write the settings as a fragment of `ilk.toml`."""
    console = context.console(json_file)
    result = tune(request, context.settings, Reporter(console))
    try:
        out.write_text(result.fragment(), "utf-8")
    except OSError as error:
        raise CallerMistake(f"--out {out}: {error.strerror}") from None
    context.write_json({"trials": result.trials, "gain": result.gain, "options": result.best}, json_file)
    console.print(f"  {result.trials} trials, validation x {result.gain:.3f} of the defaults': {out}")
