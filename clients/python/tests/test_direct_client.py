"""What the direct door is written, without a broker."""

import base64
import json
from datetime import UTC, datetime

import pytest

pytest.importorskip("aiokafka", reason="needs the extra `kafka`")

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ithaca_otp import Invalid, Unavailable
from ithaca_otp.direct import DirectClient, Request
from ithaca_otp.direct.requests import check, is_code, new_id, request
from ithaca_otp.direct.seal import Sealer

NUMBER, KEY = "+447700900123", b"k" * 32
SEALER = Sealer(caller="shop", kid="shop-1", key=KEY)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _opened(sealed: str, key: bytes = KEY) -> str:
    header, _, nonce, text, tag = sealed.split(".")
    return AESGCM(key).decrypt(_bytes(nonce), _bytes(text) + _bytes(tag), header.encode()).decode()


def _request(code: str | None = None) -> Request:
    return request(
        SEALER,
        request_id="request-0123456789",
        caller="shop",
        to=NUMBER,
        purpose="login",
        locale="en",
        ttl_s=300,
        code=code,
        issued_at=AT,
    )


def test_seal_names_its_key_caller_and_request_and_opens_with_that_key_alone() -> None:
    sealed = SEALER.seal(NUMBER, "request-0123456789")

    header = {"alg": "dir", "enc": "A256GCM", "kid": "shop-1", "caller": "shop", "rid": "request-0123456789"}
    assert json.loads(_bytes(sealed.split(".")[0])) == header
    assert _opened(sealed) == NUMBER
    with pytest.raises(InvalidTag):
        _opened(sealed, b"x" * 32)


def test_no_seal_is_made_twice() -> None:
    assert len({SEALER.seal(NUMBER, "request-0123456789") for _ in range(100)}) == 100


@pytest.mark.parametrize("key", [b"", b"k" * 16, b"k" * 31, (b"k" * 32).hex().encode()])
def test_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match=f"has {len(key)} bytes, not 32"):
        DirectClient("127.0.0.1:1", caller="shop", kid="shop-1", key=key)


def test_request_that_is_kept_is_the_same_when_it_is_read_again() -> None:
    for made in (_request(), _request("739204")):
        assert Request.from_json(made.to_json()) == made


def test_neither_number_nor_code_is_in_a_request_that_is_shown_or_kept() -> None:
    made = _request("739204")

    shown = repr(made) + made.to_json().decode()
    assert [secret for secret in (NUMBER, "739204", made.to) if secret in repr(made)] == []
    assert [secret for secret in (NUMBER, "739204") if secret in shown] == []


def test_ids_are_such_that_a_command_line_takes_them_for_no_option() -> None:
    for _ in range(1000):
        check("request_id", new_id())
    assert not [one for one in (new_id() for _ in range(1000)) if one.startswith("-")]


@pytest.mark.parametrize("code", ["739204", "739 204", "G-739204", "1234567890", "abcde1"])
def test_what_looks_like_a_code_is_one(code: str) -> None:
    assert is_code(code)


@pytest.mark.parametrize(
    "code", ["", " ", "12345", "12345678901", "abcdef", "739  204", "739204\n", "é€1234", "7-3-9-2"]
)
def test_what_looks_like_no_code_is_none(code: str) -> None:
    assert not is_code(code)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("purpose", ""),
        ("purpose", "log in"),
        ("purpose", "login\n"),
        ("purpose", "x" * 65),
        ("locale", "e"),
        ("locale", "English_"),
        ("request_id", "short"),
        ("caller", "Shop"),
    ],
)
def test_field_that_would_be_refused_is_named_and_its_content_is_not(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=f"^`{name}` is not ") as invalid:
        check(name, value)

    assert invalid.value.field == name


async def test_broker_that_is_not_there_is_told_with_its_address() -> None:
    with pytest.raises(Unavailable, match=r"cannot connect to Kafka at 127\.0\.0\.1:1"):
        async with DirectClient("127.0.0.1:1", caller="shop", kid="shop-1", key=KEY):
            pass
