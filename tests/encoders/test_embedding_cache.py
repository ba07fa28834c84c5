"""The cache gives back what was put in, whatever happens around it."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import numpy as np
import numpy.typing as npt
import pytest

from encoders import CachedEncoder, CacheUnusable, EmbeddingCache, HashingEncoder, InvalidText
from encoders.cached_encoder import BLOCK

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [f"article {number} of the catalogue" for number in range(3 * BLOCK + 5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "embeddings.sqlite"


def test_exactly_what_was_put_in(path: Path) -> None:
    vectors = np.random.default_rng(1).standard_normal((3, 5)).astype(np.float32)
    vectors[0, 0], vectors[1, 1] = np.float32(1e-42), np.float32(-0.0)
    with EmbeddingCache(path) as cache:
        cache.put("model", ["a", "b", "\ud800"], vectors)
    with EmbeddingCache(path) as cache:
        found = cache.get("model", ["\ud800", "unknown", "a", "b", "a"])
        assert cache.get("another model", ["a"]) == [None]
        assert cache.get("model", []) == []
    assert found[1] is None
    for position, row in ((0, 2), (2, 0), (3, 1), (4, 0)):
        vector = found[position]
        assert vector is not None
        assert vector.tobytes() == vectors[row].tobytes()


def test_wrong_vectors_are_refused(path: Path) -> None:
    with EmbeddingCache(path) as cache:
        cache.put("model", ["a"], np.zeros((1, 4), np.float32))
        wrong: list[npt.NDArray[np.float32]] = [np.zeros((2, 4), np.float32), np.zeros((1, 5), np.float32)]
        wrong.append(np.zeros((1, 4)).astype(">f4"))
        for block in wrong:
            with pytest.raises(ValueError):
                cache.put("model", ["b"], block)
        assert cache.count("model") == 1


def test_forgetting(path: Path) -> None:
    with EmbeddingCache(path) as cache:
        for model in ("old", "new"):
            cache.put(model, ["a", "b", "c"], np.ones((3, 4), np.float32))
        assert cache.forget(["a", "unknown"]) == 2
        assert cache.forget_others("new") == 2
        assert (cache.count("old"), cache.count("new")) == (0, 2)


@pytest.mark.parametrize("content", [b"not a database, but long enough " * 40, b""])
def test_files_that_are_no_database(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    if not content:
        EmbeddingCache(path).close()  # an empty file is an empty database
        return
    with pytest.raises(CacheUnusable, match="delete"):
        EmbeddingCache(path)
    assert path.read_bytes() == content


def test_foreign_databases_stay_as_they_are(path: Path) -> None:
    import apsw

    path.parent.mkdir()
    with apsw.Connection(str(path)) as other:
        other.execute("CREATE TABLE orders(id)")
    other.close()
    content = path.read_bytes()
    with pytest.raises(CacheUnusable, match="no embedding cache"):
        EmbeddingCache(path)
    assert path.read_bytes() == content


def test_a_second_run_encodes_nothing(path: Path) -> None:
    with EmbeddingCache(path) as cache:
        first = CachedEncoder(HashingEncoder(), cache)
        vectors = first.encode(TEXTS)
        assert first.encoded == len(TEXTS)
        np.testing.assert_array_equal(vectors, HashingEncoder().encode(TEXTS))
    with EmbeddingCache(path) as cache:
        second = CachedEncoder(HashingEncoder(), cache)
        assert second.encode(TEXTS).tobytes() == vectors.tobytes()
        assert second.encoded == 0
        second.encode([*TEXTS, "new", "new", "", " "])
        assert second.encoded == 1
        assert (second.dim, second.fingerprint) == (256, "hashing:1:256")


def test_another_model_does_not_get_these_vectors(path: Path) -> None:
    with EmbeddingCache(path) as cache:
        CachedEncoder(HashingEncoder(16), cache).encode(TEXTS[:3])
        other = CachedEncoder(HashingEncoder(32), cache)
        assert other.encode(TEXTS[:3]).shape == (3, 32)
        assert other.encoded == 3


def test_blank_repeated_and_wrong_texts(path: Path) -> None:
    with EmbeddingCache(path) as cache:
        encoder = CachedEncoder(HashingEncoder(), cache)
        vectors = encoder.encode(["pan", "", "pan", "\n"])
        assert encoder.encoded == 1
        np.testing.assert_array_equal(vectors[0], vectors[2])
        assert not vectors[[1, 3]].any()
        assert encoder.encode([]).shape == (0, 256)
        with pytest.raises(InvalidText, match="text 1"):
            encoder.encode(["pan", 3])  # type: ignore[list-item]


def test_progress_counts_remembered_texts_at_once(path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with EmbeddingCache(path) as cache:
        encoder = CachedEncoder(HashingEncoder(), cache)
        encoder.encode(TEXTS[:100])
        encoder.encode(TEXTS, lambda done, total: seen.append((done, total)))
    total = len(TEXTS)
    assert [done for done, _ in seen] == [100, 100 + BLOCK, 100 + 2 * BLOCK, total]
    assert {all_texts for _, all_texts in seen} == {total}


def test_an_interrupt_keeps_the_finished_blocks(path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done >= BLOCK:
            raise KeyboardInterrupt

    with EmbeddingCache(path) as cache:
        encoder = CachedEncoder(HashingEncoder(), cache)
        with pytest.raises(KeyboardInterrupt):
            encoder.encode(TEXTS, interrupt)
        again = CachedEncoder(HashingEncoder(), cache)
        again.encode(TEXTS)
    assert again.encoded == len(TEXTS) - BLOCK


def test_many_may_open_a_new_cache_at_once(tmp_path: Path) -> None:
    for turn in range(20):
        start = threading.Barrier(6)

        def open_and_put(number: int, turn: int = turn, start: threading.Barrier = start) -> int:
            start.wait()
            with EmbeddingCache(tmp_path / f"{turn}.sqlite") as cache:
                cache.put("model", [f"text {number}"], np.full((1, 4), number, np.float32))
                return cache.count("model")

        with ThreadPoolExecutor(6) as pool:
            counts = list(pool.map(open_and_put, range(6)))
        assert max(counts) == 6


WORKER = """
import sys, time
from pathlib import Path
from encoders import CachedEncoder, EmbeddingCache, HashingEncoder
def slowly(done, total):
    print(done, flush=True)
    time.sleep(float(sys.argv[2]))
