"""Whatever README and docs/ link to is there: files, and headings within them."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCE = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Names of a page's headings as GitHub makes them: lower case, signs dropped, spaces to hyphens."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_pages_named_in_code_are_there() -> None:
    """Comments and docstrings name a page of docs/ by its path."""
    named = {
        (source, name)
        for folder in ("graph", "encoders", "gnn", "index", "service", "benchmarks")
        for source in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\bdocs/[\w/.-]*?\.md\b", source.read_text("utf-8"))
    }
    assert named
    assert [(source, name) for source, name in named if not (ROOT / name).is_file()] == []
