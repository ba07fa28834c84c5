"""`ilk updater`: the updater alone, where the API runs elsewhere or another program keeps it running."""

import signal
import threading

from service.cli.context import CliContext


def run_updater(context: CliContext) -> None:
    """Work until SIGTERM or Ctrl-C. Where another updater of the home works, wait to take over."""
    from service.json_logs import configure_json_logs
    from service.live.updater import follow

    context.home.require()
    settings = context.settings
    configure_json_logs()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    follow(settings, stopping)
