"""The files in deploy/ are what their programs read, and name settings and commands that exist."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
MANIFESTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((DEPLOY / "kubernetes/ilk.yaml").read_text("utf-8"))
)
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text("utf-8"))


def test_every_setting_that_is_named_exists() -> None:
    texts = [
        path.read_text("utf-8") for path in sorted(DEPLOY.rglob("*")) if path.suffix in (".yaml", ".service")
    ]
    named = {name for text in texts for name in re.findall(r"\bILK_[A-Z0-9_]+\b", text)} - {"ILK_HOME"}
    assert "ILK_SCHEDULE__REFRESH" in named
    for name in named:
        section, field = name.removeprefix("ILK_").lower().split("__")
        assert field in type(getattr(Settings(), section)).model_fields, name


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="NO systemd-analyze: apt-get install systemd"
)
def test_systemd_reads_its_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/opt/ilk/bin/ilk", "/bin/true")
        (tmp_path / unit.name).write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.M), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    own = [line for line in done.stderr.splitlines() if "ilk" in line]
    assert own == []
    assert done.returncode == 0, done.stderr


def test_the_timer_makes_up_for_missed_nights() -> None:
    timer = (DEPLOY / "systemd/ilk-refresh.timer").read_text("utf-8")
    assert "Persistent=true" in timer


def test_the_compose_specification_accepts_the_file(tmp_path: Path) -> None:
    given = DEPLOY / "docker/compose.yaml"
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(given.read_text("utf-8").replace("depends_on:", "depend_on:"), "utf-8")
    by_schema = ("check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    assert _told(*by_schema, given) == (0, "ok -- validation done")
    rc, why = _told(*by_schema, wrong)
    assert rc == 1
    assert "depend_on" in why


def test_compose_names_what_it_uses() -> None:
    services = COMPOSE["services"]
    volumes = {mount.partition(":")[0] for one in services.values() for mount in one["volumes"]}
    assert volumes == set(COMPOSE["volumes"])
    assert set(services["ilk"]["depends_on"]) <= set(services)
    for one in services.values():
        assert all(port.startswith("127.0.0.1:") for port in one["ports"])
    assert (DEPLOY / "docker" / services["ilk"]["build"]["context"]).resolve() == ROOT
    assert (ROOT / services["ilk"]["build"]["dockerfile"]).is_file()


def test_the_image_copies_what_exists() -> None:
    lines = (DEPLOY / "docker/Dockerfile").read_text("utf-8").splitlines()
    copied = [
        word
        for line in lines
        if line.startswith("COPY") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    assert {"graph", "encoders", "gnn", "index", "service"} <= set(copied)
    assert all((ROOT / name).exists() for name in copied)
    assert "USER 10001" in lines


def test_kubernetes_schemas_accept_the_manifests(tmp_path: Path) -> None:
    given = DEPLOY / "kubernetes/ilk.yaml"
    wrong = tmp_path / "ilk.yaml"
    wrong.write_text(given.read_text("utf-8").replace("claimName:", "claim:"), "utf-8")
    strictly = ("kubernetes_validate", "--strict")
    rc, told = _told(*strictly, given)
    assert rc == 0, told
    assert told.count("passed") == len(MANIFESTS), told
    rc, told = _told(*strictly, wrong)
    assert rc == 1
    assert "claim" in told


def test_the_manifests_fit_together() -> None:
    kinds = {one["kind"]: one for one in MANIFESTS}
    assert set(kinds) == {"PersistentVolumeClaim", "Deployment", "Service", "CronJob"}
    claim = kinds["PersistentVolumeClaim"]["metadata"]["name"]
    deployment, cron = kinds["Deployment"]["spec"], kinds["CronJob"]["spec"]
    assert deployment["selector"]["matchLabels"] == deployment["template"]["metadata"]["labels"]
    assert kinds["Service"]["spec"]["selector"] == deployment["selector"]["matchLabels"]
    assert cron["concurrencyPolicy"] == "Forbid"
    for pod in (deployment["template"]["spec"], cron["jobTemplate"]["spec"]["template"]["spec"]):
        assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim
        assert pod["securityContext"]["runAsNonRoot"]
        (container,) = pod["containers"]
        assert container["volumeMounts"][0]["mountPath"] == "/var/lib/ilk"
        assert container["resources"]["limits"]["memory"]


def _told(module: str, *arguments: str | Path) -> tuple[int, str]:
    """(exit status, what it says) of a validator that comes with the developers' tools."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, (done.stdout + done.stderr).strip()
