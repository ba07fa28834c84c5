"""What a release says of itself."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.releases.manifest import MANIFEST_NAME, ReleaseManifest, ReleaseModel, read_manifest


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    config=st.dictionaries(st.text(), st.none() | st.integers() | st.floats(allow_nan=False) | st.text()),
    counter=st.integers(1, 10**7),
)
def test_any_manifest_reads_back(tmp_path: Path, config: dict[str, object], counter: int) -> None:
    try:
        manifest = ReleaseManifest(
            created_at="2024-01-01T00:00:00+00:00",
            model=ReleaseModel(name="M"),
            encoder_fingerprint="e",
            seed=1,
            config={k: v for k, v in config.items() if not isinstance(v, float) or abs(v) < 1e300},
            items=0,
            events_through=0,
        ).named(counter)
        text = manifest.to_json()
        text.encode()
    except UnicodeEncodeError:  # lone surrogates are no text
        return
    folder = tmp_path / manifest.version
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST_NAME).write_text(text, "utf-8")
    assert read_manifest(folder) == manifest
