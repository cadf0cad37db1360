"""Values and foreign texts as they stand in a document: one line, no markup of their own, no phone number."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Final

from pipeline.reports.postmortem.facts import Facts

LONGEST: Final = 500  # characters of one text
_MARKUP: Final = re.compile(r"([\\`*_\[\]|~])")
# Six digits or more, as people write numbers and codes. A date is none.
_NUMBER: Final = re.compile(
    r"(?P<date>(?<!\d)20\d\d-[01]\d-[0-3]\d(?:[ T]\d\d:\d\d(?::\d\d)?)?(?!\d))|\(?\+?\d(?:[\s().\-/]*\d){5,}"
)


def plain(text: str) -> str:
    """Give a text of ours or a provider's for a Markdown document."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return _MARKUP.sub(r"\\\1", escape(" ".join(line.split())[:LONGEST], quote=False))


def without_numbers(text: str) -> str:
    """Give what a person wrote, with whatever may be a phone number or a code left out."""
    return plain(_NUMBER.sub(lambda found: found["date"] or "(number left out)", text))


def clock(at: datetime) -> str:
    """Give an instant, UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def lasted(duration: timedelta) -> str:
    """Give a duration, such as `2 h 05 min` or `6.9 s`."""
    seconds = duration.total_seconds()
    if abs(seconds) < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(abs(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if seconds < 0 else ""
    return f"{sign}{hours} h {minutes:02} min" if hours else f"{sign}{minutes} min {rest:02} s"


def where(facts: Facts) -> str:
    """Say which part of the traffic an incident concerns."""
    incident = facts.incident
    who = incident.provider or "all providers"
    place = f"in {incident.country}" if incident.country else "in all countries"
    return f"{who} {place}" + (f", configuration {plain(incident.config)}" if incident.config else "")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Give the lines of a table. Cells are in Markdown already."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(str(cell) for cell in line)} |" for line in lines]
