"""A release that waits for a person, and the trail of who let it serve."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.answering.rule_book import RuleBook
from service.api.schemas import AuditShape, ReleasesShape, RolledBackShape
from service.cli.app import app
from service.home import Home
from service.intake.load import load
from service.nightly.refresh import refresh
from service.releases.errors import NoRelease
from service.releases.store import ReleaseStore
from service.settings import load_settings
from tests.service.api.conftest import SHOP, Api
from tests.service.conftest import TRIAL_FLAGS, quiet

PASSED: dict[str, Any] = {"gate": {"passed": True, "reason": "better"}}
REJECTED: dict[str, Any] = {"gate": {"passed": False, "reason": "worse"}}


def test_a_person_lets_a_waiting_release_serve(api: Api) -> None:
    first = str(api.releases.current_version())
    rejected = api.releases.write(SHOP.draft(8, metrics=REJECTED))
    new = api.releases.write(SHOP.draft(9, metrics=PASSED))
    listed = ReleasesShape.model_validate(api.get("/v1/releases"))
    assert listed.waiting == [new]
    body = {"version": new, "author": "Mia", "reason": "looked through the report"}
    for version in (first, rejected):
        refused = api.client.post("/v1/releases:approve", json={**body, "version": version})
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:ilk:problem:not-waiting")
    done = api.client.post("/v1/releases:approve", json=body)
    assert RolledBackShape.model_validate(done.json()) == RolledBackShape(version=new, before=first)
    api.deps.holder.poll()
    assert api.get("/v1/items/plain/similar")["model_version"] == new
    assert api.get("/v1/releases")["waiting"] == []
    entry = AuditShape.model_validate(api.get("/v1/audit")).entries[0]
    assert (entry.actor, entry.action, entry.detail["to"]) == ("Mia", "approval", new)


def test_with_the_setting_a_refresh_waits(tmp_path: Path, shop_folder: Path) -> None:
    home = Home(tmp_path / "home")
    settings = load_settings(home.root, {**TRIAL_FLAGS, "refresh": {"approval": True}})
    load(shop_folder, settings)
    waited = refresh(settings, quiet())
    assert (waited.published, waited.release) == (False, None)
    assert waited.reason.startswith("waits for approval")
    assert not waited.rejected
    again = refresh(settings, quiet())
    assert again.reason == waited.reason
    with pytest.raises(NoRelease, match="release list"):
        ReleaseStore(home.releases).open_current()
    (version,) = ReleaseStore(home.releases).versions()
    command = ["--home", str(home.root), "release", "approve", version]
    done = CliRunner().invoke(app, [*command, "--author", "Mia", "--reason", "looked through"])
    assert done.exit_code == 0, done.output
    assert ReleaseStore(home.releases).current_version() == version
    assert refresh(settings, quiet()).reason == "unchanged"
    book = RuleBook(home.rules)
    assert [(one.actor, one.action) for one in book.audit()] == [("Mia", "approval")]
    book.close()
