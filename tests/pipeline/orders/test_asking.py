"""Orders as they come from forms, bodies and command lines."""

from datetime import timedelta

import pytest

from pipeline.orders import Refused, Wanted, asked
from pipeline.orders.asking import duration
from pipeline.records import OrderKind
from tests.samples import NOW

PIN = {"kind": "pin", "provider": "a", "country": "GB", "reason": " a drill ", "for": "30m"}


def test_all_fields_are_read() -> None:
    assert asked({**PIN, "force": True}, "maria", NOW) == Wanted(
        kind=OrderKind.PIN,
        provider="a",
        country="GB",
        reason="a drill",
        author="maria",
        expires_at=NOW + timedelta(minutes=30),
        force=True,
    )


def test_what_is_left_out_or_empty_is_not_there() -> None:
    read = asked({"kind": "hold", "provider": "", "country": None, "for": "1h"}, "maria", NOW)
    assert isinstance(read, Wanted)
    assert (read.provider, read.country, read.reason, read.force) == (None, "*", "", False)


def test_an_instant_may_be_given_instead_of_a_duration() -> None:
    document = {**PIN, "for": None, "expires_at": "2026-01-02T13:00:00+01:00"}
    read = asked(document, "maria", NOW)
    assert isinstance(read, Wanted)
    assert read.expires_at.isoformat() == "2026-01-02T12:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"kind": "pinn"}, "kind", "did you mean pin?"),
        ({"kind": None}, "kind", "there are: pin, ban, drain, hold, probe, resume"),
        ({"providr": "a"}, "body", "did you mean provider?"),
        ({"provider": 7}, "provider", "is no text"),
        ({"force": "yes"}, "force", "is no true or false"),
        ({"for": None}, "expires_at", "is missing"),
        ({"for": "soon"}, "for", "write 90s, 30m, 2h or 7d"),
        ({"for": "0m"}, "for", "write 90s, 30m, 2h or 7d"),
        ({"for": "999999999d"}, "for", "write 90s, 30m, 2h or 7d"),
        ({"expires_at": "2026-01-02T12:00:00Z"}, "expires_at", "give one of them"),
        ({"for": None, "expires_at": "tomorrow"}, "expires_at", "is no instant"),
        ({"for": None, "expires_at": "2026-01-02T12:00:00"}, "expires_at", "is no instant"),
    ],
)
def test_what_cannot_be_read_is_refused_by_field(changes: dict[str, object], field: str, words: str) -> None:
    read = asked({**PIN, **changes}, "maria", NOW)
    assert isinstance(read, Refused)
    assert read.field == field
    assert words in read.text


@pytest.mark.parametrize("author", ["", "two words", "x" * 65, "line\n"])
def test_author_must_be_a_name(author: str) -> None:
    read = asked(PIN, author, NOW)
    assert isinstance(read, Refused)
    assert read.field == "author"


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604800)])
def test_durations(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "m", "1.5h", "-5m", "5 m", "5m\n", "\u0663\u0660m"])
def test_no_durations(text: str) -> None:
    assert duration(text) is None
