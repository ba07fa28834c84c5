"""The real model: what its vectors are, and that nothing but the text decides them."""

import io
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from encoders import (
    BertEncoder,
    Device,
    DeviceUnavailable,
    EncoderSettings,
    InvalidSetting,
    InvalidText,
    ModelFiles,
    Precision,
)
from encoders.precision import cpu_precision

TEXTS = [
    "Wireless noise cancelling headphones. Sony. Electronics",
    "Bluetooth over-ear headset with active noise reduction",
    "Cast iron frying pan, 26 cm",
    "usb c cable",
    "A long description of a stand mixer with a bowl, " * 12,
    "Crème brûlée torch 🔥 <script>alert(1)</script>",
    "x",
]


def plainly(files: ModelFiles, text: str, max_length: int = 128) -> npt.NDArray[np.float32]:
    """The method written down once more, one text at a time: mean over tokens, then unit length."""
    tokenizer = AutoTokenizer.from_pretrained(files.folder)
    model = AutoModel.from_pretrained(files.folder, use_safetensors=True).eval()
    with torch.no_grad():
        states = model(**tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt"))[0]
    mean = states[0].mean(dim=0).numpy()
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def test_vectors_are_mean_pooled_and_of_unit_length(bert: BertEncoder, weights: ModelFiles) -> None:
    vectors = bert.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), bert.dim) == (len(TEXTS), 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    if bert.precision is Precision.FP32:
        for row in (0, 4):
            np.testing.assert_allclose(vectors[row], plainly(weights, TEXTS[row]), atol=2e-6)


def test_meaning_shows(bert: BertEncoder) -> None:
    vectors = bert.encode(TEXTS)
    assert vectors[0] @ vectors[1] > 0.6
    assert vectors[0] @ vectors[2] < 0.3


@pytest.mark.slow
def test_as_sentence_transformers_computes_them(weights: ModelFiles) -> None:
    code = (
        "import sys, numpy as np; from sentence_transformers import SentenceTransformer as S\n"
        f"m = S({str(weights.folder)!r}, device='cpu'); m.max_seq_length = 128\n"
        f"np.save(sys.stdout.buffer, m.encode({TEXTS!r}, normalize_embeddings=True))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    if b"No module named 'sentence_transformers'" in ran.stderr:
        pytest.skip("sentence-transformers is not installed: nothing to compare with")
    theirs = np.load(io.BytesIO(ran.stdout))
    ours = BertEncoder(weights, EncoderSettings(precision=Precision.FP32)).encode(TEXTS)
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_other_texts_of_the_call_do_not_matter(bert: BertEncoder) -> None:
    tolerance = 2e-6 if bert.precision is Precision.FP32 else 2e-2
    together = bert.encode([*TEXTS, *TEXTS[::-1]])
    alone = np.concatenate([bert.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together[: len(TEXTS)], alone, atol=tolerance)
    np.testing.assert_allclose(together[len(TEXTS) :][::-1], alone, atol=tolerance)


def test_batch_size_does_not_matter(weights: ModelFiles) -> None:
    one_by_one = BertEncoder(weights, EncoderSettings(batch_tokens=1, precision=Precision.FP32))
    at_once = BertEncoder(weights, EncoderSettings(batch_tokens=100_000, precision=Precision.FP32))
    np.testing.assert_allclose(one_by_one.encode(TEXTS), at_once.encode(TEXTS), atol=2e-6)


def test_the_same_call_gives_the_same_bytes(bert: BertEncoder) -> None:
    assert bert.encode(TEXTS).tobytes() == bert.encode(TEXTS).tobytes()


def test_bf16_is_close_enough(weights: ModelFiles) -> None:
    exact = BertEncoder(weights, EncoderSettings(precision=Precision.FP32))
    rounded = BertEncoder(weights, EncoderSettings(precision=Precision.BF16))
    cosines = (exact.encode(TEXTS) * rounded.encode(TEXTS)).sum(axis=1)
    assert cosines.min() >= 0.9995
    assert exact.fingerprint != rounded.fingerprint


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"GenuineIntel", "avx512_bf16", "amx_bf16"}, Precision.BF16),
        ({"AuthenticAMD", "avx512_bf16"}, Precision.BF16),
        ({"GenuineIntel", "avx512_bf16"}, Precision.FP32),
        ({"GenuineIntel", "avx2"}, Precision.FP32),
        (set(), Precision.FP32),
    ],
)
def test_precision_follows_the_cpu_unless_set(flags: set[str], expected: Precision) -> None:
    assert cpu_precision(Precision.AUTO, frozenset(flags)) is expected
    assert cpu_precision(Precision.BF16, frozenset(flags)) is Precision.BF16
    assert cpu_precision(Precision.FP32, frozenset(flags)) is Precision.FP32


