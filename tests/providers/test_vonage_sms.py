"""The adapter of Vonage's SMS API."""

import hmac
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import (
    AcceptanceUnknown,
    DeadReason,
    InvalidMessage,
    Malformed,
    Misconfigured,
    NotSent,
    ProviderError,
    Refused,
    Rejected,
    RouteRefused,
    SettingsError,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.message.text import TEXTS
from pipeline.proof.callback_token import CallbackToken, issue, verify
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings, Secret
from providers.seam import Callback, ProviderReceipt
from providers.vonage_sms import VonageSmsProvider
from tests.providers.contract import (
    CALLBACK_URL,
    CREDENTIAL,
    NOW,
    NUMBER,
    TOKEN,
    Refusal,
    Sample,
    a_callback,
    an_sms,
)
from tests.providers.kinds import JSON, Whose

API_KEY = "abcd1234"
UUID = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
KEYS = {"k1": b"the-newer-signature-secret-of-ours!!", "k2": b"the-older-signature-secret-of-ours!!"}
REFERENCE = TOKEN.rpartition(".")[2]
SHORT_URL = f"https://a.test/r/{TOKEN}"
SETTINGS = ProviderSettings(
    adapter="vonage-sms",
    credential=Secret(CREDENTIAL),
    options={"api_key": API_KEY},
    webhook_keys={name: Secret(key) for name, key in KEYS.items()},
)

# https://developer.vonage.com/en/api-errors/sms
CODES: Mapping[str, type[ProviderError]] = {
    "1": Throttled,
    "2": Refused,
    "3": Refused,
    "4": Misconfigured,
    "5": Unavailable,
    "6": Undeliverable,
    "7": Rejected,
    "8": Misconfigured,
    "9": Misconfigured,
    "10": Unavailable,
    "11": Misconfigured,
    "12": Malformed,
    "13": Unavailable,
    "14": Misconfigured,
    "15": RouteRefused,
    "16": Refused,
    "17": Undeliverable,
    "19": Misconfigured,
    "20": Refused,
    "22": Refused,
    "23": RouteRefused,
    "29": Misconfigured,
    "32": Refused,
    "33": Rejected,
    "34": Rejected,
}
STATES = {
    "accepted": ReceiptState.ENROUTE,
    "buffered": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "expired": ReceiptState.EXPIRED,
    "failed": ReceiptState.UNDELIVERABLE,
    "rejected": ReceiptState.UNDELIVERABLE,
    "unknown": ReceiptState.UNKNOWN,
    "DELIVERED": ReceiptState.UNKNOWN,
    "a word of next year": ReceiptState.UNKNOWN,
}


def a_provider(settings: ProviderSettings = SETTINGS, /, **options: str) -> VonageSmsProvider:
    return VonageSmsProvider("one", replace(settings, options={**settings.options, **options}), now=lambda: NOW)


def parts(*statuses: object) -> bytes:
    """Answer as the SMS API does: always 200, and each part with a status of its own."""
    messages = [
        {"to": NUMBER[1:], "message-id": f"{UUID}-{at}", "status": status, "message-price": "0.03330000"}
        if status == "0"
        else {"status": status, "error-text": f"{NUMBER} in words"}
        for at, status in enumerate(statuses)
    ]
    return orjson.dumps({"message-count": str(len(messages)), "messages": messages})


def fields_of(word: str = "delivered", **changes: str) -> dict[str, str]:
    """Report as the SMS API does; names with `_` for `-`."""
    fields = {
        "msisdn": NUMBER[1:],
        "to": "Acme & Co",
        "network-code": "26201",
        "messageId": "0A0000001234567B",
        "price": "0.03330000",
        "status": word,
        "scts": "2410270333",
        "err-code": "0",
        "api-key": API_KEY,
        "client-ref": REFERENCE,
        "message-timestamp": "2024-10-27 03:33:20",
        "timestamp": f"{NOW:.0f}",
        "nonce": "ec11dd3e-1e7f-4db5-9467-82b02cd223b9",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return {name: value for name, value in fields.items() if value != "(none)"}


def sig_of(fields: Mapping[str, str], key: bytes = KEYS["k1"], method: str = "sha256") -> str:
    safe = {name: re.sub("[&=]", "_", value) for name, value in fields.items() if name != "sig"}
    return hmac.digest(key, "".join(f"&{name}={safe[name]}" for name in sorted(safe)).encode(), method).hex()


def by_form(fields: Mapping[str, str]) -> Callback:
    return a_callback(urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"})


def by_json(fields: Mapping[str, str]) -> Callback:
    return a_callback(orjson.dumps(fields), {"Content-Type": "application/json"})


def by_get(fields: Mapping[str, str]) -> Callback:
    return a_callback(b"", {}, url=f"{CALLBACK_URL}?{urlencode(fields)}", method="GET")


WAYS = {"form": by_form, "json": by_json, "get": by_get}


def with_sig(fields: Mapping[str, str], **how: Any) -> dict[str, str]:
    return {**fields, "sig": sig_of(fields, **how)}


def genuine(body: bytes) -> Sequence[Callback]:
    """Sign a form with each key, and bring it in each way."""
    fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True, errors="replace"))
    return [way(with_sig(fields, key=key)) for key in KEYS.values() for way in WAYS.values()]


def refused_by(provider: VonageSmsProvider, callback: Callback) -> DeadReason | None:
    try:
        provider.read_receipts(callback)
    except InvalidMessage as error:
        return error.reason
    return None


def is_believed(callback: Callback, settings: ProviderSettings = SETTINGS) -> bool:
    reason = refused_by(a_provider(settings), callback)
    assert reason in {None, DeadReason.SEAL_BROKEN}
    return reason is None


SAMPLE = Sample(
    settings=SETTINGS,
    accepted=parts("0"),
    message_id=f"{UUID}-0",
    refusals=tuple(Refusal(status=200, body=parts(code), error=error) for code, error in CODES.items()),
    body=JSON,
    unlisted=parts,
    receipts=tuple((urlencode(fields_of(word)).encode(), state) for word, state in STATES.items()),
    genuine=genuine,
    proof=None,  # its proof is in the body: forgeries are below
    whose=Whose.REFERENCE,
    spec="vonage_sms.json",
)


# Settings


@pytest.mark.parametrize("method", ["md5hash1", "", "SHA256"])
def test_a_signature_method_that_cannot_be_meant_stops_the_start(method: str) -> None:
    with pytest.raises(SettingsError) as raised:
        a_provider(signature_method=method)

    text = "providers.one.options.signature_method: not known; write sha256 or sha1 or sha512 or md5 or md5hash"
    assert str(raised.value) == text


def test_there_is_no_option_of_the_messages_api() -> None:
    needs = VonageSmsProvider.needs

    assert {*needs.required, *needs.optional} == {"api_key", "signature_method"}


@pytest.mark.parametrize("base_url", ["", "https://v.test/a"])
def test_there_is_one_address_for_messages_and_the_account(base_url: str) -> None:
    provider, ours = a_provider(replace(SETTINGS, base_url=base_url)), base_url or "https://rest.nexmo.com"

    assert provider.build_request(an_sms()).url == f"{ours}/sms/json"
    assert provider.checks()["credential"].url == f"{ours}/account/get-balance"


# Requests and answers


def sent(**changes: Any) -> dict[str, str]:
    request = a_provider().build_request(msgspec.structs.replace(an_sms(), **changes))
    pairs = parse_qsl(request.body.decode(), strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_the_request_is_one_form_post() -> None:
    request = a_provider().build_request(msgspec.structs.replace(an_sms(), callback_url=SHORT_URL))

    assert (request.method, request.url) == ("POST", "https://rest.nexmo.com/sms/json")
    assert request.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert dict(parse_qsl(request.body.decode(), strict_parsing=True)) == {
        "api_key": "abcd1234",
        "api_secret": CREDENTIAL.decode(),
        "from": "Ithaca",
        "to": "491701234567",
        "text": "482913 is your code.",
        "type": "text",
        "ttl": "300000",
        "callback": SHORT_URL,
        "client-ref": REFERENCE,
    }


@pytest.mark.parametrize("secret", ["a&b=c d+e%", "\u00fcber"])
def test_a_secret_of_any_characters_arrives_whole(secret: str) -> None:
    settings = replace(SETTINGS, credential=Secret(secret.encode()))
    body = a_provider(settings).build_request(an_sms()).body

    assert dict(parse_qsl(body.decode()))["api_secret"] == secret


@pytest.mark.parametrize(
    ("validity_s", "ttl"), [(-1, 20), (0, 20), (19, 20), (20, 20), (600, 600), (604_800, 604_800), (700_000, 604_800)]
)
def test_the_validity_is_of_milliseconds_and_within_their_range(validity_s: int, ttl: int) -> None:
    assert sent(validity_s=validity_s)["ttl"] == f"{ttl}000"


def test_a_number_as_a_sender_has_no_plus() -> None:
    assert sent(sender="+447700900001")["from"] == "447700900001"


@pytest.mark.parametrize("sender", [None, ""])
def test_without_a_sender_nothing_is_sent(sender: str | None) -> None:
    with pytest.raises(RouteRefused, match="no_sender"):
        sent(sender=sender)


@pytest.mark.parametrize(
    ("registrations", "ids"),
    [
        ({"dlt_entity_id": "1101", "dlt_template_id": "1107"}, {"entity-id": "1101", "content-id": "1107"}),
        ({"dlt_entity_id": "1101"}, {"entity-id": "1101"}),
        ({"dlt_template_id": "1107", "campaign_id": "C1"}, {"content-id": "1107"}),
        ({"campaign_id": "C1"}, {}),
    ],
)
def test_the_registration_of_india_goes_along_and_no_pool(
    registrations: Mapping[str, str], ids: Mapping[str, str]
) -> None:
    found = sent(registrations=registrations, pool="abc123")

    assert {name: value for name, value in found.items() if name.endswith("-id")} == ids


def test_a_callback_url_of_more_than_100_characters_is_left_to_the_account_and_the_token_goes_along_whole() -> None:
    fits = "https://a.test/".ljust(100, "a")

    assert sent(callback_url=fits).items() >= {"callback": fits, "client-ref": REFERENCE}.items()
    found = sent(callback_url=f"{fits}a")
    assert "callback" not in found
    assert found["client-ref"] == TOKEN.replace(".one.", "..")  # the account's name is in the account's address


KEYRING = {"tokens-2026-11": Secret(b"t" * 32)}


def a_token(request_id: str, name: str) -> str:
    sent_at = datetime.fromtimestamp(NOW, UTC)
    token = CallbackToken(
        request_id=request_id, number=5, provider=name, country="001", sent_at=sent_at, config="0123abcd"
    )
    return issue(token, KEYRING)


@pytest.mark.parametrize("request_id", ["r" * 16, "R" * 22, UUID])
@pytest.mark.parametrize("name", ["v", "vonage-sms-germany-2", "v" * 63])
def test_whatever_ids_are_usual_the_whole_token_comes_back_through_the_accounts_address(
    request_id: str, name: str
) -> None:
    provider, token = VonageSmsProvider(name, SETTINGS, now=lambda: NOW), a_token(request_id, name)
    sms = msgspec.structs.replace(an_sms(), callback_url=f"https://ours.test/receipts/{name}/{token}", reference=token)
    found = dict(parse_qsl(provider.build_request(sms).body.decode(), strict_parsing=True))
    if len(sms.callback_url) <= 100:
        assert found["callback"] == sms.callback_url
        return
    echoed = fields_of(client_ref=found["client-ref"])
    (receipt,) = provider.read_receipts(by_form(with_sig(echoed)))

    assert len(found["client-ref"]) <= 100
    assert receipt.reference == token
    assert verify(receipt.reference, KEYRING, datetime.fromtimestamp(NOW, UTC)).request_id == request_id


def test_a_message_whose_receipt_could_not_come_back_is_left_to_another_provider() -> None:
    sms = msgspec.structs.replace(an_sms(), callback_url="https://a.test/".ljust(101, "a"))
    for length in (52, 64):
        too_long = msgspec.structs.replace(sms, reference=a_token("r" * length, "one"))
        with pytest.raises(NotSent, match="reference_too_long"):  # counts for nothing: the id is its caller's choice
            a_provider().build_request(too_long)

    short = msgspec.structs.replace(too_long, callback_url=SHORT_URL)
    assert a_provider().build_request(short)


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_is_unicode_only_where_it_must_be(language: str) -> None:
    text = TEXTS[language].format(code="482913", brand="Ithaca")
    gsm7 = language in {"de", "fr", "it", "pt"} or text.isascii()

    assert sent(text=text)["type"] == ("text" if gsm7 else "unicode")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("\u20ac" * 71, "text"),
        ("[{~}]^\\|\f" * 40, "text"),
        ("a" * 1000, "text"),
        ("a" * 999 + "\u2019", "unicode"),
        ("\u2019" + "a" * 999, "unicode"),
        ("a" * 70 + "\u2019", "unicode"),
        ("a" * 71 + "\u2019", "unicode"),
        ("\U0001f600", "unicode"),
        ("\u00e7", "unicode"),  # the small one is not in the alphabet, the capital is
        ("\u00c7", "text"),
    ],
)
def test_one_character_outside_of_gsm_7_makes_a_text_unicode(text: str, kind: str) -> None:
    assert sent(text=text)["type"] == kind


