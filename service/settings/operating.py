"""How the engine serves, follows events, keeps and reports."""

from typing import Literal, Self

from pydantic import (
    Field,
    SecretStr,
    model_validator,
)

from service.settings.section import Section


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

    boosts: dict[str, BoostSettings] = Field(default_factory=dict)
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
