"""Phone numbers: E.164, country, mask, keyed hash, seal and open."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.message.phone import is_sealed, keyed_hash, mask, read_phone, redact, seal, unseal
from pipeline.settings import Secret

KEY = Secret(b"k" * 32)
OTHER = Secret(b"o" * 32)
REQUEST = "request-0123456789"
LENIENT = jwe.JWERegistry(strict_check_header=False)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+447700900123", "GB"),  # kept for fiction: the main country of its calling code
        ("+441481960194", "GG"),
        ("+12425551234", "BS"),
        ("+14165550123", "CA"),
        ("+12125550123", "US"),
        ("+77011234567", "KZ"),
        ("+33612345678", "FR"),
        ("+80012345678", "001"),
    ],
)
def test_number_is_placed_in_its_country(number: str, country: str) -> None:
    assert read_phone(number, KEY).country == country


@pytest.mark.parametrize(
    "text",
    ["", "447700900123", "+0447700900123", "+44 7700 900123", "+4477009001234567", "+44770090012x", "+447700900123\n",
     "+", "tel:+447700900123", "+٤٤٧٧٠٠٩٠٠١٢٣", "+9991234567", "+4477"],
)  # fmt: skip
def test_what_is_not_e164_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        read_phone(text, KEY, source="shop")

    assert caught.value.reason is DeadReason.INVALID_NUMBER
    assert caught.value.source == "shop"
    assert len(text) < 3 or text not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("cannot reach +447700900123", "cannot reach #"),
        ("+44 7700 900-123 is barred", "# is barred"),
        ("(212) 555-0100", "(#"),
        ("code 123456 refused", "code # refused"),
        ("30003", "30003"),
        ("EC_ABSENT_SUBSCRIBER 27", "EC_ABSENT_SUBSCRIBER 27"),
    ],
)
def test_words_of_a_provider_lose_what_may_be_a_number_or_a_code(words: str, kept: str) -> None:
    assert redact(words) == kept


@pytest.mark.parametrize("written", ["+4407700900123", "+447700900123"])
def test_one_phone_has_one_hash_however_it_is_written(written: str) -> None:
    phone = read_phone(written, KEY)

    assert (phone.e164, phone.hash) == ("+447700900123", keyed_hash("+447700900123", KEY))


def test_premium_rate_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(InvalidMessage, match="premium-rate") as caught:
        read_phone("+449098790000", KEY)

    assert caught.value.reason is DeadReason.INVALID_NUMBER
    assert read_phone("+449098790000", KEY, premium=True).country == "GB"


def test_mask_shows_calling_code_and_last_two_digits() -> None:
    assert mask("+447700900123") == "+44********23"


def test_number_never_shows_in_a_repr() -> None:
    assert "7700900123" not in repr(read_phone("+447700900123", KEY))


def test_hash_depends_on_the_key() -> None:
    assert keyed_hash("+447700900123", KEY) != keyed_hash("+447700900123", OTHER)
    assert len(keyed_hash("+447700900123", KEY)) == 22


@given(st.text(max_size=40))
def test_what_is_sealed_opens_again(text: str) -> None:
    sealed = seal(text, caller="shop", request_id=REQUEST, kid="a", key=KEY)

    assert is_sealed(sealed)
    assert unseal(sealed, caller="shop", request_id=REQUEST, keys={"b": OTHER, "a": KEY}) == text


def test_seal_of_another_jwe_library_opens() -> None:
    header = {"alg": "dir", "enc": "A256GCM", "kid": "a", "caller": "shop", "rid": REQUEST}
    sealed = jwe.encrypt_compact(header, b"+447700900123", OctKey.import_key(KEY.reveal()), registry=LENIENT)

    assert unseal(sealed, caller="shop", request_id=REQUEST, keys={"a": KEY}) == "+447700900123"


def test_another_jwe_library_opens_our_seal() -> None:
    sealed = seal("+447700900123", caller="shop", request_id=REQUEST, kid="a", key=KEY)

    opened = jwe.decrypt_compact(sealed, OctKey.import_key(KEY.reveal()), registry=LENIENT)

    assert opened.plaintext == b"+447700900123"


@pytest.mark.parametrize(
    ("caller", "request_id", "keys"),
    [
        ("bank", REQUEST, {"a": KEY}),  # another caller's number
        ("shop", "request-9876543210", {"a": KEY}),  # moved into another request
        ("shop", REQUEST, {"a": OTHER}),  # another key under the same name
        ("shop", REQUEST, {"b": KEY}),  # a key that is no longer there
    ],
)
def test_seal_opens_for_its_caller_request_and_key_alone(caller: str, request_id: str, keys: dict[str, Secret]) -> None:
    sealed = seal("+447700900123", caller="shop", request_id=REQUEST, kid="a", key=KEY)

    with pytest.raises(InvalidMessage) as caught:
        unseal(sealed, caller=caller, request_id=request_id, keys=keys)

    assert caught.value.reason is DeadReason.SEAL_BROKEN


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"kid": "b"}, "`kid` is none of this caller's"),
        ({"rid": "request-9876543210"}, "`rid` in its header is not"),
        ({"caller": "bank"}, "`caller` in its header is not"),
        ({"enc": "A128GCM"}, "enc `A256GCM`"),
        ({"zip": "DEF"}, "neither zip nor crit"),
        ({"kid": "other"}, "does not open it"),  # its key is another one
        ({"kid": []}, "no compact JWE"),
    ],
)
def test_each_mistake_of_whoever_sealed_has_a_detail_of_its_own(changes: dict[str, object], word: str) -> None:
    header = {"alg": "dir", "enc": "A256GCM", "kid": "a", "caller": "shop", "rid": REQUEST} | changes
    _, *rest = seal("+447700900123", caller="shop", request_id=REQUEST, kid="a", key=KEY).split(".")
    sealed = ".".join([base64.urlsafe_b64encode(orjson.dumps(header)).rstrip(b"=").decode(), *rest])

    with pytest.raises(InvalidMessage) as caught:
        unseal(sealed, caller="shop", request_id=REQUEST, keys={"a": KEY, "other": OTHER})

    assert (caught.value.reason, caught.value.source) == (DeadReason.SEAL_BROKEN, "shop")
    assert word in caught.value.detail


@given(st.integers(min_value=0, max_value=400), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_breaks_the_seal(place: int, change: int) -> None:
    sealed = seal("+447700900123", caller="shop", request_id=REQUEST, kid="a", key=KEY).encode()
    place %= len(sealed)
    changed = sealed[:place] + bytes([sealed[place] ^ change]) + sealed[place + 1 :]
    text = changed.decode("latin-1")

    try:
        opened = unseal(text, caller="shop", request_id=REQUEST, keys={"a": KEY})
    except InvalidMessage:
        return
    # The last character of a base64 group carries unused bits: another spelling of the same bytes.
    assert opened == "+447700900123"


@given(st.text(max_size=300))
def test_garbage_in_place_of_a_seal_is_an_invalid_message(text: str) -> None:
    with pytest.raises(InvalidMessage):
        unseal(text, caller="shop", request_id=REQUEST, keys={"a": KEY})
