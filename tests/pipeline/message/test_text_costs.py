"""What messages cost, and for which signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.message.text import TEXTS
from pipeline.message.text_costs import avoidable_segments
from pipeline.settings import CallerSettings, Settings

LONG = "{code} is your code. Do not give it to anybody else, whoever asks for it, {brand}"  # more than 70 characters


def _found(**caller: object) -> list[tuple[str, str]]:
    settings = Settings(callers={"shop": CallerSettings(**{"brand": "Shop", **caller})})  # type: ignore[arg-type] # a table's columns
    return [(".".join(costly.path), str(costly)) for costly in avoidable_segments(settings)]


@pytest.mark.parametrize(
    ("sign", "named"),
    [
        ("\u2019", "\u2019 (RIGHT SINGLE QUOTATION MARK)"),
        ("\u201c", "\u201c (LEFT DOUBLE QUOTATION MARK)"),
        ("\xa0", "NO-BREAK SPACE"),
        ("\u200b", "ZERO WIDTH SPACE"),
        ("\u2013", "EN DASH"),
        ("\u2026", "\u2026 (HORIZONTAL ELLIPSIS)"),
        ("\xf3", "\xf3 (LATIN SMALL LETTER O WITH ACUTE)"),
        ("\u015f", "\u015f (LATIN SMALL LETTER S WITH CEDILLA)"),
        ("\u0142", "\u0142 (LATIN SMALL LETTER L WITH STROKE)"),
    ],
)
def test_sign_that_doubles_the_price_of_a_template_is_named_with_the_price(sign: str, named: str) -> None:
    text = f"has {named}, which GSM-7 has not: a message takes 2 segments instead of 1"

    assert _found(templates={"es": LONG + sign}) == [("callers.shop.templates.es", text)]


def test_sign_in_a_brand_is_named_once_and_not_again_with_each_template() -> None:
    (costly,) = _found(brand="Sh\xf3p", domain="shop.example.com", templates={"en": LONG})

    assert costly[0] == "callers.shop.brand"
    assert "2 segments instead of 1" in costly[1]


@pytest.mark.parametrize(
    "template",
    [
        LONG,
        "{code}: c\xf3digo",  # one segment all the same
        TEXTS["ru"] + TEXTS["ru"] + TEXTS["ru"] + "\u2019",  # the language is not in GSM-7 anyway
        LONG + "\U0001f600",  # nothing else can be written for it
        LONG + "\xe9\xf1\xfc\u20ac",  # in GSM-7
    ],
)
def test_what_costs_no_more_or_cannot_be_written_otherwise_is_not_named(template: str) -> None:
    assert _found(templates={"es": template}) == []


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}"), max_size=80))
def test_any_template_can_be_judged(text: str) -> None:
    for key, told in _found(templates={"en": text + "{code}"}, domain="shop.example.com"):
        assert key == "callers.shop.templates.en"
        assert "instead of" in told
