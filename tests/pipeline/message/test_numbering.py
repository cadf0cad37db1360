"""What numbering plans say of a number."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.message.numbering import analyse

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def _examples(kind: int) -> dict[str, phonenumbers.PhoneNumber]:
    """Give a number of each region that has such ones."""
    numbers = [phonenumbers.example_number_for_type(region, kind) for region in REGIONS]
    return {
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164): number for number in numbers if number
    }


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("+4407700900123", "+447700900123"),
        ("+4901701234567", "+491701234567"),
        ("+330612345678", "+33612345678"),
        ("+610412345678", "+61412345678"),
        ("+88001712345678", "+8801712345678"),
        ("+23408031234567", "+2348031234567"),
        ("+3606201234567", "+36201234567"),  # Hungary dials 06
        ("+787011234567", "+77011234567"),  # Kazakhstan dials 8
        ("+112125550123", "+12125550123"),
        ("+54111512345678", "+5491112345678"),  # Argentina's 15 of mobile phones at home is a 9 from abroad
        ("+5401112345678", "+541112345678"),
        ("+390612345678", "+390612345678"),  # Italy's zero is part of the number
        ("+3780549886377", "+3780549886377"),  # San Marino's too
        ("+2250700000012", "+2250700000012"),
        ("+24107123456", "+24107123456"),
        ("+78001234567", "+78001234567"),  # begins with the trunk digit and is whole without it
    ],
)
def test_number_is_read_without_trunk_digits_where_they_are_no_part_of_it(written: str, normal: str) -> None:
    assert analyse(written).e164 == normal


def test_mobile_numbers_of_all_countries_are_normal_in_their_country_and_not_premium() -> None:
    examples = _examples(phonenumbers.PhoneNumberType.MOBILE)
    analysed = {text: analyse(text) for text in examples}

    assert len(examples) > 200
    assert {text: (one.e164, one.country, one.premium) for text, one in analysed.items()} == {
        text: (text, phonenumbers.region_code_for_number(number), False) for text, number in examples.items()
    }


@given(st.sampled_from(CODES), st.text("0123456789", min_size=4, max_size=13))
def test_normal_form_is_what_the_library_makes_of_the_whole_number(code: int, national: str) -> None:
    text = f"+{code}{national}"[:16]
    try:
        normal = analyse(text).e164
    except ValueError:
        return

    assert normal == phonenumbers.format_number(phonenumbers.parse(text), phonenumbers.PhoneNumberFormat.E164)
    assert analyse(normal).e164 == normal


@pytest.mark.parametrize(
    "text",
    [
        "+10000000",  # as long as a number within one town
        "+10002000000",
        "+11112000000",
        "+12121000000",
        "+4400447700900123",
        "+440012345678",
        "+49001701234567",
        "+525512345",
        "+9991234567",
        "+80012",
    ],
)
def test_number_that_no_plan_can_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="begins"):
        analyse(text)


@pytest.mark.parametrize("text", ["+447000000000", "+491799999999", "+2250100000000", "+14157209999"])
def test_number_of_a_range_that_nobody_is_known_to_use_is_taken(text: str) -> None:
    assert analyse(text).e164 == text


@pytest.mark.parametrize(
    "text",
    ["+449098790000", "+19005550123", "+37190012345", "+979123456789", "+4909001123456", "+78091234567"],
)
def test_premium_rate_is_told(text: str) -> None:
    assert analyse(text).premium


@pytest.mark.parametrize("text", ["+18005550123", "+448001234567", "+80012345678", "+882161234567", "+447700900123"])
def test_freephone_and_satellite_phones_are_not_premium_rate(text: str) -> None:
    assert not analyse(text).premium


def test_premium_rate_of_every_country_is_told() -> None:
    examples = _examples(phonenumbers.PhoneNumberType.PREMIUM_RATE)

    assert len(examples) > 100
    assert [text for text in examples if not analyse(text).premium] == []
