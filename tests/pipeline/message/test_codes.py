"""Derive and check a code."""

import base64
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.message.codes import CodeBasis, _Hotp, bare, check_own, derive, matches, read_entry
from pipeline.settings import Secret

MASTER = Secret(bytes(range(32)))
BASIS = CodeBasis(
    request_id="request-0123456789",
    number_hash="hash-of-a-number",
    caller="shop",
    issued_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
)


def test_code_is_the_same_wherever_it_is_derived() -> None:
    assert derive(MASTER, BASIS, 6) == derive(Secret(bytes(range(32))), replace(BASIS), 6)


@given(st.binary(min_size=32, max_size=64), st.text(st.sampled_from("abc-_019"), min_size=16, max_size=64))
def test_code_is_what_independent_hkdf_and_hotp_make_of_it(master: bytes, request_id: str) -> None:
    basis = replace(BASIS, request_id=request_id)
    seed = HKDF(algorithm=SHA256(), length=20, salt=None, info=basis.info()).derive(master)

    assert derive(Secret(master), basis, 8) == pyotp.HOTP(base64.b32encode(seed).decode(), digits=8).at(0)


def test_seed_under_112_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="a seed of 13 bytes, at least 14"):
        _Hotp(bytes(13), digits=6)


def test_code_of_a_known_request_never_changes() -> None:
    # A vector of our own: a change of the derivation would refuse every code that is on its way.
    assert derive(MASTER, BASIS, 6) == "166687"
    assert derive(MASTER, BASIS, 8) == "04166687"


@pytest.mark.parametrize(
    "other",
    [
        replace(BASIS, request_id="request-0123456780"),
        replace(BASIS, number_hash="hash-of-another"),
        replace(BASIS, caller="bank"),
        replace(BASIS, issued_at=BASIS.issued_at + timedelta(microseconds=1)),
    ],
)
def test_code_depends_on_every_part_of_its_basis(other: CodeBasis) -> None:
    assert derive(MASTER, other, 10) != derive(MASTER, BASIS, 10)


def test_code_depends_on_the_master_key() -> None:
    assert derive(Secret(b"x" * 32), BASIS, 10) != derive(MASTER, BASIS, 10)


@given(st.integers(min_value=6, max_value=10), st.text(st.sampled_from("abc-_019"), min_size=16, max_size=64))
def test_code_has_the_digits_that_were_asked_for(digits: int, request_id: str) -> None:
    code = derive(MASTER, replace(BASIS, request_id=request_id), digits)

    assert len(code) == digits
    assert code.isdecimal()


@pytest.mark.parametrize(
    ("entered", "derived"),
    [
        ("123456", "123456"),
        (" 123 456\r\n", "123456"),
        ("123-456", "123456"),
        ("123.456", "123456"),
        ("1 2 3 4 5 6", "123456"),
        ("\t123456\xa0", "123456"),
        ("123\u202f456", "123456"),  # narrow no-break space
        ("\u200b123456\ufeff", "123456"),  # zero-width space, byte order mark
        ("\u202a123456\u202c", "123456"),  # embedding of a direction
        ("123\u2013456", "123456"),  # en dash
        ("123\u2011456", "123456"),  # non-breaking hyphen
        ("123\u2212456", "123456"),  # minus
        ("\uff11\uff12\uff13\uff14\uff15\uff16", "123456"),  # full width
        ("\u0661\u0662\u0663\u0664\u0665\u0666", "123456"),  # Arabic-Indic
        ("\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6", "123456"),  # Persian
        ("\u0967\u0968\u0969\u096a\u096b\u096c", "123456"),  # Devanagari
        ("1\ufe0f\u20e32\ufe0f\u20e33456", "123456"),  # keycaps
        ("123,456", "123456"),
        ("Your code: 123-456.", "123456"),
        ("123456 is your Shop code. Never share it.", "123456"),
        ("123456 is your Shop code. Never share it.\n\n@shop.example.com #123456", "123456"),
        ("Your code is 123 456, good for 5 minutes", "123456"),
        ("Code 123456. 5 minutes are left", "123456"),
        ("Code 123456, and 654321", ""),
        ("12345", ""),
        ("1234567", ""),
        ("Call +447700900123", ""),
        ("", ""),
        ("---", ""),
        ("hello", ""),
        ("\u2460\u2461\u2462\u2463\u2464\u2465", ""),  # digits in circles are no decimal digits
    ],
)
def test_code_is_made_out_in_what_people_enter(entered: str, derived: str) -> None:
    assert read_entry(entered, 6).derived == derived


