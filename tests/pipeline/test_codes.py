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

from pipeline.codes import CodeBasis, _Hotp, bare, check_own, derive, matches
from pipeline.errors import DeadReason, InvalidMessage
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
    ("entered", "right"),
    [("123456", True), ("123 456", True), ("123-456", True), ("123457", False), ("", False), ("１２３４５６", False)],  # noqa: RUF001 - full-width digits
)
def test_entered_code_is_compared_without_blanks_and_hyphens(entered: str, right: bool) -> None:  # noqa: FBT001 - a table's column
    assert matches("123456", entered) is right


def test_nothing_is_never_the_right_code() -> None:
    assert not any(matches(code, entered) for code in ("", " ", "-") for entered in ("", " ", "-"))


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
