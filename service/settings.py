"""Every setting of Ilk, from `ilk.toml` < `ILK_*` environment < flags.

Nested names are joined by `__` in the environment: `ILK_GRAPH__URL`, `ILK_SERVE__PORT`.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from graph.cleaning import CleaningRules
from graph.event_type import EventType
from graph.store import DEFAULT_WEIGHTS
from service.errors import BadSettings

DEFAULT_HOME = Path(".ilk")
TOML_NAME = "ilk.toml"


class Section(BaseModel):
    """A table of `ilk.toml`; unknown names are refused so that a typo is never silent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GraphSettings(Section):
    """Where the graph lives."""

    url: str = "sqlite"
    """`sqlite` (a file in the home) or the address of a Neo4j server."""
    user: str = "neo4j"
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    """File whose first line is the password; wins over `password`."""
    database: str = "neo4j"
    similar_edges: int = Field(10, ge=0, le=100)
    """Neighbours of each item that a release writes back to Neo4j as `SIMILAR_TO`; 0: none."""

    @field_validator("url")
    @classmethod
    def _names_a_store(cls, url: str) -> str:
        if not re.fullmatch(r"sqlite|(neo4j|bolt)(\+s|\+ssc)?://.+", url):
            raise ValueError("give `sqlite`, or a Neo4j server's Bolt address such as bolt://127.0.0.1:7687")
        return url


class FineTuneSettings(Section):
    """Whether a refresh teaches the text model what this shop's shoppers take together."""

    enabled: bool = False
    """Off: it did not pay on the shops it was measured on (docs/fine-tuning.md)."""
    steps: int = Field(200, ge=10, le=10_000)
    """At most; it stops early where held-out pairs gain nothing more."""
    learning_rate: float = Field(1e-3, gt=0, le=1)
    """Highest one, after the warm-up."""
    growth: float = Field(0.2, ge=0)
    """What was learned is kept, and every text's vector with it, until there are so many more events."""


class ReviewSettings(Section):
    """Whether what shoppers wrote about an item is part of its text (docs/model.md)."""

    share: float = Field(0.0, ge=0, lt=1)
    """Weight of the reviews beside the item's own words, together 1; 0: reviews are no part of the text."""
    per_item: int = Field(8, ge=1, le=100)
    """Reviews of one item that count: those of the greatest weight."""
    words: int = Field(60, ge=5, le=500)
    """First words of a review that count."""
    total: int = Field(200_000, ge=1)
    """Reviews to encode in all: with more, fewer of each item count, at least one. One core encodes about 100
    a second, each once."""


class EncoderSettings(Section):
    """How texts become vectors."""

    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Hugging Face id, local folder, or `hashing` (no weights; for trials only)."""
    revision: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    fine_tune: FineTuneSettings = FineTuneSettings()
    reviews: ReviewSettings = ReviewSettings()


class ModelSettings(Section):
    """How the graph model learns."""

    seed: int = Field(0, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    options: dict[str, Any] = {}
    """Fields of the model's own configuration (`gnn.IlkConfig`), by name."""
    tensorboard: Path | None = None
    """Folder where a refresh writes its training curves for TensorBoard (needs `ilk[tensorboard]`)."""


class IndexSettings(Section):
    """Which index serves."""

    kind: Literal["auto", "exact", "flat", "hnsw", "half", "sq8"] = "auto"
    """`auto`: flat up to 100,000 items, then HNSW. `half` and `sq8` compare every row like flat, rounded to
    half-precision floats or bytes: half or a quarter of the memory; a release's report says what is lost."""


class GateSettings(Section):
    """What a new release must show before it is served."""

    min_coverage: float = Field(0.95, ge=0, le=1)
    """Share of the catalogue's items that must be found by something (text, graph or trend), unless the
    serving release has less already."""
    max_drop: float = Field(0.20, ge=0, le=1)
    """How much closer to popularity than the serving release a new one may be on the newest events: the
    relative drop of NDCG@10 over popularity's that is still let through."""
    max_unsure_drop: float = Field(0.50, ge=0, le=1)
    """The same where the events are too few to be sure that the drop exceeds `max_drop`."""


