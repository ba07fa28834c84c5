"""What is said where FAISS is missing, doubled, or sees no GPU; each in a process of its own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index import FaissFlatIndex, GpuUnavailable, faiss_module, to_gpu, use_threads
from tests.index.clusters import clustered

ROOT = Path(__file__).resolve().parents[2]


def told(code: str, *folders: Path) -> str:
    """Last line that Python says when it runs `code`."""
    path = ":".join([str(ROOT), *map(str, folders)])
    ran = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1, ran.stdout
    return ran.stderr.strip().splitlines()[-1]


def test_without_faiss_the_command_that_installs_it() -> None:
    code = "import sys; sys.modules['faiss'] = None; from index import faiss_module; faiss_module()"
    assert "MissingFaiss" in told(code)
    assert "pip install 'ilk[cpu]'" in told(code)


def test_the_exact_index_needs_no_faiss() -> None:
    code = (
        "import sys; sys.modules['faiss'] = None\n"
        "import numpy as np; from index import ExactIndex\n"
        "rows = np.eye(3, dtype=np.float32)\n"
        "sys.exit(f'found {ExactIndex(rows).search(rows, 1)[0].ravel()}')"
    )
    assert told(code) == "found [0 1 2]"


@pytest.mark.parametrize("other", ["faiss-gpu", "faiss-gpu-cu12"])
def test_two_faiss_are_refused_with_the_fix(other: str, tmp_path: Path) -> None:
    folder = tmp_path / f"{other.replace('-', '_')}-1.9.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {other}\nVersion: 1.9.0\n")
    message = told("from index import faiss_module; faiss_module()", tmp_path)
    assert "ConflictingFaiss" in message
    assert f"pip uninstall -y faiss-cpu {other}" in message
    assert "pip install 'ilk[gpu]'" in message


def test_threads_are_set() -> None:
    before = faiss_module().omp_get_max_threads()
    use_threads(2)
    try:
        assert faiss_module().omp_get_max_threads() == 2
    finally:
        use_threads(before)
    with pytest.raises(ValueError, match="count"):
        use_threads(0)


@pytest.mark.skipif(faiss_module().get_num_gpus() > 0, reason="here is a GPU")
def test_without_a_gpu_that_is_said() -> None:
    with pytest.raises(GpuUnavailable, match=r"ilk\[gpu\]"):
        to_gpu(FaissFlatIndex.build(clustered(10, 4, seed=1)))


@pytest.mark.gpu
def test_a_gpu_answers_like_the_cpu(tmp_path: Path) -> None:
    if faiss_module().get_num_gpus() == 0:
        pytest.skip("FAISS sees no GPU")
    flat, queries = FaissFlatIndex.build(clustered(5000, 32, seed=2)), clustered(50, 32, seed=3)
    on_gpu = to_gpu(flat)
    np.testing.assert_allclose(on_gpu.search(queries, 10)[1], flat.search(queries, 10)[1], rtol=1e-4)
    allowed = np.arange(5000) % 3 == 0
    np.testing.assert_array_equal(
        on_gpu.search(queries, 10, allowed)[0], flat.search(queries, 10, allowed)[0]
    )
    on_gpu.save(tmp_path / "index")
    assert FaissFlatIndex.read(tmp_path / "index").size == 5000
