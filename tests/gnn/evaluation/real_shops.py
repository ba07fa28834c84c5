"""Real shops as evaluation data, read straight from the files: oracles share no reader with the product."""

from pathlib import Path

import polars as pl

from gnn.evaluation import EvaluationData, evaluation_data
from gnn.shop_arrays import FloatArray

MICROSECONDS = 1_000_000


def load_shop(folder: Path, text: FloatArray | None = None) -> EvaluationData:
    """ml-100k, hasaki-vi or amazon23-electronics; `text` has one row per item of the items file."""
    events, item_ids = _READERS[folder.name](folder)
    return evaluation_data(folder.name, events, item_ids, text=text)


def _atomic(path: Path) -> pl.DataFrame:
    table = pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None)
    return table.rename({name: name.split(":")[0] for name in table.columns})


def _ml_100k(folder: Path) -> tuple[pl.DataFrame, list[str]]:
    events = _atomic(folder / "ml-100k.inter").select(
        "user_id", "item_id", at=pl.col("timestamp").cast(pl.Float64).cast(pl.Int64) * MICROSECONDS
    )
    return events, _atomic(folder / "ml-100k.item")["item_id"].to_list()


def _electronics(folder: Path) -> tuple[pl.DataFrame, list[str]]:
    parts = [pl.read_parquet(folder / f"{name}.parquet") for name in ("train", "val", "test")]
    events = pl.concat([part.select("user_id", "item_id", "timestamp") for part in parts]).select(
        pl.col("user_id").cast(pl.String),
        pl.col("item_id").cast(pl.String),
        at=pl.col("timestamp").cast(pl.Int64) * 1000,
    )
    return events, pl.read_parquet(folder / "items.parquet")["item_id"].cast(pl.String).to_list()


def _hasaki(folder: Path) -> tuple[pl.DataFrame, list[str]]:
    reviews = pl.read_csv(folder / "Danh_gia.csv", infer_schema=False)
    time = pl.col("ngay_binh_luan") + " " + pl.col("gio_binh_luan")
    formats = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M")
    parsed = pl.coalesce([time.str.to_datetime(form, strict=False) for form in formats])
    events = reviews.select(
        user_id="ma_khach_hang", item_id="ma_san_pham", at=parsed.dt.timestamp("us")
    ).filter(pl.col("at") > 0)  # one date is of the year -1
    products = pl.read_csv(folder / "San_pham.csv", infer_schema=False)
    return events, products["ma_san_pham"].to_list()


_READERS = {"ml-100k": _ml_100k, "amazon23-electronics": _electronics, "hasaki-vi": _hasaki}
