"""What the logs of a serving process leave out, and what not."""

import json
import subprocess
import sys

from tests.conftest import ROOT

PROGRAM = """
import logging
from service.json_logs import configure_json_logs
configure_json_logs()
import faiss
logging.getLogger("faiss.loader").warning("a real trouble")
logging.getLogger("service.anything").info("what we tell")
"""


def test_how_faiss_looks_for_its_builds_is_left_out() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert told == ["a real trouble", "what we tell"]
