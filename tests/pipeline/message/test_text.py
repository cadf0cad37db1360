"""Render the message; GSM-7 or UCS-2; segments; autofill line."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.message.text import TEXTS, outside, render, segments
from pipeline.settings import CallerSettings

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
@pytest.mark.parametrize(
    "caller", [CALLER, replace(CALLER, domain="shop.example.com"), replace(CALLER, android_hash="FA+9qCX9VSu")]
)
def test_every_language_holds_code_and_brand_and_fits_one_segment_with_any_last_line(
    locale: str, caller: CallerSettings
) -> None:
    message = render("123456", caller, locale)

    assert "123456" in message.text
    assert "Shop" in message.text
    assert message.segments == 1


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr"])
def test_latin_languages_stay_in_gsm7(locale: str) -> None:
    assert outside(render("123456", CALLER, locale).text) == []


@pytest.mark.parametrize(
    ("locale", "start"),
    [
        *((tag, "123456 ist") for tag in ("de", "de-AT", "de_AT", "DE", "De-Latn-at")),
        *((tag, "123456 is your") for tag in ("xx", "en-GB", "EN_gb")),
        *((tag, "123456 é o seu") for tag in ("pt", "PT-br", "pt_PT")),
    ],
)
def test_nearest_language_is_taken(locale: str, start: str) -> None:
    assert render("123456", CALLER, locale).text.startswith(start)


def test_template_of_the_caller_wins() -> None:
    caller = CallerSettings(brand="Shop", templates={"en": "Code {code} ({brand})"})

    assert render("123456", caller, "en-GB").text == "Code 123456 (Shop)"


def test_locale_that_the_caller_does_not_allow_becomes_its_first() -> None:
    caller = CallerSettings(brand="Shop", locales=("fr", "en"))

    assert "votre code" in render("123456", caller, "de").text


@pytest.mark.parametrize("locale", ["pt-BR", "pt-br", "PT-BR", "pt_BR", "pt", "pt-PT"])
@pytest.mark.parametrize("template", ["pt-BR", "pt-br", "pt_BR"])
def test_template_is_met_by_its_language_whatever_the_case_and_the_region(locale: str, template: str) -> None:
    caller = CallerSettings(brand="Shop", templates={template: "Seu PIN: {code}"}, locales=("en", "pt-BR"))

    assert render("123456", caller, locale).text == "Seu PIN: 123456"


def test_template_of_the_region_comes_before_that_of_the_language() -> None:
    caller = CallerSettings(templates={"pt": "pt {code}", "pt-BR": "br {code}"})

    assert [render("1", caller, locale).text for locale in ("pt-br", "pt-PT", "pt")] == ["br 1", "pt 1", "pt 1"]


def test_own_english_template_is_for_languages_that_there_are_no_texts_for() -> None:
    caller = CallerSettings(templates={"en-US": "Own {code}"})

    assert render("123456", caller, "xx").text == "Own 123456"


def test_allowed_language_is_met_by_our_text_of_that_language() -> None:
    caller = CallerSettings(brand="Shop", locales=("en", "pt-BR"))

    assert render("123456", caller, "pt").text.startswith("123456 é o seu")


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
