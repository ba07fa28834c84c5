"""The wheel, installed beside nothing of ours, run from a folder that has its own `service/` and `index/`."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from service.demo.sample_shop import SampleShop
from tests.conftest import ROOT
from tests.e2e.conftest import trial_environment

pytestmark = pytest.mark.slow


def checked(*command: object, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=trial_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    checked(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=ROOT)
    return next(folder.glob("*.whl"))


def test_the_wheel_works_where_names_are_taken(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    checked(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    site = Path(
        checked(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    checked(
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel,
        cwd=tmp_path,
    )  # fmt: skip
    # the packages that Ilk needs come from this environment (6 GB are not installed twice); the editable
    # install's own .pth file is not followed from a .pth, so Ilk itself can only come from the wheel
    (site / "needs.pth").write_text(sysconfig.get_path("purelib") + os.linesep, "utf-8")
    taken = tmp_path / "elsewhere"
    for name in ("service", "index", "graph", "gnn", "encoders"):
        (taken / name).mkdir(parents=True)
        (taken / name / "__init__.py").write_text("raise RuntimeError('the wrong package')\n", "utf-8")
    shop = tmp_path / "shop"
    SampleShop(users=60, variants=2, events_per_user=6).write(shop)
    where = checked(python, "-P", "-c", "import service; print(service.__file__)", cwd=taken).strip()
    assert where.startswith(str(site)), where
    ilk = [python, "-c", "import sys; sys.path.pop(0); from service.cli import main; main()"]
    script = site / "bin" / "ilk"
    if script.exists():
        ilk = [python, script]
    for command in (("load", shop), ("refresh",)):
        checked(*ilk, "--home", "home", *command, cwd=taken)
    answer = json.loads(checked(*ilk, "--home", "home", "similar", "S0000", "--json", "-", cwd=taken))
    assert len(answer["results"]) == 10
