"""The fine-tuned text model that a release was made with."""

from pathlib import Path

from encoders import Adapter, ModelMismatch
from service.releases.errors import TornRelease
from service.releases.manifest import ReleaseManifest
from service.releases.release import ADAPTER_NAME


def adapter_of(root: Path, manifest: ReleaseManifest) -> Adapter | None:
    """The adapter in a release's folder, compared with the manifest's sha256; None where texts are encoded
    with the model as it came. root: `Home.releases`. Raises `TornRelease`.
    """
    listed = manifest.files.get(ADAPTER_NAME)
    if listed is None:
        return None
    try:
        adapter = Adapter.from_content((root / manifest.version / ADAPTER_NAME).read_bytes())
    except (OSError, ModelMismatch) as error:
        raise TornRelease(f"release {manifest.version}: {ADAPTER_NAME} cannot be read ({error})") from None
    if adapter.sha256 != listed.sha256:
        raise TornRelease(f"release {manifest.version}: {ADAPTER_NAME} was changed after it was written")
    return adapter