class SelectionSettings(Section):
    """Which events a release learns from; what is left out stays in log and graph. Default: all of them."""

    window_days: float | None = Field(None, gt=0)
    """Older events, counted from the newest one, are left out; none: no window."""
    half_life_days: float | None = Field(None, gt=0)
    """An event's weight halves with so many days of age; none: age counts only where the model says so."""
    min_item_events: int = Field(1, ge=1)
    """Events of items with fewer are left out: such an item is known by its text alone."""
    min_user_events: int = Field(1, ge=1)
    """Likewise of shoppers."""
    max_user_events: int | None = Field(None, ge=1)
    """Newest events of one shopper that count; none: all."""
    max_category_share: float | None = Field(None, gt=0, le=1)
    """Largest share of all events that one top category may have, its newest ones; none: no balance."""


class IncrementGateSettings(Section):
    """What an incremental update must show before it serves."""

    min_pairs: int = Field(150, ge=1)
    """Held-out cases below which nothing can be told."""
    tolerance: float = Field(0.03, ge=0, le=1)
    """Relative loss of quality on the newest events up to which a candidate is not called worse, however sure
    the loss is: what another seed changes."""
    max_forgetting: float = Field(0.05, ge=0, le=1)
    """The same on old events, where new tastes may cost a little."""
    margin: float = Field(0.05, ge=0, le=1)
    """Relative loss that must be ruled out before a candidate serves."""
    max_coverage_drop: float = Field(0.2, ge=0, le=1)
    """Relative drop of the share of items that appear in any top 10."""
    max_neighbour_drift: float = Field(0.6, ge=0, le=1)
    """Share of the top 10 that one increment may change."""
    max_norm_growth: float = Field(3.0, ge=1)
    """How many times as long the longest trained vector may become in one increment."""
    widen: int = Field(2, ge=1, le=16)
    """After a failure the next increment waits for so many times as many events."""
    failures_before_refresh: int = Field(3, ge=1)
    """Rejections in a row after which only a full refresh helps."""


class IncrementSettings(Section):
    """Incremental retraining between refreshes: `ilk increment`, and `update.policy` `touched` or `full`."""

    edges: int = Field(2_000, ge=20)
    """New events that an increment waits for."""
    seconds: float = Field(900.0, ge=1)
    """With fewer new events (a tenth at least) one is made after so long all the same."""
    holdout_share: float = Field(0.2, gt=0, lt=1)
    """Newest share of the new events that judges the candidate; the next increment learns from them."""
    exam_pairs: int = Field(3_000, ge=100, le=50_000)
    """Cases on which candidate and serving release are compared, of new and of old events each."""
    gate: IncrementGateSettings = IncrementGateSettings()


class RefreshSettings(Section):
    """How the full refresh goes about its work."""

    checkpoint_seconds: float = Field(10.0, ge=0)
    """Least time between two checkpoints of one training; what a kill can cost is that much training."""
    memory_mib: int | None = Field(None, ge=256)
    """Memory that a refresh may take, in MiB, as `ilk refresh --dry-run` estimates it; none: as much as it
    needs."""
    approval: bool = False
    """A new release that the gate lets through waits for a person (`ilk release approve`, the page) instead
    of serving at once. Increments on the serving release do not wait; `update.policy` says whether any are
    made."""
    over_budget: Literal["refuse", "newest"] = "refuse"
    """What a refresh does that would take more: `refuse` with a reason, or learn from the `newest` events
    that fit and say how many it left out."""


class ReportSettings(Section):
    """What a refresh tells of itself."""

    audit_items: int = Field(500, ge=0, le=100_000)
    """Items whose neighbours are compared with the serving release's, about 6 ms each; 0: no comparison."""
    webhook: str = Field("", pattern=r"^(https?://.+)?$")
    """Address that gets the outcome of every refresh as a JSON POST; empty: nobody is told."""


