"""Settings that every test shares: one thread, no network to model hubs, where the real data lies."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real shops' data; the test is skipped loudly where there is none."""
    folder = Path(os.environ.get("ILK_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"REAL DATA MISSING: no folder {folder}; set ILK_TEST_DATA=/path/to/data to run this test"
        )
    return folder
