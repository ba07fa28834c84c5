"""When a refresh teaches the text model anew, and when it keeps what an earlier one taught."""

from dataclasses import dataclass, replace

from encoders import FineTuning
from gnn.checkpoints import Checkpoints
from service.errors import BadSettings
from service.home import Home
from service.nightly.fine_tune_stage import Tuned, keep_tuned, kept_tuned, tune
from service.nightly.text_stage import snapshot_texts
from service.releases.adapter import adapter_of
from service.releases.errors import ReleaseError
from service.releases.manifest import read_manifest
from service.releases.store import ReleaseStore
from service.reporter import Reporter
from service.settings import Settings
from service.shop_snapshot import ShopSnapshot
from service.texts import Texts

STAGE = "fine-tune"


@dataclass(frozen=True)
class FineTunePolicy:
    """Every new adapter costs the vectors of all texts, so one is kept until the shop has grown."""

    settings: Settings
    home: Home

    @property
    def enabled(self) -> bool:
        """Whether texts are fine-tuned at all."""
        return self.settings.encoder.fine_tune.enabled

    def settle(
        self, snapshot: ShopSnapshot, texts: Texts, checkpoints: Checkpoints, reporter: Reporter
    ) -> Tuned:
        """The adapter that the release is to have, or that it has none. texts: of the model as it came.

        Raises `BadSettings` for a text model without weights, and what `encoders.fine_tune` raises.
        """
        events = len(snapshot.edges.user)
        tuned = kept_tuned(checkpoints) or self.kept(events, texts.encoder.fingerprint)
        if tuned is not None:
            reporter.skip(STAGE, f"learned from {tuned.record['events']:,} events, {events:,} are there now")
        else:
            tuned = self._tuned(snapshot, texts, reporter)
        keep_tuned(checkpoints, tuned)
        return tuned

    def kept(self, events: int, model: str) -> Tuned | None:
        """What the serving release was made with, unless the shop has grown too much since then or the text
        model (its fingerprint as it came) is another."""
        releases = ReleaseStore(self.home.releases)
        try:
            version = releases.current_version()
            manifest = None if version is None else read_manifest(self.home.releases / version)
            record = None if manifest is None else manifest.config.get("fine_tuning")
            if manifest is None or record is None or record["model"] != model:
                return None
            if events > record["events"] * (1 + self.settings.encoder.fine_tune.growth):
                return None
            return Tuned(adapter_of(self.home.releases, manifest), record)
        except ReleaseError:
            return None

    def _tuned(self, snapshot: ShopSnapshot, texts: Texts, reporter: Reporter) -> Tuned:
        if texts.cutter is None:
            raise BadSettings(
                "encoder.fine_tune needs a text model with weights; set encoder.model or turn it off"
            )
        wanted = self.settings.encoder.fine_tune
        how = FineTuning(steps=wanted.steps, learning_rate=wanted.learning_rate)
        with reporter.stage(STAGE) as stage:
            tuned = tune(
                texts.cutter.files,
                snapshot.arrays(None),
                snapshot_texts(snapshot),
                how,
                self.settings.model.seed,
                stage.progress,
            )
            stage.note = "held-out pairs gain" if tuned.adapter else "no sure gain: not used"
        return replace(tuned, record=tuned.record | {"model": texts.encoder.fingerprint})
