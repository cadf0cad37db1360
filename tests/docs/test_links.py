"""Links: every one of every page leads somewhere, as far as that can be told without the network."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import PAGES, PROJECT, anchors, files, links, short

SOURCES: Final = (".py", ".yml", ".yaml", ".toml", ".sh", ".env", ".html", ".js", ".lua", "Makefile", "Dockerfile")
SHELVES: Final = ("start", "how-to", "reference", "why")
# A file under docs/ that a source names, and not the path of somebody's website.
DOCUMENT: Final = re.compile(r"(?<![\w./-])docs/[\w./-]*\w")
# A file of the tree that a page names; names with a part to be filled in are left out.
FILE: Final = re.compile(
    r"(?<![\w./-])(?:bench|clients|compose|docs|pipeline|providers|tests|workers)/[\w./-]*+(?![<>*{$])"
)
MADE_BY_USERS: Final = ("compose/secrets",)

each_page = pytest.mark.parametrize("page", PAGES, ids=short)


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    assert broken == []


@each_page
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    found = {name.rstrip("./-") for name in FILE.findall(page.read_text())}
    assert sorted(name for name in found if not name.startswith(MADE_BY_USERS) and not _is_there(page, name)) == []


def _is_there(page: Path, name: str) -> bool:
    return (PROJECT / name).exists() or (page.parent / name).exists()


def test_every_document_that_a_source_names_exists() -> None:
    found = [
        f"{short(path)}: {name}"
        for path in files(*SOURCES)
        for name in DOCUMENT.findall(path.read_text())
        if not (PROJECT / name).exists()
    ]
    assert found == []


def test_every_page_of_the_shelves_is_listed_where_readers_look_for_it() -> None:
    listed = {(PROJECT / "docs" / link.partition("#")[0]).resolve() for link in links(PROJECT / "docs/README.md")}
    pages = [page for page in PAGES for shelf in SHELVES if page.parent == PROJECT / "docs" / shelf]
    assert [short(page) for page in pages if page not in listed] == []


def test_every_picture_is_shown_somewhere() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    pictures = (PROJECT / "docs/pictures").iterdir()
    assert [short(picture) for picture in pictures if picture not in shown] == []


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Who may do what", "who-may-do-what"),
        ("Ask on Kafka, from any language", "ask-on-kafka-from-any-language"),
        ("`providers/<name>.py`: a class", "providersnamepy-a-class"),
        ("A [link](there.md) of it", "a-link-of-it"),
        ("otp_codes & more", "otp_codes--more"),
    ],
)
def test_anchors_are_made_as_github_makes_them(heading: str, anchor: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Top\n\n## {heading}\n\n```\n# no heading\n```\n\n## {heading}\n")

    assert anchors(page) == {"top", anchor, f"{anchor}-1"}


def test_links_in_code_are_no_links(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](a.md) `[b](b.md)`\n\n```\n[c](c.md)\n```\n\n![d](d.png)\n\n[e]: e.md\n")

    assert links(page) == ["a.md", "d.png", "e.md"]