with EmbeddingCache(Path(sys.argv[1])) as cache:
    encoder = CachedEncoder(HashingEncoder(), cache)
    encoder.encode([f"article {number} of the catalogue" for number in range(int(sys.argv[3]))], slowly)
print("encoded", encoder.encoded)
"""


def worker(path: Path, pause: float, texts: int) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WORKER, str(path), str(pause), str(texts)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_kill_loses_no_finished_block(path: Path) -> None:
    process = worker(path, 0.05, 100 * BLOCK)
    assert process.stdout is not None
    done = 0
    while done < 5 * BLOCK:
        done = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with EmbeddingCache(path) as cache:
        assert done <= cache.count("hashing:1:256") < 100 * BLOCK
        texts = [f"article {number} of the catalogue" for number in range(100 * BLOCK)]
        remembered = cache.get("hashing:1:256", texts)
        found = {text: vector for text, vector in zip(texts, remembered, strict=True) if vector is not None}
        np.testing.assert_array_equal(np.stack(list(found.values())), HashingEncoder().encode(list(found)))


def test_processes_share_a_cache(path: Path) -> None:
    processes = [worker(path, 0.0, 8 * BLOCK) for _ in range(2)]
    answers = [process.communicate(timeout=120)[0].splitlines()[-1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(int(answer.split()[1]) for answer in answers) >= 8 * BLOCK
    with EmbeddingCache(path) as cache:
        assert cache.count("hashing:1:256") == 8 * BLOCK


def test_a_forgotten_vector_is_nowhere_in_the_files(path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((300, 384)).astype(np.float32)
    with EmbeddingCache(path) as cache:
        cache.put("model", [f"review {n}" for n in range(300)], vectors)
        assert cache.forget(["review 7"]) == 1
        found = b"".join(
            file.read_bytes() for file in path.parent.iterdir()
        )  # while it is open: with its WAL
    assert vectors[7, :32].tobytes() not in found
    assert vectors[8, :32].tobytes() in found


def test_forgetting_does_not_fail_where_somebody_reads(path: Path) -> None:
    with EmbeddingCache(path) as cache:
        cache.put("model", ["a"], np.ones((1, 4), np.float32))
        reader = apsw.Connection(str(path))
        rows = reader.execute("SELECT * FROM encoder, embedding")
        next(rows)
        cache._db.set_busy_timeout(1)  # else it waits for a minute
        assert cache.forget(["a"]) == 1
        reader.close(True)
