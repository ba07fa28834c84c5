"""Templates of pages that stand alone."""

from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def page_template(name: str, **filters: Callable[..., str]) -> Template:
    """A template of `service/templates`: everything is escaped, a name that nobody gives is an error."""
    environment = Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment.get_template(name)
