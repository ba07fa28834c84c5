"""Rules of cleaning: what is done to texts, categories, prices and ids on the way in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CleaningRules:
    """Settings of cleaning; every rule has a counter of the rows it touched. Ids are never changed."""

    unescape_html: bool = True
    """`&amp;` becomes `&` in texts. Counter `html_entities`."""
    strip_tags: bool = True
    """HTML tags in texts become a space. Counter `html_tags`."""
    blank_markup_titles: bool = True
    """A title that is a piece of HTML, CSS or script is emptied. Counter `html_title`."""
    collapse_whitespace: bool = True
    """Runs of white space become one space, ends are trimmed. Counter `whitespace`."""
    compose_unicode: bool = True
    """Texts in Unicode form NFC. Counter `unicode_form`."""
    max_title_chars: int = 1_000
    """A longer title, brand or category is cut; counter `text_cut`. No encoder reads as far."""
    max_text_chars: int = 20_000
    """A longer description or review is cut; counter `text_cut`. No encoder reads as far."""

    def __post_init__(self) -> None:
        if self.max_title_chars < 1 or self.max_text_chars < 1:
            raise ValueError("texts must be allowed at least one character")
