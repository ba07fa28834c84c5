"""Real weights, loaded once."""

import pytest

from encoders import BertEncoder, ModelFiles


@pytest.fixture(scope="session")
def bert(weights: ModelFiles) -> BertEncoder:
    return BertEncoder(weights)
