"""The token in our callback URL."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.proof.callback_token import LIFE, CallbackToken, fits, issue, verify
from pipeline.settings import Secret

KEYS = {"new": Secret(b"n" * 32), "old": Secret(b"o" * 32)}
SENT_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TOKEN = CallbackToken(
    request_id="AbCdEfGhIjKlMnOpQrStUv",
    number=2,
    provider="carrier-a",
    country="GB",
    sent_at=SENT_AT,
    config="0123456789ab",
)


def test_token_comes_back_as_it_was_issued() -> None:
    assert verify(issue(TOKEN, KEYS), KEYS, SENT_AT) == TOKEN


def test_token_fits_a_url_and_a_reference_field_of_100_characters() -> None:
    text = issue(TOKEN, KEYS)

    assert quote(text, safe="") == text
    assert len(text) <= 100


def test_token_of_an_older_key_is_still_ours() -> None:
    assert verify(issue(TOKEN, {"old": KEYS["old"]}), KEYS, SENT_AT) == TOKEN


def test_token_of_a_retired_key_is_refused() -> None:
    with pytest.raises(InvalidMessage):
        verify(issue(TOKEN, {"old": KEYS["old"]}), {"new": KEYS["new"]}, SENT_AT)


def test_token_ends_with_its_life() -> None:
    text = issue(TOKEN, KEYS)

    assert verify(text, KEYS, SENT_AT + LIFE) == TOKEN
    with pytest.raises(InvalidMessage) as caught:
        verify(text, KEYS, SENT_AT + LIFE + timedelta(seconds=1))
    assert caught.value.reason is DeadReason.EXPIRED


@given(st.integers(min_value=0), st.characters())
def test_token_with_any_changed_character_is_forged(place: int, character: str) -> None:
    text = issue(TOKEN, KEYS)
    place %= len(text)
    changed = text[:place] + character + text[place + 1 :]
    if changed == text:
        return

    with pytest.raises(InvalidMessage):
        verify(changed, KEYS, SENT_AT)


@given(st.text(max_size=200))
def test_garbage_is_an_invalid_message(text: str) -> None:
    with pytest.raises(InvalidMessage):
        verify(text, KEYS, SENT_AT)


def test_reference_fits_its_own_token_alone_whole_or_by_its_mac() -> None:
    text, other = issue(TOKEN, KEYS), issue(replace(TOKEN, number=3), KEYS)

    assert all(fits(reference, text) for reference in (None, text, text.rpartition(".")[2]))
    assert not any(fits(reference, text) for reference in ("", other, other.rpartition(".")[2], text[:-1]))
