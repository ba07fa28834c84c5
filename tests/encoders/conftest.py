"""Real weights, loaded once; a tiny model with the same tokenizer for what concerns files only."""

import shutil
from pathlib import Path

import pytest
import torch
import transformers

from encoders import BertEncoder, ModelFiles, ModelUnavailable, find_model


@pytest.fixture(scope="session")
def weights() -> ModelFiles:
    """The default model's files; the test is skipped loudly where they are not installed."""
    try:
        return find_model()
    except ModelUnavailable as error:
        pytest.skip(f"TEXT MODEL MISSING: {error}")


@pytest.fixture(scope="session")
def bert(weights: ModelFiles) -> BertEncoder:
    return BertEncoder(weights)


@pytest.fixture(scope="session")
def tiny_model(weights: ModelFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random BERT of one layer and 32 dimensions."""
    folder = tmp_path_factory.mktemp("tiny") / "tiny-bert"
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=30522
    )
    transformers.BertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(weights.folder / name, folder / name)
    return folder