@pytest.mark.parametrize("code", CODES)
def test_a_200_can_refuse(code: str) -> None:
    for status in (code, int(code)):
        with pytest.raises(ProviderError) as raised:
            a_provider().read_response(200, {}, parts(status))
        assert (type(raised.value), raised.value.code) == (CODES[code], code)


@pytest.mark.parametrize("statuses", [("0", "1"), ("1", "0"), ("0", "0", "1"), ("0", "1", "7")])
def test_a_text_of_which_one_part_was_refused_is_refused(statuses: Sequence[str]) -> None:
    with pytest.raises(Throttled) as raised:
        a_provider().read_response(200, {}, parts(*statuses))

    assert raised.value.code == "1"


def test_a_text_of_several_parts_has_the_id_of_its_first() -> None:
    assert a_provider().read_response(200, {}, parts("0", "0")).message_id == f"{UUID}-0"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"messages":[]}',
        b'{"messages":{}}',
        b'{"messages":["0"]}',
        b'{"messages":[{"message-id":"x"}]}',
        b'{"messages":[{"status":"0"}]}',
        b'{"messages":[{"status":"0","message-id":7}]}',
        b'{"messages":[{"status":["0"],"message-id":"x"}]}',
        b'{"messages":[{"status":false,"message-id":"x"}]}',
        b'{"status":"0","message-id":"x"}',
        orjson.dumps({"message_uuid": UUID}),
    ],
)
def test_a_200_without_zeros_and_an_id_promises_nothing(body: bytes) -> None:
    with pytest.raises(AcceptanceUnknown):
        a_provider().read_response(200, {}, body)


