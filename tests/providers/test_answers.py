"""Retry-After, ids and bodies."""

import pytest
from multidict import CIMultiDict

from pipeline.errors import AcceptanceUnknown
from providers.answers import accepted, read_object, refusal, retry_after_s, short

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("17", 17.0),
        (" 17 ", 17.0),
        ("300", 300.0),
        ("301", 300.0),
        ("9" * 5000, 300.0),
        ("Sun, 06 Nov 1994 08:50:07 GMT", 30.0),
        ("Sun, 06 Nov 1994 08:49:07 GMT", 0.0),
        ("Sun, 06 Nov 2094 08:49:37 GMT", 300.0),
        ("Sun, 06 Nov 1994 08:50:07", None),
        ("-1", None),
        ("1.5", None),
        ("\u0661\u0667", None),
        ("soon", None),
        ("", None),
        ("Sun, 99 Nov 1994 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_capped_or_ignored(value: str, expected: float | None) -> None:
    assert retry_after_s(CIMultiDict({"retry-after": value, "date": DATE})) == expected


def test_a_date_to_wait_for_means_nothing_without_the_date_of_the_answer() -> None:
    assert retry_after_s(CIMultiDict({"Retry-After": "Sun, 06 Nov 2094 08:49:37 GMT"})) is None


def test_a_provider_that_is_away_may_say_for_how_long() -> None:
    assert refusal(503, CIMultiDict({"Retry-After": "5"})).retry_after_s == 5


@pytest.mark.parametrize("value", [None, "", 7, "x" * 129, "a\nb", "\x00", ["x"], {}])
def test_what_is_no_id_is_not_taken_for_one(value: object) -> None:
    with pytest.raises(AcceptanceUnknown, match="no_id"):
        accepted(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("30003", "30003"),
        (7, "7"),
        ("a\x1b[31mb\nc", "a?[31mb?c"),
        ("\u202e1", "?1"),
        ("\ud800", "?"),
        ("x" * 65, "x" * 64),
    ],
)
def test_of_a_word_no_character_travels_that_cannot_be_shown(value: object, shown: str) -> None:
    assert short(value) == shown


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'"x"', b'{"a":' * 5000, b"\xff"])
def test_what_is_no_json_object_reads_as_an_empty_one(body: bytes) -> None:
    assert read_object(body) == {}
