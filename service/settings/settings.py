"""Every setting of Ilk, from `ilk.toml` < `ILK_*` environment < flags.

Nested names are joined by `__` in the environment: `ILK_GRAPH__URL`, `ILK_SERVE__PORT`.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import (
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from graph.event_type import EventType
from graph.store import DEFAULT_WEIGHTS
from service.errors import BadSettings
from service.settings.intake import CleaningSettings, GraphSettings, LoadSettings, SourceSettings
from service.settings.learning import (
    EncoderSettings,
    GateSettings,
    IncrementSettings,
    IndexSettings,
    ModelSettings,
    RefreshSettings,
    SelectionSettings,
)
from service.settings.operating import (
    AnswerSettings,
    ExplainSettings,
    ReportSettings,
    RetentionSettings,
    ScheduleSettings,
    ServeSettings,
    UpdateSettings,
)

DEFAULT_HOME = Path(".ilk")
TOML_NAME = "ilk.toml"

_LEAST_WEIGHT, _MOST_WEIGHT = 1e-6, 1e6
"""Sums of events' weights and their products must fit float32, whatever the shop."""


class Settings(BaseSettings):
    """All settings; see each section."""

    model_config = SettingsConfigDict(
        env_prefix="ILK_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    home: Path = DEFAULT_HOME
    """Folder of one shop: log, graph, cache, releases."""
    graph: GraphSettings = GraphSettings()
    encoder: EncoderSettings = EncoderSettings()
    model: ModelSettings = ModelSettings()
    index: IndexSettings = IndexSettings()
    gate: GateSettings = GateSettings()
    selection: SelectionSettings = SelectionSettings()
    refresh: RefreshSettings = RefreshSettings()
    increment: IncrementSettings = IncrementSettings()
    report: ReportSettings = ReportSettings()
    retention: RetentionSettings = RetentionSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    serve: ServeSettings = ServeSettings()
    update: UpdateSettings = UpdateSettings()
    load: LoadSettings = LoadSettings()
    cleaning: CleaningSettings = CleaningSettings()
    explain: ExplainSettings = ExplainSettings()
    answers: AnswerSettings = AnswerSettings()
    sources: tuple[SourceSettings, ...] = ()
    """Where `ilk sync` reads; names differ."""
    weights: dict[EventType, float] = dict(DEFAULT_WEIGHTS)
    """Weight of one event of each type: what counts more, clicks or purchases, is the shop's choice. A change
    counts for new events at once and for all others from the next refresh on."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags before environment before `ilk.toml`."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @field_validator("sources")
    @classmethod
    def _named_apart(cls, given: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        if len({source.name for source in given}) < len(given):
            raise ValueError("two sources have the same name")
        return given

    @field_validator("weights")
    @classmethod
    def _complete(cls, given: dict[EventType, float]) -> dict[EventType, float]:
        """Types that are not named keep their default weight."""
        if any(weight != 0 and not _LEAST_WEIGHT <= weight <= _MOST_WEIGHT for weight in given.values()):
            raise ValueError(f"weights are 0 or from {_LEAST_WEIGHT:f} to {_MOST_WEIGHT:,.0f}")
        return DEFAULT_WEIGHTS | given


def load_settings(home: Path | None = None, flags: dict[str, Any] | None = None) -> Settings:
    """Merge `ilk.toml` (in the home, else in the current folder), environment and flags.

    Raises `BadSettings` naming the setting, in one line.
    """
    where = home or Path(os.environ.get("ILK_HOME") or DEFAULT_HOME)
    path = toml_path(where)
    try:
        return _bound_to(path)(**{**(flags or {}), "home": where})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        hint = f" (see {path})" if path else ""
        wrong = first["msg"].removeprefix("Value error, ")
        raise BadSettings(f"setting '{name}': {wrong}; `ilk config` lists all settings{hint}") from None
    except (tomllib.TOMLDecodeError, SettingsError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path or 'environment'}: {error}") from None


def settings_with_origin(
    home: Path | None = None, flags: dict[str, Any] | None = None
) -> list[tuple[str, Any, str]]:
    """(dotted name, effective value, origin) of every setting; secrets are masked."""
    settings = load_settings(home, flags)
    path = toml_path(settings.home)
    origins: dict[str, str] = {}
    if path:
        origins |= dict.fromkeys(_names(tomllib.loads(path.read_text("utf-8"))), str(path))
    origins |= dict.fromkeys(_names(EnvSettingsSource(Settings)()), "environment")
    origins |= dict.fromkeys(_names(flags or {}), "flag")
    if home is not None:
        origins["home"] = "flag"
    elif os.environ.get("ILK_HOME"):
        origins["home"] = "environment"
    dump = _flatten(settings.model_dump(mode="json"))
    return [(name, value, origins.get(name, "default")) for name, value in dump]


def toml_path(home: Path) -> Path | None:
    """The `ilk.toml` that counts for a home; None where there is none."""
    return next((p for p in (home / TOML_NAME, Path(TOML_NAME)) if p.is_file()), None)


def _bound_to(path: Path | None) -> type[Settings]:
    class BoundSettings(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    return BoundSettings


def _names(tree: dict[str, Any]) -> list[str]:
    return [name for name, _ in _flatten(tree)]


def _flatten(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            rows += _flatten(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value))
    return rows