def test_beside_a_bad_status_zeros_promise_nothing() -> None:
    with pytest.raises(Refused, match="http_400"):
        a_provider().read_response(400, {}, parts("0"))


@pytest.mark.parametrize("code", ["99", "00"])
def test_a_status_that_nobody_knows_refuses_all_the_same(code: str) -> None:
    body = orjson.dumps({"messages": [{"status": code, "message-id": "x"}]})
    with pytest.raises(Refused, match=code):
        a_provider().read_response(200, {}, body)


@pytest.mark.parametrize("code", ["2", "3"])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Missing from param", RouteRefused),
        ("Invalid value for param: callback", RouteRefused),
        ("Missing to param", Rejected),
        ("Your request is incomplete and missing the mandatory parameter `from`", RouteRefused),
        ("Invalid value for param: text", Malformed),
        ("Invalid value for param: ttl", Refused),
        ("from here to there", Refused),
        (7, Refused),
    ],
)
def test_a_parameter_that_is_wrong_is_named_in_words(code: str, text: object, error: type[ProviderError]) -> None:
    body = orjson.dumps({"messages": [{"status": code, "error-text": text}]})
    with pytest.raises(ProviderError) as raised:
        a_provider().read_response(200, {}, body)

    assert (type(raised.value), raised.value.code) == (error, code)


