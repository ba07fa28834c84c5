"""Cleaning of texts that people read: titles, brands, descriptions, reviews. Never applied to ids."""

import html

import polars as pl

from graph.cleaning import CleaningRules

_TAG_NAMES = (
    "a|abbr|article|aside|audio|b|big|blockquote|body|br|button|center|cite|code|dd|del|div|dl|dt|em|embed|"
    "figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|label|li|link|main|"
    "meta|nav|nobr|noscript|object|ol|option|p|param|path|pre|q|s|script|section|select|small|source|span|"
    "strike|strong|style|sub|sup|svg|table|tbody|td|textarea|tfoot|th|thead|title|tr|tt|u|ul|video|wbr"
)
_TAG = rf"(?is)</?(?:{_TAG_NAMES})(?:\s[^<>]*)?/?>"
_HIDDEN = r"(?is)<script\b[^>]*>.*?</script\s*>|<style\b[^>]*>.*?</style\s*>|<!--.*?-->"
_TAG_TAIL = r"""["']\s*/?>\s*$"""
_OPEN_TAG = rf"(?i)</?(?:{_TAG_NAMES})(?:\s[^<>]*)?$"
_SCRIPT = (
    r"(?i)\bfunction\s*\w*\s*\([^)]*\)\s*\{|\b(?:var|let|const)\s+\w+\s*=[^=]|document\.\w+\(|window\.\w+\s*[=(]|"
    r"[.#][\w-]+\s*\{[^}]*:[^}]*[};]?"
)
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]"
_UNTIDY = r"^\s|\s$|\s\s|[^\S ]"


def clean_texts(
    column: pl.Series, rules: CleaningRules, *, title: bool = False, short: bool = False
) -> tuple[pl.Series, dict[str, pl.Series]]:
    """Clean a String column; nulls stay null, a text that is left empty becomes null.

    title: apply `blank_markup_titles`. short: cut at `max_title_chars` instead of `max_text_chars`.
    Returns the texts and, for each rule that did something, a Boolean mask of the rows it touched.
    """
    touched: dict[str, pl.Series] = {}
    texts = _without_markup(column, rules, touched, title=title)
    control = texts.str.contains(_CONTROL).fill_null(value=False)
    if control.any():
        touched["control_characters"] = control
        texts = texts.str.replace_all(_CONTROL, " ")
    if rules.compose_unicode:
        texts = _changed(texts, texts.str.normalize("NFC"), "unicode_form", touched)
    if rules.collapse_whitespace and texts.str.contains(_UNTIDY).any():
        tidy = texts.str.replace_all(r"\s+", " ").str.strip_chars()
        texts = _changed(texts, tidy, "whitespace", touched)
    limit = rules.max_title_chars if short else rules.max_text_chars
    too_long = (texts.str.len_chars() > limit).fill_null(value=False)
    if too_long.any():
        touched["text_cut"] = too_long
        texts = texts.str.slice(0, limit)
    return texts.set((texts == "").fill_null(value=False), None), touched


def _without_markup(
    texts: pl.Series, rules: CleaningRules, touched: dict[str, pl.Series], *, title: bool
) -> pl.Series:
    if rules.unescape_html:
        escaped = texts.str.contains(r"&(?:#\w+|\w+);?").fill_null(value=False)
        if escaped.any():
            plain = pl.Series([html.unescape(text) for text in texts.filter(escaped)], dtype=pl.String)
            texts = _changed(
                texts, texts.clone().scatter(escaped.arg_true(), plain), "html_entities", touched
            )
    if rules.blank_markup_titles and title:
        texts = _without_markup_titles(texts, touched)
    if rules.strip_tags and texts.str.contains("[<>]").any():
        bare = texts.str.replace_all(_HIDDEN, " ").str.replace_all(_TAG, " ")
        bare = bare.str.replace(_TAG_TAIL, "")
        texts = _changed(texts, bare, "html_tags", touched)
    return texts


def _without_markup_titles(texts: pl.Series, touched: dict[str, pl.Series]) -> pl.Series:
    """Empty the titles of which nothing is left without markup, or that break off inside a tag."""
    suspect = texts.str.contains(r"[<{]|\b(?:var|let|const|document|window)\b").fill_null(value=False)
    if not suspect.any():
        return texts
    bare = texts.str.replace_all(_HIDDEN, " ").str.replace_all(_TAG, " ").str.replace(_OPEN_TAG, "")
    only_markup = texts.str.contains("<") & (bare.str.strip_chars() == "")
    markup = suspect & (only_markup | bare.str.contains(_SCRIPT))
    markup = markup.fill_null(value=False)
    if markup.any():
        touched["html_title"] = markup
        texts = texts.set(markup, None)
    return texts


def _changed(before: pl.Series, after: pl.Series, reason: str, touched: dict[str, pl.Series]) -> pl.Series:
    differs = (before != after).fill_null(value=False)
    if differs.any():
        touched[reason] = differs
    return after
