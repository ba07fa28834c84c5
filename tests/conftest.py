"""What every test shares: one thread, no network to model hubs, where the real data lies, text models."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
from hypothesis import settings as hypothesis_settings

if TYPE_CHECKING:
    from encoders import ModelFiles

ROOT = Path(__file__).resolve().parent.parent

# how long an example takes says something of the machine, not of the code
hypothesis_settings.register_profile("ilk", deadline=None)
hypothesis_settings.load_profile("ilk")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real shops' data; the test is skipped loudly where there is none."""
    folder = Path(os.environ.get("ILK_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"REAL DATA MISSING: no folder {folder}; set ILK_TEST_DATA=/path/to/data to run this test"
        )
    return folder


@pytest.fixture(scope="session")
def weights() -> "ModelFiles":
    """The default text model's files; the test is skipped loudly where they are not installed."""
    from encoders import ModelUnavailable, find_model  # here: most tests need no text model

    try:
        return find_model()
    except ModelUnavailable as error:
        pytest.skip(f"TEXT MODEL MISSING: {error}")


@pytest.fixture(scope="session")
def tiny_model(weights: "ModelFiles", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random BERT of one layer and 32 dimensions, the tokenizer is the default model's."""
    import torch  # here, as above
    import transformers

    folder = tmp_path_factory.mktemp("tiny") / "tiny-bert"
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=30522
    )
    transformers.BertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(weights.folder / name, folder / name)
    return folder