# Checks


def test_an_api_secret_is_checked_by_the_balance_and_is_not_in_the_url() -> None:
    (check,) = a_provider().checks().values()

    assert (check.method, check.url, check.body) == ("GET", "https://rest.nexmo.com/account/get-balance", b"")
    assert b64decode(check.headers["Authorization"].removeprefix("Basic ")) == b"abcd1234:" + CREDENTIAL
    detail = a_provider().read_check("credential", 200, {}, b'{"value":10.28,"autoReload":false}')
    assert detail == "balance 10.28 EUR"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"error-code":"401","error-code-label":"authentication failed"}', Misconfigured),
        (422, b'{"type":"https://developer.vonage.com/api-errors#1010"}', Refused),
        (204, b"", Refused),
        (429, b"", Throttled),
        (500, b"", Unavailable),
    ],
)
def test_a_check_says_what_is_wrong(status: int, body: bytes, error: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as raised:
        a_provider().read_check("credential", status, {}, body)

    assert (type(raised.value), raised.value.code) == (error, f"http_{status}")


# Callbacks


def test_a_receipt_has_all_its_parts_whichever_way_it_comes() -> None:
    for key in KEYS.values():
        fields = with_sig(fields_of("failed", err_code="9"), key=key)
        for way in WAYS.values():
            assert a_provider().read_receipts(way(fields)) == (
                ProviderReceipt(
                    state=ReceiptState.REJECTED,  # 9: opted out
                    raw="failed",
                    code="9",
                    message_id="0A0000001234567B",
                    reference=REFERENCE,
                    nonce="ec11dd3e-1e7f-4db5-9467-82b02cd223b9",
                ),
            )


def test_the_known_signature_is_right() -> None:
    fields = {
        "msisdn": "447700900000",
        "to": "Acme & Co",
        "messageId": "0A0000001234567B",
        "status": "delivered",
        "err-code": "0",
        "timestamp": "1582650446",
        "nonce": "n1",
        "sig": "088b6d641c1483b3347677ee58f60da1bc39c013d1ce5f7e03c705d1fc7586a6",
    }
    provider = a_provider(replace(SETTINGS, webhook_keys={"k1": Secret(b"s3cr3t")}))
    for way in WAYS.values():
        for sig in (fields["sig"], fields["sig"].upper()):
            (receipt,) = provider.read_receipts(replace(way({**fields, "sig": sig}), received_at=1_582_650_446.0))
            assert (receipt.raw, receipt.code, receipt.nonce, receipt.reference) == ("delivered", None, "n1", "")


@pytest.mark.parametrize("word", ["failed", "rejected", "expired"])
@pytest.mark.parametrize("code", [str(code) for code in range(1, 16)] + ["99"])
def test_a_failure_is_rejected_only_where_its_code_blames_the_recipient(word: str, code: str) -> None:
    (receipt,) = a_provider().read_receipts(by_json(with_sig(fields_of(word, err_code=code))))

    of_recipient = code in {"3", "4", "9"}  # gone for good, barred by the user, illegal or opted out
    assert (receipt.state, receipt.code) == (ReceiptState.REJECTED if of_recipient else STATES[word], code)


@pytest.mark.parametrize("code", ["0", "", "(none)"])
def test_error_code_zero_is_none(code: str) -> None:
    (receipt,) = a_provider().read_receipts(by_form(with_sig(fields_of(err_code=code))))

    assert receipt.code is None


# Made by Vonage's own SDK for Python, 3.18.0 (`Client.signature`, for md5hash with `signature_method=None`).
MADE_BY_THE_SDK = {
    "s3cr3t": {
        "md5hash": "aad3d9c181f8bfa15b1f5646cf6a8867",
        "md5": "e2d0bf20c3194582d43a5d38ec81382d",
        "sha1": "31f9c1f78ef0da1e69f7f21b0095c9897ed04670",
        "sha256": "2afbf3b6c9137b86cc3aa4fc0ee7368de555e3097048551c4d9bf78f54547f4e",
    },
    "a key of the account \u00fc": {
        "md5hash": "17b0e6fbb60add40cb5135fe944d602b",
        "md5": "aba32de79241a9589da63d85a0678e4f",
        "sha1": "8e30e6a3e83b5ce3ab52fae7ee5468ad2868da3b",
        "sha256": "91b42e074fbb7c103e0998753bf92af430a95c7b9a8986768e259136e1acf4a2",
    },
}


@pytest.mark.parametrize("secret", MADE_BY_THE_SDK)
@pytest.mark.parametrize("method", ["md5hash", "md5", "sha1", "sha256"])
def test_the_signatures_of_the_official_sdk_are_believed_and_those_of_other_methods_are_not(
    secret: str, method: str
) -> None:
    fields = {
        "msisdn": "447700900000",
        "to": "Acme & Co=x",
        "messageId": "0A0000001234567B",
        "status": "delivered",
        "err-code": "0",
        "client-ref": "",
        "timestamp": "1582650446",
        "nonce": "n1",
    }
    options = {"api_key": API_KEY, "signature_method": method}
    settings = replace(SETTINGS, options=options, webhook_keys={"k1": Secret(secret.encode())})
    for of, sig in MADE_BY_THE_SDK[secret].items():
        for way in WAYS.values():
            callback = replace(way({**fields, "sig": sig}), received_at=1_582_650_446.0)
            assert is_believed(callback, settings) is (of == method)


def test_capabilities_say_which_method_is_weaker() -> None:
    assert "md5hash" in VonageSmsProvider.capabilities.proof
    assert "md5hash" in VonageSmsProvider.needs.optional["signature_method"]


@pytest.mark.parametrize("method", ["sha256", "sha1", "sha512", "md5"])
def test_the_hash_is_the_one_of_the_settings_and_no_other(method: str) -> None:
    provider = a_provider(signature_method=method)
    for other in ("sha256", "sha1", "sha512", "md5"):
        callback = by_form(with_sig(fields_of(), method=other))

        assert (refused_by(provider, callback) is None) is (other == method)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [*fields_of(), "sig"])