class KeySettings(Section):
    """One `[[serve.keys]]`: an API key known by its hash, as `ilk key` prints it."""

    name: str = Field(pattern=r"^[\w.-]{1,64}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: tuple[Literal["read", "write", "admin"], ...] = Field(("read",), min_length=1)
    requests_per_minute: int = Field(0, ge=0)
    """For each worker; 0: no limit."""


class RetentionSettings(Section):
    """What `ilk gc` leaves."""

    releases: int = Field(7, ge=2, le=10_000)
    """Newest releases; the serving one and its parent are always kept."""
    quarantine_days: float = Field(90, ge=0)
    """Age of files with rejected and repaired rows, which hold excerpts of the shop's data."""
    checkpoint_days: float = Field(7, ge=0)
    """Age of checkpoints of refreshes that nobody went on with."""


class ScheduleSettings(Section):
    """What `ilk serve` does by itself, each run in a process of its own."""

    refresh: str = ""
    """When to refresh: a time of day (`03:30`) or the five fields of cron (`30 3 * * 1-5`); empty: never."""
    sync_seconds: int = Field(0, ge=0)
    """How often `ilk sync` looks whether a source is due; 0: never."""
    timezone: str = "UTC"
    """In which `refresh` is read, such as `Europe/Berlin`."""
    jitter_seconds: int = Field(0, ge=0, le=86_400)
    """A refresh begins up to so much earlier or later: many homes on one machine do not begin at once."""
    missed: Literal["run", "skip"] = "run"
    """What becomes of a run that was due while nothing ran: `run` it at the start, or `skip` it."""
    nice: int = Field(10, ge=0, le=19)
    """How far the runs stand back behind serving, as in nice(1)."""

    @model_validator(mode="after")
    def _times_exist(self) -> Self:
        if self.refresh or self.timezone != "UTC":
            from service.nightly.schedule_times import (
                trigger_of,  # here: half a second that most commands save
            )

            trigger_of(self.refresh or "00:00", self.timezone)
        return self


class ServeSettings(Section):
    """The HTTP service."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    """0: any free port."""
    workers: int = Field(1, ge=1, le=64)
    api_keys: tuple[SecretStr, ...] = ()
    """Accepted in `X-API-Key`, with all scopes; without any key only loopback may be bound."""
    keys: tuple[KeySettings, ...] = ()
    """Keys with scopes, by their hashes (`ilk key`)."""
    requests_per_minute: int = Field(0, ge=0)
    """Of each key in `api_keys` and of callers without a key, for each worker; 0: no limit."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may ask from a browser, such as `https://shop.example`; `*`: all."""


class ExplainSettings(Section):
    """What explanations tell."""

    min_users: int = Field(3, ge=2, le=1000)
    """Shoppers whom two items must share before their number is told: nobody is to be recognised."""


class BoostSettings(Section):
    """One `[answers.boosts.NAME]`: items that stand higher where a caller asks for `boost=NAME`."""

    field: str = Field(min_length=1, max_length=200)
    """`brand`, `category`, `availability`, or the name of an attribute."""
    equals: str = Field(max_length=1000)
    """Compared without regard to case; of `category` also what lies below."""
    strength: float = Field(0.25, ge=-1, le=1)
    """Share of the distance between the best and the worst candidate that is added to the score."""


class AnswerSettings(Section):
    """What answers can do besides."""

    boosts: dict[str, BoostSettings] = {}
    """By the name that callers use."""


class CapSettings(Section):
    """How far a user or a crowd moves an item before a full refresh has judged the events; what goes beyond
    stays in log and graph and counts from that refresh on. 0 turns a limit off."""

    window: int = Field(10_000, ge=0)
    """Events let through after which all counts start anew; 0: never."""
    user_item: int = Field(3, ge=0)
    """Events of one user with one item."""
    user: int = Field(50, ge=0)
    """Events of one user, as a floor ..."""
    user_factor: float = Field(1.0, ge=0)
    """... or so many times what the busiest hundredth of the users did in all, whichever is more."""
    new_users_item: int = Field(30, ge=0)
    """Events on one item by users who were not there at the refresh, as a floor ..."""
    new_users_share: float = Field(0.1, ge=0)
    """... or this share of the events the item had then, whichever is more."""
    crowd_users: int = Field(50, ge=0)
    """Such users within a thousand events that are no crowd, whatever is usual ..."""
    crowd_factor: float = Field(2.0, ge=0)
    """... nor are so many times as many of them, and of their events, for each known one as was usual before
    the refresh. What a crowd does counts where more of it come to one item than by chance, else it waits."""


class UpdateSettings(Section):
    """How the served answers follow events and items."""

    policy: Literal["off", "fold-in", "touched", "full"] = "touched"
    """`off`: answers change with a refresh only. `fold-in`: every event counts at once, with the weights of
    the served release. `touched`: besides, the rows that events touched are trained anew now and then.
    `full`: besides, a full refresh is made when drift asks for it."""
    poll_seconds: float = Field(0.01, ge=0.001, le=5)
    """How often log and changes are looked at; one look takes some microseconds."""
    batch_events: int = Field(500, ge=1, le=10_000)
    """Events folded in at a time: fewer are visible sooner, more make a backlog shorter."""
    quiet_seconds: float = Field(1.0, ge=0, le=3600)
    """Once nothing happened for so long, everything is computed anew with the same weights."""
    whole_seconds: float = Field(600.0, ge=0.1, le=86_400)
    """The same under load, so far apart (and never more than a tenth of the time): 4 s of a processor for
    130,000 events; events do not wait for it."""
    segment_bytes: int = Field(64 * 1024 * 1024, ge=64 * 1024)
    """What is appended to a file of fresh rows before a new one replaces it: so much, or once more what it
    began with."""
    max_lag_events: int = Field(100_000, ge=1)
    """Accepted events that may wait for graph and answers; with more, `POST /v1/events` answers 429."""
    switch_seconds: float = Field(60.0, ge=0, le=600)
    """How long the old release serves on at most, while newer events are folded into the new one: reading
    the graph and computing everything takes 5 s at 130,000 events, 45 s at a million."""
    freeze: tuple[str, ...] = ()
    """Ids of items whose similar items only a refresh may change."""
    caps: CapSettings = CapSettings()


class LoadSettings(Section):
    """How files are read."""

    batch_rows: int = Field(50_000, ge=100, le=1_000_000)
    """Events per transaction of the graph."""


class CleaningSettings(Section):
    """What is done to texts on the way in; every rule has a counter of the rows it touched. Ids are never
    changed."""

    unescape_html: bool = True
    """`&amp;` becomes `&`. Counter `html_entities`."""
    strip_tags: bool = True
    """HTML tags become a space. Counter `html_tags`."""
    blank_markup_titles: bool = True
    """A title that is a piece of HTML, CSS or script is emptied. Counter `html_title`."""
    collapse_whitespace: bool = True
    """Runs of white space become one space, ends are trimmed. Counter `whitespace`."""
    compose_unicode: bool = True
    """Unicode form NFC. Counter `unicode_form`."""
    max_title_chars: int = Field(1_000, ge=1)
    """A longer title, brand or category is cut. Counter `text_cut`."""
    max_text_chars: int = Field(20_000, ge=1)
    """A longer description or review is cut. Counter `text_cut`."""

    def rules(self) -> CleaningRules:
        """As readers take them."""
        return CleaningRules(**self.model_dump())


class SourceSettings(Section):
    """One `[[sources]]` of `ilk sync`: files that appear and change."""

    name: str = Field(pattern=r"^[\w.-]{1,64}$")
    path: str = Field(min_length=1)
    """Folder, file or glob (`**` for any depth); `~` is the user's folder."""
    format: Literal["auto", "ilk", "amazon", "recbole", "lightgcn", "movielens", "table"] = "auto"
    mapping: Path | None = None
    """TOML file, or the name of a mapping that Ilk brings, for `table`."""
    priority: int = Field(0, ge=-1000, le=1000)
    """Whose word counts where sources describe the same item: the highest; among equals the newest file's."""
    schedule_seconds: float = Field(0, ge=0)
    """Least time between two successful looks; 0: at every `ilk sync`."""


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
        if any(weight < 0 for weight in given.values()):
            raise ValueError("weights must not be negative")
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
