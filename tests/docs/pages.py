"""The Markdown pages of the repository, and what can be read off them: links, headings, code."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

PROJECT: Final = Path(__file__).parents[2]
NOT_OURS: Final = {"build", "dist", "node_modules"}  # and whatever begins with a dot
WRITTEN_BY_CODE: Final = PROJECT / "tests/pipeline/reports/postmortem/golden.md"  # links to files of its own folder

_LINK: Final = re.compile(r"\]\(([^()\s]+)\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
_LINKED: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_HEADING: Final = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_INLINE: Final = re.compile(r"`([^`\n]+)`")
_BLOCK: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block. One without a language is what people type, and what is answered."""

    language: str
    text: str


def files(*endings: str) -> Iterator[Path]:
    """Give every file of ours whose name ends so."""
    for folder, inner, names in os.walk(PROJECT):
        inner[:] = sorted(name for name in inner if name not in NOT_OURS and not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(names) if name.endswith(endings))


PAGES: Final = [page for page in files(".md") if page != WRITTEN_BY_CODE]


def short(path: Path) -> str:
    """Give a path as the repository has it."""
    return path.relative_to(PROJECT).as_posix()


def blocks(page: Path) -> list[Block]:
    """Give the fenced blocks of a page."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]


def prose(page: Path) -> str:
    """Give a page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text())


def inline(page: Path) -> list[str]:
    """Give what stands between backticks in the prose of a page."""
    return _INLINE.findall(prose(page))


def links(page: Path) -> list[str]:
    """Give the targets of all links and pictures of a page."""
    return [inside or below for inside, below in _LINK.findall(_INLINE.sub("", prose(page)))]


@cache
def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them: a heading that comes again is numbered."""
    found: dict[str, int] = {}
    for heading in _HEADING.findall(prose(page)):
        words = _LINKED.sub(r"\1", heading).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
    return {f"{anchor}-{n}" if n else anchor for anchor, most in found.items() for n in range(most + 1)}
