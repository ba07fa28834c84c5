"""From settings to the model's own configuration."""

from dataclasses import asdict
from typing import Any

from gnn import IlkConfig
from service.errors import BadSettings
from service.settings import ModelSettings


def model_config(settings: ModelSettings) -> IlkConfig:
    """The default configuration with `model.options` on top, nested by section name.

    Raises `BadSettings` naming an unknown option.
    """
    values = asdict(IlkConfig())
    values["training"]["device"] = _device(settings.device)
    _overlay(values, settings.options, "model.options")
    try:
        return IlkConfig.from_json(values)
    except (TypeError, ValueError) as error:
        raise BadSettings(f"model.options: {error}") from None


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    from torch import cuda  # only training needs torch

    return "cuda" if cuda.is_available() else "cpu"


def _overlay(values: dict[str, Any], options: dict[str, Any], where: str) -> None:
    for name, value in options.items():
        if name not in values:
            raise BadSettings(f"{where}: unknown option '{name}'; there are: {', '.join(map(str, values))}")
        if isinstance(values[name], dict) and isinstance(value, dict):
            _overlay(values[name], value, f"{where}.{name}")
        else:
            values[name] = value
