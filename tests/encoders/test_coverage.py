"""The verdict on real shops, and on hand-written texts of languages whose answer is known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from encoders import MULTILINGUAL_MODEL, BertEncoder, Verdict, measure_coverage

FOREIGN = {
    "german": [
        "Kabelloser Kopfhörer mit Geräuschunterdrückung und langer Akkulaufzeit",
        "Wasserdichte Regenjacke für Damen mit abnehmbarer Kapuze und Reißverschluss",
    ],
    "french": [
        "Casque sans fil avec réduction de bruit et longue autonomie",
        "Veste imperméable pour femme avec capuche amovible et poches zippées",
        "Crème hydratante pour le visage, peaux sensibles",
    ],
    "polish": ["Bezprzewodowe słuchawki z redukcją szumów i długim czasem pracy"],
    "russian": ["Беспроводные наушники с шумоподавлением и долгим временем работы"],
    "chinese": ["无线蓝牙降噪耳机 超长续航", "女士防水夹克 可拆卸帽子"],
    "japanese": ["ワイヤレス ノイズキャンセリング ヘッドホン", "敏感肌用 保湿クリーム 無香料"],
    "thai": ["หูฟังไร้สายตัดเสียงรบกวนแบตเตอรี่ยาวนาน"],
    "arabic": ["سماعات لاسلكية مع إلغاء الضوضاء وعمر بطارية طويل"],
}


def test_an_english_shop_fits(bert: BertEncoder, shared_data: Path) -> None:
    items = pl.read_parquet(shared_data / "amazon23-electronics" / "items.parquet")
    coverage = measure_coverage(bert, items["title"].fill_null("").to_list())
    assert (coverage.verdict, coverage.suggestion) == (Verdict.FITS, None)
    assert coverage.shattered_share < 0.15
    assert coverage.unknown_share < 0.001
    assert "fits" in str(coverage)


@pytest.mark.parametrize("column", ["ten_san_pham", "mo_ta"])
def test_a_vietnamese_shop_is_told_of_a_better_model(
    bert: BertEncoder, shared_data: Path, column: str
) -> None:
    items = pl.read_csv(shared_data / "hasaki-vi" / "San_pham.csv")
    coverage = measure_coverage(bert, items[column].fill_null("").to_list())
    assert (coverage.verdict, coverage.suggestion) == (Verdict.POOR, MULTILINGUAL_MODEL)
    assert coverage.shattered_share > 0.4
    assert MULTILINGUAL_MODEL in str(coverage)


@pytest.mark.parametrize("language", FOREIGN)
def test_other_languages_do_not_fit(bert: BertEncoder, language: str) -> None:
    assert measure_coverage(bert, FOREIGN[language]).verdict is Verdict.POOR


@pytest.mark.parametrize("texts", [[], [""], ["12345 67 !!"], ["usb cable"]])
def test_little_text_is_no_reason_to_complain(bert: BertEncoder, texts: list[str]) -> None:
    coverage = measure_coverage(bert, texts)
    assert coverage.verdict is Verdict.FITS
    assert coverage.words == (2 if texts == ["usb cable"] else 0)


class Syllables:
    """Cuts every two letters; does not know words with an x. As a multilingual model would cut Chinese."""

    def word_pieces(self, words: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        pieces = [-(-len(word) // 2) for word in words]
        return np.array(pieces, np.int64), np.array(["x" in word for word in words], np.int64)


def test_shares_are_counted_by_occurrence() -> None:
    coverage = measure_coverage(Syllables(), ["abcd abcd", "ab ab", "xy"])
    assert (coverage.words, coverage.pieces_per_word) == (5, 7 / 5)
    assert coverage.shattered_share == 2 / 5
    assert coverage.unknown_share == 1 / 7


def test_scripts_without_blanks_have_longer_words() -> None:
    assert measure_coverage(Syllables(), ["无线蓝牙降噪耳机"]).verdict is Verdict.FITS
