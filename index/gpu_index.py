"""A FAISS index that answers from a GPU."""

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.errors import GpuUnavailable
from index.faiss_index import FaissFlatIndex, FaissIndex
from index.faiss_module import faiss_module
from index.query import Query
from index.top_k import by_score_then_id
from index.vector_index import Ids, Scores

_LONGEST_ON_GPU = 2048
"""FAISS's limit of k on a GPU."""


class GpuIndex:
    """Compares every row on the GPU; filtered and very long searches go to the CPU index that it came from.

    An HNSW index has no GPU form: its rows are compared exhaustively there. One search at a time runs on the
    device (FAISS's GPU resources are not thread-safe). Ties for the last place are the device's choice.
    """

    def __init__(self, cpu_index: FaissIndex, device: int = 0) -> None:
        """Copy an index to the GPU of that number. Raises `GpuUnavailable`."""
        faiss = faiss_module()
        count = faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0
        if device >= count:
            raise GpuUnavailable(
                f"FAISS sees {count} GPUs here; GPU {device} was asked for (needs 'ilk[gpu]')"
            )
        self._cpu = cpu_index
        self._lock = threading.Lock()
        flat = cpu_index if isinstance(cpu_index, FaissFlatIndex) else FaissFlatIndex.build(cpu_index.matrix)
        self._resources = faiss.StandardGpuResources()
        self._gpu = faiss.index_cpu_to_gpu(self._resources, device, flat.faiss_index)

    @property
    def size(self) -> int:
        """Number of rows."""
        return self._cpu.size

    @property
    def dim(self) -> int:
        """Length of a row."""
        return self._cpu.dim

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Ids, Scores]:
        """As the port says, but for ties at the last place."""
        query = Query.checked(queries, k, self.dim, self.size, allowed)
        if query.allowed is not None or not 0 < query.k <= _LONGEST_ON_GPU or not len(query.vectors):
            return self._cpu.search(queries, k, allowed)
        with self._lock:
            scores, ids = self._gpu.search(query.vectors, query.k)
        return by_score_then_id(ids, scores)

    def save(self, path: Path) -> None:
        """Write the CPU index: a snapshot loads on any machine."""
        self._cpu.save(path)


def to_gpu(index: FaissIndex, device: int = 0) -> GpuIndex:
    """The same rows, served from a GPU. Raises `GpuUnavailable`, and leaves `index` as it was."""
    return GpuIndex(index, device)
