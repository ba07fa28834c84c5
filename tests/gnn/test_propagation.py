"""The layer of the trained model."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_process_leaves_no_generated_module_behind(tmp_path: Path) -> None:
    code = (
        "from gnn.propagation import Propagation\n"
        "first, second = Propagation(), Propagation()\n"
        "assert 'Propagation' in type(first).propagate.__module__, 'PyG generates nothing any more'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
