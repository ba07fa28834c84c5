"""FAISS, imported only when it is needed and only when exactly one is installed."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from index.errors import ConflictingFaiss, MissingFaiss

_CPU = ("faiss-cpu",)
_GPU = ("faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12")


@cache
def faiss_module() -> Any:
    """The module `faiss`. Raises `MissingFaiss`, `ConflictingFaiss`.

    Both distributions write into one folder, so whichever came last decides, or neither works.
    """
    installed = installed_faiss()
    if len(installed) > 1:
        keep = "cpu" if not set(installed) - set(_CPU) else "gpu"
        raise ConflictingFaiss(
            f"{' and '.join(installed)} are both installed and overwrite each other; "
            f"run: pip uninstall -y {' '.join(installed)} && pip install 'ilk[{keep}]' "
            "(or 'ilk[cpu]' on a machine without a GPU)"
        )
    try:
        import faiss
    except ImportError as error:
        raise MissingFaiss(
            f"FAISS cannot be imported ({error}); run: pip install 'ilk[cpu]' (with a GPU: 'ilk[gpu]')"
        ) from error
    return faiss


def installed_faiss() -> list[str]:
    """Names of the FAISS distributions that this environment holds."""
    return [name for name in (*_CPU, *_GPU) if _is_installed(name)]


def use_threads(count: int) -> None:
    """Let FAISS use `count` threads per call in this process (default: `OMP_NUM_THREADS`, else all cores).

    With one thread a build is reproducible byte by byte; with more, an HNSW graph depends on timing.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1")
    faiss_module().omp_set_num_threads(count)


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
