"""A check as one HTML file that needs nothing else: no script, no address of another machine."""

from collections.abc import Sequence

from service.checking.words import Section
from service.page_templates import page_template


def as_html(title: str, parts: Sequence[Section]) -> str:
    """Everything that comes from the data is escaped."""
    return page_template("check.html").render(title=title, sections=parts)
