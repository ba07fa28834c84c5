"""What one question for similar items costs inside the model: candidates and exact scores, at 100,000 items.

A made-up model of the served size (texts 384, embedding 64, five path matrices of `--per-row` entries a row,
categories, brands). A question is what an API worker does with it, without HTTP: nearest rows of the index,
the model's own lists, at most 300 candidates scored exactly. Baseline: scoring the whole catalogue. Time is
that of the processor, so that other work beside it does not count. Run from the project's root:
`python -m benchmarks.one_question [--items 100000] [--questions 500] [--per-row 200]`.
"""

import argparse
import time
from functools import partial

import numpy as np

from benchmarks.measurement import HEADER, machine, row, timed
from benchmarks.serving import made_up_model
from gnn import FittedIlk, Objective
from gnn.served_model import MAX_CANDIDATES
from gnn.shop_arrays import FloatArray, IntArray
from index import VectorIndex, build_index

KINDS = ("flat", "half", "hnsw")
CATEGORIES = 1_000


class Questions:
    """Asks about random items, one after the other."""

    def __init__(self, model: FittedIlk, objective: Objective, questions: int) -> None:
        rng = np.random.default_rng(1)
        self._model, self._objective = model, objective
        self._rows = rng.integers(0, model.n_items, questions)
        self._near = rng.integers(0, model.n_items, (questions, MAX_CANDIDATES))

    def near(self, index: VectorIndex, turn: int) -> IntArray:
        """Rows nearest to an item, best first."""
        vectors = self._model.query_vectors(self._rows[[turn]], self._objective)
        found: IntArray = index.search(vectors, MAX_CANDIDATES)[0][0]
        return found

    def scored(self, turn: int) -> FloatArray:
        """Exact scores of an item's candidates; which rows are near does not matter for the cost."""
        query = int(self._rows[turn])
        candidates = self._model.candidates(query, self._objective, self._near[turn])
        return self._model.score_candidates(query, candidates, self._objective)

    def everything(self, turn: int) -> FloatArray:
        """Scores of the whole catalogue."""
        return self._model.score_similar(self._rows[[turn]], self._objective)


def main() -> None:
    """Print one line per way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--per-row", type=int, default=200, help="entries of a path's row")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), help="of the index")
    given = parser.parse_args()
    model = made_up_model(given.items, np.random.default_rng(0), given.per_row, CATEGORIES)
    print(machine())
    print(f"{given.items:,} items, {given.questions} questions, processor time\n{HEADER}", flush=True)
    indexes = {kind: build_index(kind, model.item_vectors()) for kind in given.kinds}
    clocked = partial(timed, repeats=given.questions, clock=time.process_time)
    for objective in (Objective.RELATED, Objective.NEXT):
        asked = Questions(model, objective, given.questions)
        whole = timed(asked.everything, max(1, given.questions // 10), time.process_time)
        print(row(f"{objective}, whole catalogue", whole, whole))
        print(row("  candidates and their scores", clocked(asked.scored), whole), flush=True)
        for kind, index in indexes.items():
            print(row(f"  nearest rows, {kind}", clocked(partial(asked.near, index)), whole), flush=True)


if __name__ == "__main__":
    main()
