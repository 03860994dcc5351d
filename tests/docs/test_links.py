"""Every page, picture and heading that the documentation leads to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, prose, text_of

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FILE = re.compile(r"`((?:src|dags|plugins|include|tests|docs|demo|bench|deploy|requirements)/[\w./-]+)`")


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", prose(page))
    return [link for pair in links for link in pair if link and not leads_somewhere(page, link)]


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a link leads to a file that is there, and to a heading of it."""
    if link.startswith(("https://", "http://")):
        return True
    path, _, name = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not name or name in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    """To files of the repository, and to headings as GitHub names them."""
    assert broken(page) == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_files_that_are_named_are_there(page: Path) -> None:
    """Somebody opens what a page names, or greps for it."""
    ours = (path.rstrip("/") for path in FILE.findall(text_of(page)))
    assert [path for path in ours if not (ROOT / path).exists() and path != "include/monitors/churn.yaml"] == []


def test_a_link_into_the_void_is_found(tmp_path: Path) -> None:
    """A file that is not there, and a heading that is not; those that are there are no fault."""
    page = tmp_path / "page.md"
    page.write_text("# Two words\n\n[a](gone.md) [b](#two-words) [c](page.md#nothing) ![d](page.md)", encoding="utf-8")
    assert broken(page) == ["gone.md", "page.md#nothing"]


def test_the_index_has_every_page() -> None:
    """A page that nothing leads to is read by nobody."""
    linked = set(re.findall(r"\]\(([\w.-]+\.md)\)", text_of(ROOT / "docs" / "index.md")))
    assert {page.name for page in PAGES if page.parent.name == "docs"} - linked == {"index.md"}


def test_the_readme_begins_with_what_to_do() -> None:
    """One sentence and the commands, from the demonstration to the tests, stand before line 20; make knows each."""
    lines = text_of(ROOT / "README.md").splitlines()[:19]
    targets = [line.split()[1] for line in lines if line.startswith("make ")]
    assert (targets[0], targets[-1]) == ("demo", "test")
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [target for target in targets if f"\n{target}:" not in made] == []