def test_blank_texts_are_zeros(bert: BertEncoder) -> None:
    vectors = bert.encode(["", "  \n\t", "pan", "\u3000"])
    assert not vectors[[0, 1, 3]].any()
    assert vectors[2].any()
    assert bert.encode([]).shape == (0, 384)


def test_odd_strings_are_plain_data(bert: BertEncoder) -> None:
    vectors = bert.encode(["\ud800 broken escape", "nul \x00 inside", "\u200b", "[MASK] [SEP]", "漢字"])
    assert np.isfinite(vectors).all()


def test_only_strings_are_texts(bert: BertEncoder) -> None:
    with pytest.raises(InvalidText, match="text 1 is a NoneType"):
        bert.encode(["pan", None])  # type: ignore[list-item]


def test_what_lies_beyond_the_maximum_length_is_cut(weights: ModelFiles) -> None:
    short = BertEncoder(weights, EncoderSettings(max_length=8, precision=Precision.FP32))
    first, second = short.encode(["one two three four five six " + end for end in ("seven", "a thousand")])
    np.testing.assert_allclose(first, second, atol=2e-6)
    assert short.fingerprint != BertEncoder(weights, EncoderSettings(precision=Precision.FP32)).fingerprint


def test_a_model_is_not_asked_for_more_than_it_can_read(weights: ModelFiles) -> None:
    greedy = BertEncoder(weights, EncoderSettings(max_length=4000))
    assert greedy.max_length == 512
    assert np.isfinite(greedy.encode(["word " * 3000])).all()


def test_progress_counts_every_text(bert: BertEncoder) -> None:
    seen: list[tuple[int, int]] = []
    bert.encode(["", *TEXTS], lambda done, total: seen.append((done, total)))
    assert seen[-1] == (8, 8)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_interrupt_leaves_the_encoder_usable(bert: BertEncoder) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bert.encode(TEXTS, interrupt)
    assert bert.encode(TEXTS[:1]).any()


@pytest.mark.parametrize(
    "settings", [{"max_length": 2}, {"batch_tokens": 0}, {"device": "tpu"}, {"precision": "int8"}]
)
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(settings))):
        EncoderSettings(**settings)  # type: ignore[arg-type]


def test_settings_may_be_given_as_text() -> None:
    settings = EncoderSettings(device="cpu", precision="fp32")  # type: ignore[arg-type]
    assert (settings.device, settings.precision) == (Device.CPU, Precision.FP32)


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a CUDA device")
def test_a_missing_device_is_said(weights: ModelFiles) -> None:
    with pytest.raises(DeviceUnavailable, match="cpu or auto"):
        BertEncoder(weights, EncoderSettings(device=Device.CUDA))


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(weights: ModelFiles) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    on_cpu = BertEncoder(weights, EncoderSettings(device=Device.CPU, precision=Precision.FP32))
    on_cuda = BertEncoder(weights, EncoderSettings(device=Device.CUDA, precision=Precision.FP32))
    np.testing.assert_allclose(on_cuda.encode(TEXTS), on_cpu.encode(TEXTS), atol=1e-4)
