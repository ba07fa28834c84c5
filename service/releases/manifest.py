"""What a release says of itself: `manifest.json`."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.releases.errors import ForeignRelease, TornRelease

SCHEMA_VERSION = 2
MANIFEST_NAME = "manifest.json"
VERSION_PATTERN = re.compile(r"^r(\d{6,})-([0-9a-f]{6})$")
_KIND = "ilk-release"


class ReleaseFile(BaseModel):
    """One file of a release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class ReleaseModel(BaseModel):
    """Which class reads the arrays back, and with which configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    config: dict[str, Any] = {}
    """As `ServedModel.to_arrays` gave it."""


class ReleaseManifest(BaseModel):
    """Everything needed to open a release, to check it and to make it again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(_KIND, pattern=f"^{_KIND}$")
    schema_version: int = SCHEMA_VERSION
    version: str = ""
    """Folder name: a counter and the first digits of the content's hash, such as `r000007-3fa9c1`."""
    created_at: str
    """ISO 8601, UTC."""
    parent: str | None = None
    """Release that was current when this one was made."""
    model: ReleaseModel
    encoder_fingerprint: str
    seed: int
    config: dict[str, Any] = {}
    """Settings under which the release was made."""
    items: int = Field(ge=0)
    """Rows of the id map, dead ones included."""
    events_through: int = Field(ge=0)
    """Sequence number of the newest event that counts in the answers."""
    sequence_ranges: list[tuple[int, int]] = []
    """First and last sequence number of every block of events learned from."""
    metrics: dict[str, Any] = {}
    files: dict[str, ReleaseFile] = {}
    """Every file but the manifest itself, by its path inside the release."""

    @property
    def refreshed_through(self) -> int:
        """Newest event of the full refresh that this release, an increment perhaps, goes back to."""
        return self.sequence_ranges[0][1] if self.sequence_ranges else self.events_through

    @property
    def content_digest(self) -> str:
        """Hash of what decides the answers: equal for two releases made alike.

        When, from which parent and with which measured figures it was made is left out.
        """
        decides = self.model_dump(mode="json", exclude={"version", "created_at", "parent", "metrics"})
        return hashlib.sha256(_canonical(decides)).hexdigest()

    def named(self, counter: int) -> Self:
        """The same manifest with its version filled in."""
        return self.model_copy(update={"version": f"r{counter:06d}-{self.content_digest[:6]}"})

    def to_json(self) -> str:
        """Text of `manifest.json`; ends with a checksum over all that precedes it."""
        fields = self.model_dump(mode="json")
        sealed = {**fields, "manifest_sha256": hashlib.sha256(_canonical(fields)).hexdigest()}
        return json.dumps(sealed, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def read_manifest(folder: Path) -> ReleaseManifest:
    """Read and check a release's manifest; its files are not looked at.

    Raises `TornRelease`, `ForeignRelease`.
    """
    name = folder.name
    try:
        fields = json.loads((folder / MANIFEST_NAME).read_text("utf-8"))
    except FileNotFoundError:
        raise TornRelease(f"release {name}: {MANIFEST_NAME} is missing") from None
    except (OSError, ValueError) as error:
        raise TornRelease(f"release {name}: {MANIFEST_NAME} cannot be read ({error})") from None
    if not isinstance(fields, dict) or fields.get("kind") != _KIND:
        raise ForeignRelease(f"release {name}: {MANIFEST_NAME} is not the manifest of an Ilk release")
    if fields.get("schema_version") != SCHEMA_VERSION:
        raise ForeignRelease(
            f"release {name}: written with schema version {fields.get('schema_version')!r}, this Ilk reads "
            f"{SCHEMA_VERSION}; run `ilk refresh` to make a new one"
        )
    return _checked(name, fields)


def version_counter(version: str) -> int:
    """The counting part of a version; 0 where the name is not a version."""
    match = VERSION_PATTERN.match(version)
    return int(match[1]) if match else 0


def _checked(name: str, fields: dict[str, Any]) -> ReleaseManifest:
    checksum = fields.pop("manifest_sha256", None)
    if checksum != hashlib.sha256(_canonical(fields)).hexdigest():
        raise TornRelease(f"release {name}: {MANIFEST_NAME} was changed after it was written")
    try:
        manifest = ReleaseManifest.model_validate(fields)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ForeignRelease(f"release {name}: {MANIFEST_NAME} has a wrong field '{where}'") from None
    if manifest.version != name or manifest.named(version_counter(name)).version != name:
        raise ForeignRelease(f"release {name}: its manifest belongs to {manifest.version!r}")
    return manifest


def _canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(
        fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()