def test_a_field_that_was_changed_or_taken_away_is_forged(name: str, way: str) -> None:
    fields = with_sig(fields_of())
    without = {one: value for one, value in fields.items() if one != name}
    value = fields[name]

    for changed in (without, {**fields, name: value + "0"}, {**fields, name: value[::-1] + "x"}, {**fields, name: ""}):
        assert not is_believed(WAYS[way](changed))


def test_a_field_that_was_added_is_forged() -> None:
    for way in WAYS.values():
        assert not is_believed(way({**with_sig(fields_of()), "extra": "1"}))
        assert is_believed(way(with_sig({**fields_of(), "extra": "1 \u20ac & = +"})))


@pytest.mark.parametrize("way", [by_form, by_get])
@pytest.mark.parametrize("name", ["status", "sig", "nonce"])
def test_a_name_that_comes_twice_is_forged_though_one_of_them_is_signed(
    name: str, way: Callable[[Mapping[str, str]], Callback]
) -> None:
    callback = way(with_sig(fields_of()))
    if callback.body:
        moved = [
            replace(callback, body=f"{name}=x&".encode() + callback.body),
            replace(callback, body=callback.body + f"&{name}=x".encode()),
        ]
    else:
        moved = [
            replace(callback, url=callback.url.replace("?", f"?{name}=x&")),
            replace(callback, url=f"{callback.url}&{name}=x"),
        ]

    assert is_believed(callback)
    assert not any(is_believed(one) for one in moved)


