"""The adapter of Sinch SMS."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from pipeline.errors import (
    AcceptanceUnknown,
    DeadReason,
    InvalidMessage,
    Malformed,
    Misconfigured,
    ProviderError,
    Refused,
    Rejected,
    RouteRefused,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings, Secret
from providers.seam import Callback, ProviderReceipt
from providers.sinch import SinchProvider
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

SDK = "sinch.domains.sms.sinch_events.v1"
KEYS = (b"the-secret-of-today", b"the-secret-of-yesterday")
PLAIN = ProviderSettings(
    adapter="sinch",
    credential=Secret(CREDENTIAL),
    options={"account": "plan/1"},
    senders={"DE": "Ithaca", "GB": "+447700900001", "*": "Ithaca"},
)
SETTINGS = replace(PLAIN, webhook_keys={f"k{at}": Secret(key) for at, key in enumerate(KEYS)})
BATCHES = "https://us.sms.api.sinch.com/xms/v1/plan%2F1/batches"
BATCH_ID = "01FC66621VHDBN119Z8PMV1QPQ"
REFERENCE = TOKEN.rpartition(".")[2]
NONCE = "01FJA8B4A7BM43YGWSG9GBV067"
SIGNATURE = "x-sinch-webhook-signature"
NONCE_HEADER = f"{SIGNATURE}-nonce"
TIME_HEADER = f"{SIGNATURE}-timestamp"
TO = "The format of parameter 'to[0]' is invalid; value '+1' is not a valid MSISDN or group ID."
CODES: dict[str, tuple[int, type[ProviderError]]] = {
    "syntax_invalid_json": (400, Refused),
    "syntax_invalid_parameter_format": (400, Refused),
    "syntax_constraint_violation": (400, Refused),
    "unknown_group": (403, Refused),
    "unknown_campaign": (403, RouteRefused),
    "missing_callback_url": (403, Misconfigured),
    "blocked_account": (403, Misconfigured),
    "illegal_number_type": (403, Undeliverable),
}
STATES = {
    "Queued": ReceiptState.ENROUTE,
    "Dispatched": ReceiptState.ENROUTE,
    "Delivered": ReceiptState.DELIVERED,
    "Expired": ReceiptState.EXPIRED,
    "Failed": ReceiptState.UNDELIVERABLE,
    "Deleted": ReceiptState.UNDELIVERABLE,
    "Aborted": ReceiptState.UNDELIVERABLE,
    "Cancelled": ReceiptState.UNDELIVERABLE,
    "Rejected": ReceiptState.UNDELIVERABLE,
    "Unknown": ReceiptState.UNKNOWN,
    "DELIVERED": ReceiptState.DELIVERED,
    "DISPATCHED": ReceiptState.ENROUTE,
    "Canceled": ReceiptState.UNKNOWN,
    "a word of next year": ReceiptState.UNKNOWN,
}
RECEIPT_CODES = (400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 412, 413, 1, 34, 399)


def a_provider(**changes: Any) -> SinchProvider:
    return SinchProvider("one", replace(SETTINGS, **changes), now=lambda: NOW)


def unsigned() -> SinchProvider:
    return a_provider(webhook_keys={})


def error(code: object, text: object = "...") -> bytes:
    return orjson.dumps({"code": code, "text": text})


def report(status: object = "Delivered", code: object = 0, **changes: object) -> bytes:
    fields = {
        "type": "recipient_delivery_report_sms",
        "batch_id": BATCH_ID,
        "recipient": NUMBER[1:],
        "code": code,
        "status": status,
        "at": "2024-10-27T03:33:20.123Z",
        "operator_status_at": "2024-10-27T03:33:20Z",
        "client_reference": REFERENCE,
    }
    return orjson.dumps({**fields, **changes})


def mac(signed_bytes: bytes, key: bytes = KEYS[0]) -> str:
    return b64encode(hmac.digest(key, signed_bytes, "sha256")).decode()


def signed(body: bytes, *, key: bytes = KEYS[0], nonce: str = NONCE, time: str = f"{NOW:.0f}") -> Callback:
    headers = {
        SIGNATURE: mac(body + f".{nonce}.{time}".encode(), key),
        NONCE_HEADER: nonce,
        TIME_HEADER: time,
        f"{SIGNATURE}-algorithm": "HmacSHA256",
    }
    return a_callback(body, headers)


def with_headers(callback: Callback, **changes: str) -> Callback:
    names = {"signature": SIGNATURE, "nonce": NONCE_HEADER, "time": TIME_HEADER, "algorithm": f"{SIGNATURE}-algorithm"}
    changed = {names[name]: value for name, value in changes.items()}
    return replace(callback, headers=CIMultiDict({**callback.headers, **changed}))


def _genuine(body: bytes) -> Sequence[Callback]:
    return [signed(body, key=key) for key in KEYS]


SAMPLE = Sample(
    settings=SETTINGS,
    accepted=orjson.dumps({"id": BATCH_ID, "to": [NUMBER[1:]], "type": "mt_text", "canceled": False}),
    message_id=BATCH_ID,
    refusals=(
        Refusal(status=400, body=error("syntax_invalid_parameter_format", TO), error=Rejected),
        Refusal(status=403, body=error("illegal_number_type"), error=Undeliverable),
        Refusal(status=403, body=error("unknown_campaign"), error=RouteRefused),
        Refusal(status=403, body=error("missing_callback_url"), error=Misconfigured),
        Refusal(status=401, body=b"", error=Misconfigured),
        Refusal(status=429, body=b"", error=Throttled),
        Refusal(status=503, body=b"", error=Unavailable),
        Refusal(status=400, body=error("syntax_constraint_violation"), error=Refused),
        Refusal(status=400, body=error("syntax_constraint_violation", "'body' is too long"), error=Malformed),
    ),
    body=JSON,
    unlisted=error,
    receipts=tuple((report(word), state) for word, state in STATES.items()),
    genuine=_genuine,
    proof=SIGNATURE,
    whose=Whose.REFERENCE,
    spec="sinch_sms_xms.json",
    check_specs=("sinch_sms_xms.json",),
)


def refused(body: bytes, status: int = 400) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        a_provider().read_response(status, {}, body)
    return raised.value


def read(callback: Callback) -> ProviderReceipt:
    (receipt,) = a_provider().read_receipts(callback)
    return receipt


def is_believed(callback: Callback) -> bool:
    try:
        a_provider().read_receipts(callback)
    except InvalidMessage as invalid:
        return invalid.reason is not DeadReason.SEAL_BROKEN
    return True


def test_the_request_is_one_batch_of_one_recipient_with_the_bearer_token() -> None:
    request = a_provider().build_request(an_sms())

    assert (request.method, request.url) == ("POST", BATCHES)
    assert request.headers == {
        "Authorization": f"Bearer {CREDENTIAL.decode()}",
        "Content-Type": "application/json",
    }
    assert orjson.loads(request.body) == {
        "to": ["+491701234567"],
        "from": "Ithaca",
        "body": "482913 is your code.",
        "type": "mt_text",
        "delivery_report": "per_recipient",
        "callback_url": CALLBACK_URL,
        "client_reference": REFERENCE,
        "expire_at": "2024-10-27T03:38:20Z",
    }


def test_without_a_sender_the_field_is_left_out() -> None:
    request = a_provider().build_request(msgspec.structs.replace(an_sms(), sender=None))

    assert "from" not in orjson.loads(request.body)


@pytest.mark.parametrize(
    ("validity_s", "after_s"), [(-5, 1), (0, 1), (1, 1), (600, 600), (259_200, 259_200), (259_201, 259_200)]
)
def test_the_message_expires_with_its_code_and_after_3_days_at_most(validity_s: int, after_s: int) -> None:
    request = a_provider().build_request(msgspec.structs.replace(an_sms(), validity_s=validity_s))

    expire_at = datetime.fromisoformat(orjson.loads(request.body)["expire_at"])
    assert expire_at == datetime.fromtimestamp(NOW + after_s, UTC)


def test_a_fraction_of_a_second_is_kept() -> None:
    provider = SinchProvider("one", SETTINGS, now=lambda: NOW + 0.25)

    body = orjson.loads(provider.build_request(an_sms()).body)
    assert body["expire_at"] == "2024-10-27T03:38:20.250000Z"


def test_the_reference_fits_however_long_the_token_is() -> None:
    token = f"{'k' * 40}.{'r' * 22}.1.{'p' * 40}.DE.6720a000.0123456789ab.{'m' * 22}"
    request = a_provider().build_request(msgspec.structs.replace(an_sms(), reference=token))

    assert len(token) > 128
    assert orjson.loads(request.body)["client_reference"] == "m" * 22


@pytest.mark.parametrize(
    ("options", "host"),
    [
        ({}, "us"),
        ({"region": ""}, "us"),
        ({"region": "us"}, "us"),
        ({"region": "eu"}, "eu"),
        ({"region": "au"}, "au"),
        ({"region": "br"}, "br"),
        ({"region": "ca"}, "ca"),
    ],
)
def test_the_region_is_in_the_address(options: dict[str, str], host: str) -> None:
    request = a_provider(options={"account": "p1", **options}).build_request(an_sms())

    assert request.url == f"https://{host}.sms.api.sinch.com/xms/v1/p1/batches"


def test_another_base_url_is_called_instead_of_the_providers_own() -> None:
    request = a_provider(base_url="https://a.test", options={"account": "p1", "region": "eu"}).build_request(an_sms())

    assert request.url == "https://a.test/xms/v1/p1/batches"


@pytest.mark.parametrize("code", CODES)
def test_every_documented_code_has_its_class(code: str) -> None:
    status, kind = CODES[code]
    found = refused(error(code), status)

    assert (type(found), found.code) == (kind, code)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("text", ["...", TO])
def test_a_code_beside_a_server_error_says_nothing(code: str, text: str) -> None:
    assert refused(error(code, text), 502).code == "http_502"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (TO, Rejected),
        ("to[0]: not a number", Rejected),
        ("The format of parameter 'from' is invalid.", RouteRefused),
        ("The format of parameter 'callback_url' is invalid.", RouteRefused),
        ("The format of parameter 'body' is invalid.", Malformed),
        ("The format of parameter 'auto[0]' is invalid.", Refused),
        ("'tru' is not a valid boolean", Refused),
        ("", Refused),
        (None, Refused),
        (["to[0]"], Refused),
    ],
)
@pytest.mark.parametrize("code", ["syntax_invalid_parameter_format", "syntax_constraint_violation"])
def test_a_wrong_field_is_the_recipients_only_where_the_text_names_it(
    code: str, text: object, kind: type[ProviderError]
) -> None:
    found = refused(error(code, text))

    assert (type(found), found.code) == (kind, code)


@pytest.mark.parametrize("code", [code for code, (_, kind) in CODES.items() if kind is not Refused])
def test_no_other_code_is_the_recipients_because_its_text_names_it(code: str) -> None:
    assert type(refused(error(code, TO), CODES[code][0])) is CODES[code][1]


@pytest.mark.parametrize("code", ["conflict_send_at", "conflict_group_name", "a_word_of_next_year", 7, None, [], {}])
def test_a_code_that_is_not_listed_means_what_its_status_means(code: object) -> None:
    found = refused(error(code, TO), 403)

    assert (type(found), found.code) == (Misconfigured, code if isinstance(code, str) else "http_403")


def test_a_refusal_in_the_body_of_a_2xx_is_that_refusal() -> None:
    assert type(refused(error("blocked_account"), 201)) is Misconfigured
    assert type(refused(error("unheard_of"), 201)) is Refused


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"id":null}', b'{"id":7}', b'{"id":""}', error("")])
def test_a_2xx_without_an_id_promises_nothing(body: bytes) -> None:
    found = refused(body, 201)

    assert (type(found), found.code) == (AcceptanceUnknown, "no_id")


def test_the_checks_list_batches_and_try_each_sender_once_without_sending() -> None:
    checks = a_provider().checks()

    assert {what: (request.method, request.url) for what, request in checks.items()} == {
        "credential": ("GET", f"{BATCHES}?page_size=1"),
        "sender +447700900001": ("POST", f"{BATCHES}/dry_run"),
        "sender Ithaca": ("POST", f"{BATCHES}/dry_run"),
    }
    assert orjson.loads(checks["sender Ithaca"].body) == {"to": ["+447700900000"], "from": "Ithaca", "body": "Test"}
    assert all(request.headers["Authorization"] == f"Bearer {CREDENTIAL.decode()}" for request in checks.values())


def test_without_senders_there_is_nothing_to_try() -> None:
    assert set(a_provider(senders={}).checks()) == {"credential"}


@pytest.mark.parametrize(
    ("what", "body", "told"),
    [
        ("credential", b'{"count":7,"page":0,"batches":[],"page_size":0}', "batches of the last 24 h: 7"),
        ("credential", b"", "batches of the last 24 h: None"),
        ("sender Ithaca", b'{"number_of_recipients":1}', "well formed; whether it may send, only a message tells"),
    ],
)
def test_a_check_tells_what_it_found_and_no_more(what: str, body: bytes, told: str) -> None:
    assert a_provider().read_check(what, 200, {}, body) == told


@pytest.mark.parametrize(
    ("what", "status", "body", "kind", "code"),
    [
        ("credential", 401, b"", Misconfigured, "http_401"),
        ("credential", 404, b"", Misconfigured, "http_404"),
        ("credential", 403, error("blocked_account"), Misconfigured, "blocked_account"),
        ("credential", 400, b"", Refused, "http_400"),
        ("credential", 204, b"", Refused, "http_204"),
        ("sender Ithaca", 401, b"", Misconfigured, "http_401"),
        ("sender Ithaca", 403, error("unknown_campaign"), RouteRefused, "unknown_campaign"),
        ("sender Ithaca", 400, error("syntax_constraint_violation"), RouteRefused, "syntax_constraint_violation"),
        ("sender Ithaca", 400, b"", RouteRefused, "http_400"),
        ("sender Ithaca", 503, b"", Unavailable, "http_503"),
    ],
)
def test_a_check_says_what_is_wrong(what: str, status: int, body: bytes, kind: type[ProviderError], code: str) -> None:
    with pytest.raises(ProviderError) as raised:
        a_provider().read_check(what, status, {}, body)

    assert (type(raised.value), raised.value.code) == (kind, code)


def test_a_receipt_has_the_code_the_id_the_reference_and_the_nonce() -> None:
    assert read(signed(report("Failed", 402))) == ProviderReceipt(
        state=ReceiptState.UNDELIVERABLE,
        raw="Failed",
        code="402",
        message_id=BATCH_ID,
        reference=REFERENCE,
        nonce=NONCE,
    )


@pytest.mark.parametrize("code", RECEIPT_CODES)
def test_every_code_of_a_receipt_is_kept_written_as_a_number_or_as_text(code: int) -> None:
    assert read(signed(report("Failed", code))).code == str(code)
    assert read(signed(report("Failed", str(code)))).code == str(code)


@pytest.mark.parametrize("code", [0, "0", None, [], {}, True])
def test_zero_or_nothing_is_no_error_code(code: object) -> None:
    assert read(signed(report("Delivered", code))).code is None


@pytest.mark.parametrize("code", RECEIPT_CODES)
@pytest.mark.parametrize("word", ["Aborted", "Cancelled", "Rejected", "Failed", "Deleted"])
def test_no_code_of_sinchs_own_blames_the_recipient(word: str, code: int) -> None:
    expected = ReceiptState.EXPIRED if code == 406 else ReceiptState.UNDELIVERABLE

    assert read(signed(report(word, code))).state is expected


@pytest.mark.parametrize(
    ("word", "code", "state"),
    [
        ("Aborted", 406, ReceiptState.EXPIRED),
        ("ABORTED", "406", ReceiptState.EXPIRED),
        ("Delivered", 406, ReceiptState.DELIVERED),
        ("Unknown", 406, ReceiptState.UNKNOWN),
    ],
)
def test_what_was_aborted_because_its_time_was_over_has_expired(word: str, code: object, state: ReceiptState) -> None:
    assert read(signed(report(word, code))).state is state


@pytest.mark.parametrize("reference", [None, "", 7, [], {}])
def test_a_receipt_without_a_reference_fits_no_attempt(reference: object) -> None:
    assert not read(signed(report(client_reference=reference))).reference
    assert read(signed(report(client_reference=reference))).reference is not None


@pytest.mark.parametrize("kind", ["delivery_report_sms", "mo_text", "mo_binary", "recipient_delivery_report_mms"])
def test_a_genuine_callback_of_another_kind_is_no_receipt(kind: str) -> None:
    assert a_provider().read_receipts(signed(report(type=kind))) == ()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"null", b"\xff\xfe", report(type=7), report(type=""), report(7), report(""), report({})],
)
def test_a_signed_callback_without_type_or_status_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidMessage, match="invalid_field"):
        a_provider().read_receipts(signed(body))


def test_the_signature_is_over_body_nonce_and_time_joined_by_dots() -> None:
    headers = {SIGNATURE: "W+pI44fUMxuI2pK7AbfLehRBaJDAR9Hw2NrcYeo3vDo=", NONCE_HEADER: "n", TIME_HEADER: "1"}
    callback = replace(a_callback(b'{"a":1}', headers), received_at=1.0)

    with pytest.raises(InvalidMessage, match="invalid_field"):  # it is signed, and is no report
        a_provider(webhook_keys={"k1": Secret(b"sec")}).read_receipts(callback)
    with pytest.raises(InvalidMessage, match="seal_broken"):
        a_provider(webhook_keys={"k1": Secret(b"sed")}).read_receipts(callback)


def test_without_keys_an_unsigned_callback_is_read_and_has_no_nonce() -> None:
    forged_nonce = a_callback(report(), {NONCE_HEADER: NONCE, TIME_HEADER: "1", SIGNATURE: "x"})
    for callback in (a_callback(report(), {}), forged_nonce):
        (receipt,) = unsigned().read_receipts(callback)

        assert (receipt.state, receipt.reference, receipt.nonce) == (ReceiptState.DELIVERED, REFERENCE, None)


def test_with_keys_an_unsigned_callback_is_refused() -> None:
    assert not is_believed(a_callback(report(), {}))


@pytest.mark.parametrize("missing", [SIGNATURE, NONCE_HEADER, TIME_HEADER])
def test_a_callback_without_one_of_its_headers_is_forged(missing: str) -> None:
    callback = signed(report())
    headers = CIMultiDict({name: value for name, value in callback.headers.items() if name != missing})

    with pytest.raises(InvalidMessage, match=f"seal_broken.*`{missing}`"):
        a_provider().read_receipts(replace(callback, headers=headers))


@pytest.mark.parametrize("algorithm", ["", "none", "HmacSHA1", "HmacSHA512"])
def test_the_header_that_names_the_algorithm_is_not_signed_and_changes_nothing(algorithm: str) -> None:
    genuine, forgery = signed(report()), signed(report(), key=b"another")

    assert is_believed(with_headers(genuine, algorithm=algorithm))
    assert not is_believed(with_headers(forgery, algorithm=algorithm))
    assert not is_believed(with_headers(forgery, algorithm=algorithm, signature=""))


@pytest.mark.parametrize(
    ("age_s", "believed"),
    [(-301, False), (-300, True), (0, True), (301, True), (82220, True), (82221, False)],
)
def test_a_callback_is_believed_for_as_long_as_it_may_be_repeated(age_s: int, believed: bool) -> None:  # noqa: FBT001
    assert is_believed(signed(report(), time=f"{NOW - age_s:.0f}")) is believed


def test_the_window_is_around_the_arrival_and_not_around_the_reading() -> None:
    late = SinchProvider("one", SETTINGS, now=lambda: NOW + 3600)

    assert late.read_receipts(signed(report()))


@pytest.mark.parametrize(
    "time", ["", "now", f"{NOW}", f" {NOW:.0f}", "-1730000000", "\u0661" * 10, "9" * 12, "9" * 5000]
)
def test_a_time_that_is_no_second_near_now_is_refused_though_it_is_signed(time: str) -> None:
    assert not is_believed(signed(report(), time=time))


@pytest.mark.parametrize("changes", [{"time": f"{NOW + 1:.0f}"}, {"nonce": NONCE[::-1]}])
def test_another_time_or_nonce_with_the_same_signature_is_forged(changes: dict[str, str]) -> None:
    assert not is_believed(with_headers(signed(report()), **changes))


@pytest.mark.parametrize("nonce", ["", "a.b", ".", "a b", "\u00fc", "n" * 129])
def test_a_nonce_with_a_dot_or_of_another_form_is_refused_though_it_is_signed(nonce: str) -> None:
    assert not is_believed(signed(report(), nonce=nonce))


@pytest.mark.parametrize("nonce", ["n", "n" * 128, "0b5ba8a2-9c2b-4c0e-8d8e-3c9c1f0a6f0e", "Zm9v+/8=", "a:b_c~"])
def test_a_nonce_of_any_common_form_is_given_back_whole(nonce: str) -> None:
    assert read(signed(report(), nonce=nonce)).nonce == nonce


def test_the_border_between_body_and_nonce_cannot_be_moved() -> None:
    callback = signed(b'{"type":"mo_text"}' + b"." + report())
    body, _, rest = callback.body.partition(b".")
    moved = with_headers(replace(callback, body=body), nonce=f"{rest.decode()}.{NONCE}")

    assert not is_believed(moved)


def test_either_key_proves_a_callback_and_a_third_does_not() -> None:
    assert is_believed(signed(report(), key=KEYS[0]))
    assert is_believed(signed(report(), key=KEYS[1]))
    assert not is_believed(signed(report(), key=b"the-secret-of-another"))


@pytest.mark.parametrize("key", [b"", CREDENTIAL])
def test_neither_the_api_token_nor_an_empty_key_proves_a_callback(key: bytes) -> None:
    assert not is_believed(signed(report(), key=key))


def test_the_signature_in_another_spelling_is_forged() -> None:
    right = signed(report()).headers[SIGNATURE]
    spellings = (
        f" {right}",
        f"{right}\n",
        right.rstrip("="),
        b64decode(right).hex(),
        f"sha256={right}",
        right.replace("+", "-").replace("/", "_") + "=",
    )

    assert not any(is_believed(with_headers(signed(report()), signature=spelling)) for spelling in spellings)


def test_of_repeated_headers_the_first_counts() -> None:
    callback = signed(report())
    before, after = CIMultiDict(callback.headers), CIMultiDict({SIGNATURE: mac(b"another")})
    after.extend(before)
    before.add(SIGNATURE, mac(b"another"))

    assert is_believed(replace(callback, headers=before))
    assert not is_believed(replace(callback, headers=after))


@pytest.mark.parametrize("region", ["us", "eu"])
def test_no_proof_and_no_request_shows_in_a_repr(region: str) -> None:
    provider = a_provider(options={"account": "p1", "region": region})
    shown = f"{provider!r} {provider.build_request(an_sms())!r} {read(signed(report()))!r} {signed(report())!r}"

    assert not any(secret in shown for secret in (CREDENTIAL.decode(), KEYS[0].decode(), NUMBER[1:], REFERENCE))


# The provider's own SDK as the second opinion.


@pytest.fixture(scope="module", autouse=True)
def _sdk() -> None:
    """Import it for the tests of this file only: that takes seconds, and others import this file for its sample."""
    import_module(SDK)


def sdk(key: bytes = KEYS[0]) -> Any:
    return import_module(SDK).SmsSinchEvent(key.decode())


def sdk_believes(callback: Callback, key: bytes = KEYS[0]) -> bool:
    return bool(sdk(key).validate_authentication_header(dict(callback.headers), callback.body))


@pytest.mark.parametrize("word", STATES)
@pytest.mark.parametrize("key", KEYS)
def test_the_sdk_believes_what_we_believe(word: str, key: bytes) -> None:
    callback = signed(report(word), key=key)

    assert (is_believed(callback), sdk_believes(callback, key)) == (True, True)


@pytest.mark.parametrize("code", [0, 400, 401, 402])
def test_the_sdk_reads_the_same_report(code: int) -> None:
    callback = signed(report("Failed", code))
    theirs, ours = sdk().parse_event(callback.body), read(callback)

    assert (theirs.batch_id, theirs.client_reference, theirs.status) == (ours.message_id, ours.reference, ours.raw)
    assert str(theirs.code) == (ours.code or "0")


def test_the_sdk_refuses_each_changed_byte_that_we_refuse() -> None:
    callback = signed(report())
    for place in range(len(callback.body)):
        body = callback.body[:place] + bytes([callback.body[place] ^ 1]) + callback.body[place + 1 :]

        changed = replace(callback, body=body)
        assert (is_believed(changed), sdk_believes(changed)) == (False, False)


@pytest.mark.parametrize("place", range(32))
def test_the_sdk_refuses_each_changed_byte_of_the_signature(place: int) -> None:
    callback = signed(report())
    signature = bytearray(b64decode(callback.headers[SIGNATURE]))
    signature[place] ^= 0x10
    changed = with_headers(callback, signature=b64encode(signature).decode())

    assert (is_believed(changed), sdk_believes(changed)) == (False, False)


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)


@given(time=printable, nonce=printable, signature=printable)
def test_the_sdk_refuses_any_headers_that_we_refuse(time: str, nonce: str, signature: str) -> None:
    changed = with_headers(signed(report()), time=time, nonce=nonce, signature=signature)

    assert (is_believed(changed), sdk_believes(changed)) == (False, False)


@pytest.mark.parametrize("age_s", [-301, 90_000, 100_000_000])
def test_the_sdk_has_no_window(age_s: int) -> None:
    callback = signed(report(), time=f"{NOW - age_s:.0f}")

    assert (is_believed(callback), sdk_believes(callback)) == (False, True)


@pytest.mark.parametrize(("nonce", "time"), [("", f"{NOW:.0f}"), ("a.b", f"{NOW:.0f}"), ("n", ""), ("n", "now")])
def test_the_sdk_is_laxer_about_the_form_of_nonce_and_time(nonce: str, time: str) -> None:
    callback = signed(report(), nonce=nonce, time=time)

    assert (is_believed(callback), sdk_believes(callback)) == (False, True)


def test_the_sdk_lets_the_border_between_body_and_nonce_be_moved() -> None:
    callback = signed(b'{"type":"mo_text"}' + b"." + report())
    body, _, rest = callback.body.partition(b".")
    moved = with_headers(replace(callback, body=body), nonce=f"{rest.decode()}.{NONCE}")

    assert (is_believed(moved), sdk_believes(moved)) == (False, True)


def test_the_sdk_lets_a_header_choose_the_charset_where_we_take_the_bytes() -> None:
    body = report(status_message="\u00e9").decode()
    callback = signed(body.encode())
    headers = CIMultiDict({**callback.headers, "Content-Type": "application/json; charset=latin-1"})
    recoded = replace(callback, body=body.encode("latin-1"), headers=headers)

    assert (is_believed(callback), sdk_believes(callback)) == (True, True)
    assert (is_believed(recoded), sdk_believes(recoded)) == (False, True)