@pytest.mark.parametrize(
    ("entered", "own"),
    [
        ("Ab7-Xy9", "Ab7Xy9"),
        ("\u200bAb7 Xy9\r\n", "Ab7Xy9"),
        ("\u0667\u0667\u0667", "777"),
        ("a.b", "a.b"),  # in a code of somebody else's a dot may mean something
        (" - ", ""),
    ],
)
def test_entry_for_a_callers_own_code_loses_what_is_blank_or_invisible_or_a_dash(entered: str, own: str) -> None:
    assert read_entry(entered, 6).own == own
    assert bare(entered) == own


@given(st.text(max_size=1024), st.integers(min_value=6, max_value=10))
def test_entry_is_read_as_one_code_or_as_none(entered: str, digits: int) -> None:
    derived = read_entry(entered, digits).derived

    assert derived == "" or (len(derived) == digits and derived.isascii() and derived.isdecimal())


@given(st.lists(st.sampled_from(["12", "3", "456", " ", "-", ".", "\u2013", "x", "\u200b"]), max_size=8))
def test_digits_of_the_right_number_are_read_whatever_is_between_them(parts: list[str]) -> None:
    digits = "".join(part for part in parts if part.isdecimal())

    assert read_entry("".join(parts), max(len(digits), 1)).derived == digits


@pytest.mark.parametrize(
    ("code", "entered", "right"),
    [("123456", "123456", True), ("123456", "123457", False), ("123456", "", False), ("", "", False)],
)
def test_codes_are_equal_or_not_and_no_code_equals_nothing(code: str, entered: str, *, right: bool) -> None:
    assert matches(code, entered) is right


def test_entry_never_shows_in_a_repr() -> None:
    assert "123456" not in repr(read_entry("123456", 6))


@pytest.mark.parametrize("code", ["739204", "0123456789", "739 204", "739-204", "12 34 56 78 90", "G-739204", "K7QX2M"])
def test_code_of_a_callers_own_is_what_people_and_phones_take_for_one(code: str) -> None:
    assert check_own(code) == code


@pytest.mark.parametrize(
    "code",
    [
        *("", " ", "-", "12345", "1-2-3-4-5", "12345678901", "7" * 70, " 123456", "123456 ", "12  34 56", "12- 3456"),
        *(
            "123456\n",
            "123\r\n456",
            "https://evil.example/login?x=1",
            "evil.example1",
            "call +44 900 now1",
            "+447700900123",
        ),
        *(
            "URGENT",
            "call me",
            "\u20ac\u00e9123456",
            "\uff11\uff12\uff13\uff14\uff15\uff16",
            "123456\u200b",
            "@a.b #123456",
        ),
    ],
)
def test_anything_else_is_no_code_of_a_callers_own(code: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        check_own(code, source="shop")

    assert (caught.value.reason, caught.value.source) == (DeadReason.INVALID_CODE, "shop")
    assert not code.strip() or code not in caught.value.detail


@given(st.text(max_size=20))
def test_code_of_a_callers_own_holds_nothing_that_a_phone_makes_a_link_of(code: str) -> None:
    try:
        check_own(code)
    except InvalidMessage:
        return
    assert set(code) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ -")
    assert 6 <= len(bare(code)) <= 10