def test_two_fields_that_were_made_one_are_forged_though_the_text_to_sign_is_the_same() -> None:
    fields = fields_of()
    merged = {name: value for name, value in fields.items() if name not in {"nonce", "price"}}
    merged[f"nonce={fields['nonce']}&price"] = fields["price"]

    assert sig_of(merged) == sig_of(fields)
    for way in WAYS.values():
        assert is_believed(way(with_sig(fields)))
        assert not is_believed(way(with_sig(merged)))


def test_fields_in_the_url_of_a_post_are_not_read() -> None:
    callback = by_form(with_sig(fields_of()))
    moved = replace(callback, url=f"{callback.url}?status=failed")

    (receipt,) = a_provider().read_receipts(moved)
    assert receipt.state is ReceiptState.DELIVERED


@pytest.mark.parametrize(
    "time", ["", "(none)", "now", "1730000000.0", "-1730000000", "\u0661" * 10, "9" * 12, "9" * 5000]
)
def test_a_time_that_is_no_second_near_now_is_refused_though_it_is_signed(time: str) -> None:
    assert not is_believed(by_form(with_sig(fields_of(timestamp=time))))


@pytest.mark.parametrize(
    ("age_s", "believed"),
    [(-301, False), (-300, True), (0, True), (301, True), (86700, True), (86701, False)],
)
def test_a_callback_is_believed_for_as_long_as_it_may_be_repeated(age_s: int, believed: bool) -> None:  # noqa: FBT001
    fields = with_sig(fields_of(timestamp=f"{NOW - age_s:.0f}"))
    assert is_believed(by_form(fields)) is believed


