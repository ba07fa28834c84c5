"""How fast are texts encoded, and what do sorting by length and bfloat16 change?

Baseline: fp32, 32 texts at a time in the order in which they come. Run from the project's root:
`python -m benchmarks.encoding [--items items.parquet] [--texts 1024]`.
"""

import argparse
import random
from pathlib import Path

import polars as pl

from benchmarks.measurement import HEADER, Timing, machine, row, timed
from encoders import (
    BertEncoder,
    EncoderSettings,
    HashingEncoder,
    Precision,
    TextEncoder,
    find_model,
    item_text,
)

CALL = 128
"""Texts per timed call."""
PLAIN_BATCH = 32
WORDS = (
    "wireless stainless portable compact heavy duty adjustable cotton leather bluetooth charger bottle lamp "
    "backpack headphones keyboard kettle blender jacket sneakers yoga mat with for and set of two black blue"
)


def main() -> None:
    """Print one line per way of encoding."""
    arguments = _arguments()
    texts = _texts(arguments.items, arguments.texts)
    files = find_model(arguments.model)
    exact = BertEncoder(files, EncoderSettings(precision=Precision.FP32))
    rounded = BertEncoder(files, EncoderSettings(precision=Precision.BF16))
    chosen = BertEncoder(files).precision
    print(machine())
    print(
        f"{len(texts)} texts, {CALL} per call; {files.model_id}; automatic precision here: {chosen}\n{HEADER}"
    )
    plain = BertEncoder(files, EncoderSettings(precision=Precision.FP32, batch_tokens=10**9))
    baseline = _timed(plain, texts, PLAIN_BATCH)
    print(row("fp32, 32 at a time as they come", baseline, baseline, _rate(baseline)))
    for name, encoder in (("fp32, sorted, 2,048 tokens", exact), ("bf16, sorted, 2,048 tokens", rounded)):
        timing = _timed(encoder, texts, CALL)
        print(row(name, timing, baseline, _rate(timing)))
    timing = _timed(HashingEncoder(), texts, CALL)
    print(row("hashing, no model", timing, baseline, _rate(timing)))
    cosines = (exact.encode(texts[:CALL]) * rounded.encode(texts[:CALL])).sum(axis=1)
    print(f"cosine of bf16 to fp32: lowest {cosines.min():.6f}, mean {cosines.mean():.6f}")


def _timed(encoder: TextEncoder, texts: list[str], at_a_time: int) -> Timing:
    def call(turn: int) -> None:
        block = texts[turn * CALL : (turn + 1) * CALL]
        for start in range(0, len(block), at_a_time):
            encoder.encode(block[start : start + at_a_time])

    return timed(call, len(texts) // CALL)


def _rate(timing: Timing) -> str:
    return f"{CALL / timing.median:,.0f} texts/s"


def _texts(items: Path | None, count: int) -> list[str]:
    """Titles with category and brand of a shop, or made-up titles of like length."""
    if items is None:
        rng, words = random.Random(0), WORDS.split()
        return [" ".join(rng.choices(words, k=rng.randint(5, 40))) for _ in range(count)]
    frame = pl.read_parquet(items).head(count)
    columns = [frame[name] if name in frame.columns else None for name in ("title", "brand", "category")]
    title, brand, category = ([None] * len(frame) if found is None else found.to_list() for found in columns)
    return [item_text(a, b, [c] if c else None) for a, b, c in zip(title, brand, category, strict=True)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--items", type=Path, help="Parquet file with title, brand, category (default: made up)"
    )
    parser.add_argument("--texts", type=int, default=1024, help=f"how many texts, at least {CALL}")
    parser.add_argument("--model", default="sentence-transformers/all-MiniLM-L6-v2")
    arguments = parser.parse_args()
    if arguments.texts < CALL:
        parser.error(f"--texts must be at least {CALL}")
    return arguments


if __name__ == "__main__":
    main()
