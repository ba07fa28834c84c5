"""Texts that are no items, against the items' search vectors."""

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.ilk_config import IlkConfig
from gnn.ilk_model import IlkModel
from gnn.similar_features import COSINE_SCALE
from gnn.training_config import TrainingConfig
from tests.gnn.shops import cluster_shop

BRIEF = IlkConfig(training=TrainingConfig(min_epochs=1, max_epochs=1, negatives=32))


@pytest.mark.parametrize("use_embedding", [True, False])
def test_a_query_scores_by_text_alone_also_after_storing(use_embedding: bool) -> None:
    shop = cluster_shop(text=True)
    model = IlkModel(IlkConfig.from_json({**BRIEF.to_json(), "use_embedding": use_embedding}))
    model.fit(shop, seed=0)
    fitted, raw = model.fitted, shop.text
    assert raw is not None
    vectors = fitted.text_query_vectors(raw[:5])
    assert vectors is not None
    s = fitted.signals
    assert s.text is not None
    assert s.hub is not None
    wanted = COSINE_SCALE * (s.text[:5] @ s.text.T - s.hub)
    assert np.allclose(vectors @ fitted.item_vectors().T, wanted, atol=1e-4)
    again = FittedIlk.from_arrays(*fitted.to_arrays()).text_query_vectors(raw[:5])
    assert again is not None
    assert np.array_equal(again, vectors)
    arrays, config = fitted.to_arrays()
    older = {name: array for name, array in arrays.items() if name != "text_axes"}
    assert FittedIlk.from_arrays(older, config).text_query_vectors(raw[:5]) is None


def test_a_shop_without_texts_has_no_text_space() -> None:
    model = IlkModel(BRIEF)
    model.fit(cluster_shop(text=False), seed=0)
    assert model.fitted.text_query_vectors(np.ones((1, 8), np.float32)) is None