def test_the_window_is_around_the_arrival_and_not_around_the_reading() -> None:
    provider, callback = VonageSmsProvider("one", SETTINGS, now=lambda: NOW + 90_000), by_form(with_sig(fields_of()))

    assert refused_by(provider, callback) is None
    assert refused_by(provider, replace(callback, received_at=NOW + 90_000)) is DeadReason.SEAL_BROKEN


def test_a_callback_of_another_account_is_forged() -> None:
    assert not is_believed(by_form(with_sig(fields_of(api_key="abcd1235"))))
    assert is_believed(by_form(with_sig(fields_of(api_key="(none)"))))


@pytest.mark.parametrize("sig", ["", "0" * 64, "\u00fc" * 64, "None"])
def test_what_is_no_signature_is_forged(sig: str) -> None:
    for way in WAYS.values():
        assert not is_believed(way({**fields_of(), "sig": sig}))


def test_without_any_key_every_callback_is_forged() -> None:
    assert not is_believed(by_form(with_sig(fields_of())), replace(SETTINGS, webhook_keys={}))


def test_the_api_secret_signs_nothing() -> None:
    assert not is_believed(by_form(with_sig(fields_of(), key=CREDENTIAL)))


def test_a_json_callback_with_numbers_is_signed_by_their_text() -> None:
    fields = {**orjson.loads(orjson.dumps(fields_of())), "timestamp": int(NOW), "err-code": 9}
    fields["sig"] = sig_of({name: str(value) for name, value in fields.items()})
    (receipt,) = a_provider().read_receipts(by_json(fields))

    assert receipt.code == "9"


def test_a_callback_of_the_messages_api_proves_nothing() -> None:
    body = orjson.dumps({"message_uuid": UUID, "status": "delivered", "client_ref": REFERENCE})
    claims = {"iat": int(NOW), "jti": "1", "payload_hash": sha256(body).hexdigest(), "api_key": API_KEY}
    for key in KEYS.values():
        token = jwt.encode(claims, key, algorithm="HS256")
        assert not is_believed(a_callback(body, {"Authorization": f"Bearer {token}"}))


@given(body=st.binary(), url=st.text())
def test_any_callback_is_invalid_unless_it_is_signed(body: bytes, url: str) -> None:
    with pytest.raises(InvalidMessage):
        a_provider().read_receipts(a_callback(body, {}, url=url))
