"""Render the message; GSM-7 or UCS-2; segments; autofill line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.settings import CallerSettings
from pipeline.text import TEXTS, render, segments

CALLER = CallerSettings(brand="Shop")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),  # the extension takes two places
        ("€" * 81, 2),
        ("é" * 160, 1),
        ("ê" * 70, 1),  # not in GSM-7
        ("ê" * 71, 2),
        ("ê" * 134, 2),
        ("ê" * 135, 3),
        ("😀" * 35, 1),  # two UTF-16 units each
        ("😀" * 36, 2),
        ("’" + "a" * 69, 1),  # noqa: RUF001 - one typographic quote turns the whole text into UCS-2
        ("’" + "a" * 70, 2),  # noqa: RUF001
    ],
)
def test_segments_are_counted_by_alphabet(text: str, count: int) -> None:
    assert segments(text) == count


@pytest.mark.parametrize("locale", sorted(TEXTS))
def test_every_language_holds_code_and_brand_and_fits_two_segments(locale: str) -> None:
    message = render("123456", CALLER, locale)

    assert "123456" in message.text
    assert "Shop" in message.text
    assert message.segments <= 2


@pytest.mark.parametrize("locale", ["en", "de", "it", "nl", "es"])
def test_code_is_one_segment_in_languages_of_gsm7(locale: str) -> None:
    assert render("123456", CALLER, locale).segments == 1


@pytest.mark.parametrize(
    ("locale", "start"),
    [("de", "123456 ist"), ("de-AT", "123456 ist"), ("de_AT", "123456 ist"), ("DE", "123456 ist"), ("xx", "123456 is")],
)
def test_nearest_language_is_taken(locale: str, start: str) -> None:
    assert render("123456", CALLER, locale).text.startswith(start)


def test_template_of_the_caller_wins() -> None:
    caller = CallerSettings(brand="Shop", templates={"en": "Code {code} ({brand})"})

    assert render("123456", caller, "en-GB").text == "Code 123456 (Shop)"


def test_locale_that_the_caller_does_not_allow_becomes_its_first() -> None:
    caller = CallerSettings(brand="Shop", locales=("fr", "en"))

    assert "votre code" in render("123456", caller, "de").text


def test_last_line_is_the_webotp_line() -> None:
    caller = CallerSettings(brand="Shop", domain="shop.example")

    assert render("123456", caller, "en").text.splitlines()[-1] == "@shop.example #123456"


def test_webotp_line_has_a_code_in_groups_as_one_word_which_is_all_that_a_browser_reads() -> None:
    caller = CallerSettings(brand="Shop", domain="shop.example")

    message = render("739 204", caller, "en").text.splitlines()
    assert message[0].startswith("739 204 is")
    assert message[-1] == "@shop.example #739204"


def test_last_line_is_the_android_hash() -> None:
    caller = CallerSettings(brand="Shop", android_hash="FA+9qCX9VSu", domain="shop.example")

    assert render("123456", caller, "en").text.splitlines()[-1] == "FA+9qCX9VSu"


def test_template_that_cannot_be_filled_is_unrenderable() -> None:
    caller = CallerSettings(brand="Shop", templates={"en": "{code} {nobody}"})

    with pytest.raises(InvalidMessage) as caught:
        render("123456", caller, "en", source="shop")

    assert caught.value.reason is DeadReason.UNRENDERABLE


def test_code_never_shows_in_the_repr() -> None:
    assert "123456" not in repr(render("123456", CALLER, "en"))


@given(st.text())
def test_any_text_has_at_least_one_segment(text: str) -> None:
    assert segments(text) >= 1
