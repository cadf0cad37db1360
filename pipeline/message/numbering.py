"""What numbering plans say of a number: whether it can exist, how it is written, where it is, and whether calls earn.

Only what a plan cannot have is refused, by length and by leading digits. Whether a range is in use is not asked:
ranges are opened faster than libraries learn of them.
The plans are those of phonenumbers, which takes 45 us a number: by prefix and by calling code it is asked once.
"""

import re
from functools import lru_cache
from typing import Final

import phonenumbers
from msgspec import Struct
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult

E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164: at most 15 digits
_PREFIX: Final = 9  # the plus and 8 digits: numbering plans give whole prefixes of this length to one country
_LONGEST_CODE: Final = 3  # digits of a calling code (ITU-T E.164, section 6.2.1)
_NOWHERE: Final = "001"  # of phonenumbers: a calling code of no country
_ABSENT: Final = (None, "NA")
_NANP: Final = 1
_NANP_DIGITS: Final = re.compile("[2-9][0-9][0-9][2-9]")  # NXX-NXX of the North American Numbering Plan
_TRUNK_ZERO: Final = "0"


class NumberAnalysis(Struct, frozen=True, kw_only=True):
    """A number in its normal form, and what its plan says of it."""

    e164: str
    country: str  # ISO 3166-1 alpha-2; 001 for numbers of no country
    premium: bool  # whoever is called, or gets a message, earns by it


class _Plan(Struct, frozen=True, kw_only=True):
    """What all numbers of a calling code have in common."""

    start: int  # of the national number in E.164
    trunk: re.Pattern[str] | None  # what may stand before a national number and is no part of it
    trunk_zero: bool  # it is a zero, so that no national number begins with one
    premium: re.Pattern[str] | None


def analyse(text: str) -> NumberAnalysis:
    """Analyse a number in the form of E.164. Raises ValueError, in words for people, when no plan can have it."""
    plan = _plan(text[1 : 1 + _LONGEST_CODE])
    if plan is None:
        raise ValueError("begins with no calling code of any country")
    twice = False
    if plan.trunk and (found := plan.trunk.match(text, plan.start)) and found.end() > plan.start:
        text = _normal(text)
        twice = text != _normal(text)
    country = _country(text[:_PREFIX], len(text))
    if country is None or twice:
        raise ValueError("has no possible length for its country, or begins as none of its numbers can")
    premium = plan.premium is not None and plan.premium.fullmatch(text, plan.start) is not None
    return NumberAnalysis(e164=text, country=country, premium=premium)


def is_normal(text: str) -> bool:
    """Tell whether a number that has the form of E.164 is possible and in its normal form."""
    try:
        return analyse(text).e164 == text
    except ValueError:
        return False


def _normal(text: str) -> str:
    """Write a number without trunk digits behind its calling code: `+44 0 7700 900123` is `+44 7700 900123`.

    Where such digits are part of the number, as in Italy, it stays as it is.
    """
    try:
        return phonenumbers.format_number(phonenumbers.parse(text), PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return text


@lru_cache(maxsize=1024)
def _plan(digits: str) -> _Plan | None:
    """Give the plan of a number that begins with these digits; no calling code begins another."""
    for length in range(1, _LONGEST_CODE + 1):
        code = int(digits[:length])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
            plans = [plan for region in regions if (plan := _metadata(code, region))]
            main = plans[0]  # the library puts the main region of a calling code first
            trunk = main.national_prefix_for_parsing
            return _Plan(
                start=1 + length,
                trunk=re.compile(trunk) if trunk else None,
                trunk_zero=main.national_prefix == _TRUNK_ZERO,
                premium=_premium(plans),
            )
    return None


def _metadata(code: int, region: str) -> PhoneMetadata | None:
    if region == _NOWHERE:
        return PhoneMetadata.metadata_for_nongeo_region(code)
    return PhoneMetadata.metadata_for_region(region)


def _premium(plans: list[PhoneMetadata]) -> re.Pattern[str] | None:
    patterns = {plan.premium_rate.national_number_pattern for plan in plans if plan.premium_rate}
    known = sorted(pattern for pattern in patterns if pattern not in _ABSENT)
    return re.compile("|".join(f"(?:{pattern})" for pattern in known)) if known else None


@lru_cache(maxsize=65536)
def _country(prefix: str, length: int) -> str | None:
    """Give the country of a prefix, or none when no number of this length exists there.

    Numbers that are assigned to nobody (such as the ones kept for fiction) get the main country of their calling code.
    """
    try:
        number = phonenumbers.parse(prefix.ljust(length, "2"))
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE or not _begins(number):
        return None
    region = phonenumbers.region_code_for_number(number)
    return region or phonenumbers.region_code_for_country_code(number.country_code or 0)


def _begins(number: PhoneNumber) -> bool:
    """Tell whether a national number of this calling code may begin as this one does."""
    national = phonenumbers.national_significant_number(number)
    if number.country_code == _NANP:
        return _NANP_DIGITS.match(national) is not None
    plan = _plan(str(number.country_code))
    return not (plan and plan.trunk_zero and national.startswith(_TRUNK_ZERO))
