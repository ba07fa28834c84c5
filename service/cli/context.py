"""What every command gets: settings of the chosen home, and where to print."""

import json
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console

from service.errors import CallerMistake
from service.home import Home
from service.settings import Settings, load_settings

FILE_WIDTH = 120
"""Columns where the output goes to a file or pipe."""


class CliContext:
    """One call of `ilk`."""

    def __init__(self, home: Path | None) -> None:
        self.home_flag = home

    @cached_property
    def settings(self) -> Settings:
        """Effective settings. Raises `BadSettings`."""
        return load_settings(self.home_flag)

    def settings_with(self, **flags: Any) -> Settings:
        """Effective settings with flags of this command on top."""
        return load_settings(self.home_flag, flags)

    @property
    def home(self) -> Home:
        """The home of the settings."""
        return Home(self.settings.home)

    def console(self, json_file: str | None) -> Console:
        """For people: standard output, or standard error where that belongs to JSON alone."""
        console = Console(stderr=json_file == "-", highlight=False)
        if not console.is_terminal and "COLUMNS" not in os.environ:
            console.width = FILE_WIDTH
        return console

    def write_json(self, result: dict[str, Any], json_file: str | None) -> None:
        """Write a result where `--json` says; nothing without it."""
        if json_file is None:
            return
        text = json.dumps(result, ensure_ascii=False, indent=1) + "\n"
        if json_file == "-":
            sys.stdout.write(text)
            return
        try:
            Path(json_file).write_text(text, "utf-8")
        except OSError as error:
            raise CallerMistake(f"--json {json_file}: {error.strerror}") from None
