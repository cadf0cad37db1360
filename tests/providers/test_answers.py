"""Retry-After, ids and bodies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from pipeline.errors import (
    AcceptanceUnknown,
    Malformed,
    Misconfigured,
    ProviderError,
    RecipientThrottled,
    Refused,
    Rejected,
    RouteRefused,
    Throttled,
    Unavailable,
)
from providers.answers import accepted, read_answer, read_object, refusal, refused, retry_after_s, short

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", None),
        ("1", None),
        ("2", 2.0),
        ("17", 17.0),
        (" 17 ", 17.0),
        ("300", 300.0),
        ("301", 300.0),
        ("9" * 5000, 300.0),
        ("Sun, 06 Nov 1994 08:50:07 GMT", 30.0),
        ("Sun, 06 Nov 1994 08:49:07 GMT", None),
        ("Sun, 06 Nov 1994 08:49:38 GMT", None),
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


@pytest.mark.parametrize("value", [None, "", 7, "x" * 129, "a\nb", "\x00", "a\ufffd", ["x"], {}])
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
    assert read_object(body) == read_answer(body) == {}


@pytest.mark.parametrize("flaw", [b"\xef\xbb\xbf%b", b"%b\0", b'{"a":NaN,%b', b'{"a":"\xe4",%b'])
def test_what_may_be_signed_is_read_as_it_is_or_not_at_all(flaw: bytes) -> None:
    body = b'{"id":"x"}'

    assert read_object(flaw % (body if flaw[:1] != b"{" else body[1:])) == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'\xef\xbb\xbf{"id":"x"}', {"id": "x"}),
        (b'{"id":"x"}\0', {"id": "x"}),
        (b'{"id":"x","price":NaN}', {"id": "x", "price": "NaN"}),
        (b'{"id":"x","text":"M\xfcller"}', {"id": "x", "text": "M\ufffdller"}),
        (b'{"id":"x","text":"a\nb"}', {"id": "x", "text": "a\nb"}),
        (b'{"id":"x","text":"\\ud83d"}', {"id": "x", "text": "?"}),
    ],
)
def test_a_flaw_in_a_body_takes_nothing_from_the_rest(body: bytes, expected: dict[str, str]) -> None:
    assert read_answer(body) == expected


@given(st.binary() | st.text().map(str.encode))
def test_any_body_is_an_object_or_an_empty_one(body: bytes) -> None:
    assert isinstance(read_answer(body), dict)


LISTED: dict[str, type[ProviderError]] = {
    "something": Refused,
    "number": Rejected,
    "sender": RouteRefused,
    "long": Malformed,
    "slow": Throttled,
}


@pytest.mark.parametrize(
    ("words", "status", "blame", "error"),
    [
        (["number"], 400, None, Rejected("number")),
        (["number"], 200, None, Rejected("number")),
        (["number"], 403, None, Rejected("number")),
        (["number"], 500, None, Unavailable("http_500")),
        (["number"], 400, RouteRefused, Rejected("number")),
        (["number", "sender"], 400, None, RouteRefused("sender")),
        (["something", "long"], 400, Rejected, Malformed("long")),
        (["something"], 400, None, Refused("something")),
        (["something"], 404, None, Refused("something")),
        (["something"], 400, Rejected, Rejected("something")),
        (["something"], 400, Malformed, Malformed("something")),
        (["something"], 502, Rejected, AcceptanceUnknown("http_502")),
        (["new"], 400, None, Refused("new")),
        (["new"], 200, None, Refused("new")),
        (["new"], 401, None, Misconfigured("new")),
        (["new"], 429, None, Throttled("http_429")),
        (["new"], 503, None, Unavailable("http_503")),
        (["new"], 400, Rejected, Refused("new")),
        (["new"], 400, Malformed, Refused("new")),
        (["new"], 400, RouteRefused, RouteRefused("new")),
        (["new"], 401, RouteRefused, Misconfigured("new")),
        ([], 422, Rejected, Rejected("http_422")),
        ([None, 7, "", []], 422, RouteRefused, RouteRefused("http_422")),
        (["in words", "new"], 422, None, Refused("new")),
        (["x" * 64], 422, None, Refused("x" * 64)),
        (["x" * 65], 422, None, Refused("http_422")),
        (["12345"], 422, None, Refused("12345")),
        (["123456"], 422, None, Refused("http_422")),
        (["12-34-56"], 422, None, Refused("http_422")),
        (["e\u0661"], 422, None, Refused("http_422")),
        (["a\n"], 422, None, Refused("http_422")),
    ],
)
def test_words_go_before_fields_and_fields_before_the_status(
    words: list[object], status: int, blame: type[ProviderError] | None, error: ProviderError
) -> None:
    found = refused(LISTED, words, status, CIMultiDict(), blame)

    assert (type(found), found.code) == (type(error), error.code)


def test_what_a_throttling_word_asks_for_is_kept() -> None:
    headers = CIMultiDict({"Retry-After": "17"})

    assert refused(LISTED, ["slow"], 400, headers).retry_after_s == 17
    assert refused({"slow": RecipientThrottled}, ["slow"], 400, headers).retry_after_s == 17
    assert refused(LISTED, ["number"], 400, headers).retry_after_s is None
