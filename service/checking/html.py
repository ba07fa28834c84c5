"""A check as one HTML file that needs nothing else: no script, no address of another machine."""

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.checking.words import Section


def as_html(title: str, parts: Sequence[Section]) -> str:
    """Everything that comes from the data is escaped."""
    environment = Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("check.html").render(title=title, sections=parts)
