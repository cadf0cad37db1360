"""The adapter of Telnyx."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from importlib.metadata import files
from types import ModuleType, SimpleNamespace

import msgspec
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from pipeline.errors import (
    AcceptanceUnknown,
    InvalidMessage,
    Malformed,
    Misconfigured,
    ProviderError,
    Refused,
    Rejected,
    RouteRefused,
    SettingsError,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings, Secret
from providers.seam import Callback, ProviderReceipt
from providers.telnyx import TelnyxProvider
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

SIGNERS = tuple(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
PUBLIC = tuple(b64encode(signer.public_key().public_bytes_raw()) for signer in SIGNERS)
SETTINGS = ProviderSettings(
    adapter="telnyx",
    credential=Secret(CREDENTIAL),
    webhook_keys={f"k{number}": Secret(key) for number, key in enumerate(PUBLIC, start=1)},
)
MESSAGE_ID = "40385f64-5717-4562-b3fc-2c963f66afa6"
EVENT_ID = "86f58db9-0fe3-4adc-9d1f-46e66e6e9323"
SIGNATURE = "telnyx-signature-ed25519"
TIME = "telnyx-timestamp"
# One file of the official SDK: to import the whole takes two seconds of every run.
(SDK_FILE,) = [file for file in files("telnyx") or () if file.match("telnyx/lib/webhook_verification.py")]
SDK = ModuleType("webhook_verification")
SourceFileLoader(SDK.__name__, str(SDK_FILE.locate())).exec_module(SDK)
STATES = {
    "queued": ReceiptState.ENROUTE,
    "sending": ReceiptState.ENROUTE,
    "sent": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "sending_failed": ReceiptState.UNDELIVERABLE,
    "delivery_failed": ReceiptState.UNDELIVERABLE,
    "expired": ReceiptState.EXPIRED,
    "delivery_unconfirmed": ReceiptState.UNKNOWN,
    "Delivered": ReceiptState.UNKNOWN,
    "webhook_delivered": ReceiptState.UNKNOWN,
    "a word of next year": ReceiptState.UNKNOWN,
}
CODES: dict[str, type[ProviderError]] = {
    "10001": Refused,
    "10002": Refused,
    "10003": Refused,
    "10004": Refused,
    "10005": Refused,
    "10006": Refused,
    "10007": Unavailable,
    "10008": Unavailable,
    "10009": Misconfigured,
    "10010": Misconfigured,
    "10011": Throttled,
    "10015": Refused,
    "10016": Refused,
    "20002": Misconfigured,
    "20006": Misconfigured,
    "20012": Misconfigured,
    "20013": Misconfigured,
    "20014": Misconfigured,
    "20015": Misconfigured,
    "20016": Misconfigured,
    "20017": Misconfigured,
    "20100": Misconfigured,
    "40001": Undeliverable,
    "40002": Undeliverable,
    "40003": RouteRefused,
    "40004": Undeliverable,
    "40005": Unavailable,
    "40006": Unavailable,
    "40008": Undeliverable,
    "40009": Malformed,
    "40010": RouteRefused,
    "40011": Throttled,
    "40012": Rejected,
    "40013": RouteRefused,
    "40014": Unavailable,
    "40015": RouteRefused,
    "40016": Throttled,
    "40017": RouteRefused,
    "40018": Throttled,
    "40100": RouteRefused,
    "40150": RouteRefused,
    "40151": RouteRefused,
    "40300": RouteRefused,
    "40301": Undeliverable,
    "40302": Malformed,
    "40304": Malformed,
    "40305": RouteRefused,
    "40306": RouteRefused,
    "40309": RouteRefused,
    "40310": Rejected,
    "40311": RouteRefused,
    "40312": RouteRefused,
    "40313": RouteRefused,
    "40314": Misconfigured,
    "40315": RouteRefused,
    "40316": Malformed,
    "40317": Malformed,
    "40318": Throttled,
    "40319": Undeliverable,
    "40320": RouteRefused,
    "40321": RouteRefused,
    "40322": RouteRefused,
    "40328": Malformed,
    "40329": RouteRefused,
}


def a_provider(**changes: object) -> TelnyxProvider:
    return TelnyxProvider("one", replace(SETTINGS, **changes), now=lambda: NOW)  # type: ignore[arg-type]


def errors(code: object, *, pointer: str | None = None, title: str = "", detail: str = "") -> bytes:
    source = {"source": {"pointer": pointer}} if pointer else {}
    return orjson.dumps({"errors": [{"code": code, "title": title, "detail": detail, **source}]})


def event(
    status: object = "delivered",
    *,
    kind: object = "message.finalized",
    codes: Sequence[str] = (),
    title: str = "...",
    url: str | None = CALLBACK_URL,
) -> bytes:
    payload = {
        "record_type": "message",
        "direction": "outbound",
        "id": MESSAGE_ID,
        "to": [{"phone_number": NUMBER, "status": status, "carrier": "T-Mobile", "line_type": "Wireless"}],
        "webhook_url": url,
        "webhook_failover_url": None,
        "tags": [],
        "errors": [{"code": code, "title": title} for code in codes],
    }
    data = {"event_type": kind, "id": EVENT_ID, "occurred_at": "2024-10-27T03:33:20.000+00:00", "payload": payload}
    return orjson.dumps({"data": data, "meta": {"attempt": 1, "delivered_to": url}})


def signed(body: bytes, *, key: int = 0, time: str = f"{NOW:.0f}") -> Callback:
    signature = SIGNERS[key].sign(b"%b|%b" % (time.encode(), body))
    return a_callback(body, {SIGNATURE: b64encode(signature).decode(), TIME: time})


def _genuine(body: bytes) -> Sequence[Callback]:
    return [signed(body, key=key) for key in range(len(SIGNERS))]


SAMPLE = Sample(
    settings=SETTINGS,
    accepted=orjson.dumps({"data": {"id": MESSAGE_ID, "to": [{"phone_number": NUMBER, "status": "queued"}]}}),
    message_id=MESSAGE_ID,
    refusals=(
        Refusal(status=400, body=errors("40310", pointer="/to"), error=Rejected),
        Refusal(status=400, body=errors("40001"), error=Undeliverable),
        Refusal(status=400, body=errors("40305", pointer="/from"), error=RouteRefused),
        Refusal(status=403, body=errors("20100"), error=Misconfigured),
        Refusal(status=429, body=errors("10011"), error=Throttled),
        Refusal(status=400, body=errors("10007"), error=Unavailable),
        Refusal(status=400, body=errors("40302"), error=Malformed),
        Refusal(status=422, body=errors("10004", pointer="/text"), error=Malformed),
        Refusal(status=422, body=errors("10015"), error=Refused),
    ),
    body=JSON,
    unlisted=errors,
    receipts=(
        *((event(word), state) for word, state in STATES.items()),
        (event("sent", kind="message.sent"), ReceiptState.ENROUTE),
    ),
    genuine=_genuine,
    proof=SIGNATURE,
    whose=Whose.REFERENCE,
    spec="telnyx_spec3.sms.json",
    check_specs=("telnyx_spec3.sms.json",),
    pool="4000eba1-a0c0-4563-9925-b25e842a7cb6",
)


@pytest.mark.parametrize(
    "pointer", ["/from", "/from/phone_number", "/From", "/messaging_profile_id", "/webhook_url", "from"]
)
@pytest.mark.parametrize("code", ["10001", "10002", "10004", "10005", "10006", "10015", "10016", "99999"])
def test_fault_in_our_sender_is_the_routes_and_no_dead_letter(code: str, pointer: str) -> None:
    assert type(refused(errors(code, pointer=pointer))) is RouteRefused


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
    except InvalidMessage:
        return False
    return True


def test_the_request_is_one_json_post_with_the_bearer_key() -> None:
    request = a_provider().build_request(an_sms("telnyx"))

    assert (request.method, request.url) == ("POST", "https://api.telnyx.com/v2/messages")
    assert request.headers == {
        "Authorization": f"Bearer {CREDENTIAL.decode()}",
        "Content-Type": "application/json",
    }
    assert orjson.loads(request.body) == {
        "to": "+491701234567",
        "text": "482913 is your code.",
        "from": "Ithaca",
        "messaging_profile_id": SAMPLE.pool,
        "type": "SMS",
        "encoding": "auto",
        "webhook_url": CALLBACK_URL,
        "use_profile_webhooks": False,
    }


@pytest.mark.parametrize(
    ("sender", "pool"), [("Ithaca", SAMPLE.pool), (None, SAMPLE.pool), ("+15550100", None), ("12345", SAMPLE.pool)]
)
def test_profile_and_sender_go_together_and_neither_is_sent_empty(sender: str | None, pool: str | None) -> None:
    request = a_provider().build_request(msgspec.structs.replace(an_sms(), sender=sender, pool=pool))

    message = orjson.loads(request.body)
    assert (message.get("from", None), message.get("messaging_profile_id", None)) == (sender, pool)
    assert None not in message.values()


@pytest.mark.parametrize("sender", [None, "", "Ithaca", "1 and 1"])
def test_without_a_profile_nothing_is_sent_but_from_a_number(sender: str | None) -> None:
    with pytest.raises(RouteRefused, match="no_sender"):
        a_provider().build_request(msgspec.structs.replace(an_sms(), sender=sender))


def test_another_base_url_is_called_instead_of_the_providers_own() -> None:
    assert a_provider(base_url="https://a.test/v2").build_request(an_sms("telnyx")).url == "https://a.test/v2/messages"


@pytest.mark.parametrize("code", CODES)
def test_every_documented_code_has_its_class(code: str) -> None:
    error = refused(errors(code))

    assert (type(error), error.code) == (CODES[code], code)


@pytest.mark.parametrize("code", CODES)
def test_a_code_beside_a_server_error_says_nothing(code: str) -> None:
    assert refused(errors(code), status=502).code == "http_502"


@pytest.mark.parametrize("code", ["10002", "10015", "10016"])
@pytest.mark.parametrize(
    ("pointer", "error"), [("/to", Rejected), ("/to/0", Rejected), ("/total", Refused), (None, Refused)]
)
def test_an_invalid_number_is_rejected_only_where_the_error_points_at_it(
    code: str, pointer: str | None, error: type[ProviderError]
) -> None:
    assert type(refused(errors(code, pointer=pointer))) is error


@pytest.mark.parametrize(
    ("title", "detail", "error"),
    [
        ("Blocked due to STOP message", "Messages cannot be sent due to an existing block rule.", Rejected),
        ("Blocked", "The recipient has sent STOP.", Rejected),
        ("Blocked", "There was a stop message.", Rejected),
        ("Blocked", "Stop sending unverified traffic", RouteRefused),
        ("Blocked due to an existing block rule", "", RouteRefused),
        ("Stopped by a filter", "nonstop", RouteRefused),
    ],
)
def test_a_block_is_an_opt_out_only_where_it_speaks_of_stop(
    title: str, detail: str, error: type[ProviderError]
) -> None:
    found = refused(errors("40300", pointer="/to", title=title, detail=detail), status=403)

    assert (type(found), found.code) == (error, "40300")


def test_a_code_written_as_a_number_is_understood() -> None:
    assert type(refused(errors(40310))) is Rejected


def test_a_refusal_in_the_message_of_a_200_is_that_refusal() -> None:
    body = orjson.dumps({"data": {"id": MESSAGE_ID, "errors": [{"code": "40310", "title": "Invalid 'to' address"}]}})

    assert type(refused(body, status=200)) is Rejected
    assert type(refused(errors("20100"), status=200)) is Misconfigured


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"id": MESSAGE_ID, "to": [{"status": "sending_failed"}], "errors": []}, "sending_failed"),
        ({"id": MESSAGE_ID, "to": [{"status": "delivery_failed"}]}, "delivery_failed"),
        ({"id": MESSAGE_ID, "errors": [{"code": "49999", "title": "in words"}]}, "49999"),
        ({"id": MESSAGE_ID, "errors": [{"title": "in words"}]}, "http_200"),
    ],
)
def test_a_success_that_says_that_the_message_failed_is_a_refusal(message: dict[str, object], code: str) -> None:
    error = refused(orjson.dumps({"data": message}), status=200)

    assert (type(error), error.code) == (Refused, code)


def test_of_several_errors_that_of_our_sender_counts() -> None:
    both = [{"code": "10002", "source": {"pointer": pointer}} for pointer in ("/to", "/from")]

    assert type(refused(orjson.dumps({"errors": both}))) is RouteRefused
    assert type(refused(orjson.dumps({"errors": [{"code": "40310"}, {"code": "40305"}]}))) is RouteRefused


@pytest.mark.parametrize("data", [None, [], "x", {}, {"id": None}, {"id": 7}, {"errors": []}])
def test_a_200_without_an_id_promises_nothing(data: object) -> None:
    error = refused(orjson.dumps({"data": data}), status=200)

    assert (type(error), error.code) == (AcceptanceUnknown, "no_id")


@pytest.mark.parametrize("body", [b'{"errors":7}', b'{"errors":[7]}', b'{"errors":[]}', b'{"errors":[{"code":[]}]}'])
def test_errors_of_another_shape_leave_it_to_the_status(body: bytes) -> None:
    assert refused(body, status=402).code == "http_402"


@pytest.mark.parametrize("pointer", [7, [], {}, None])
def test_a_pointer_of_another_shape_points_at_nothing(pointer: object) -> None:
    body = orjson.dumps({"errors": [{"code": "10002", "source": {"pointer": pointer}}]})

    assert type(refused(body)) is Refused


def test_the_checks_ask_for_the_balance_and_for_each_profile_once() -> None:
    checks = a_provider(pools={"DE": "p1", "FR": "p1", "*": "../p 2"}).checks()

    assert {what: (request.method, request.url) for what, request in checks.items()} == {
        "credential": ("GET", "https://api.telnyx.com/v2/balance"),
        "sender p1": ("GET", "https://api.telnyx.com/v2/messaging_profiles/p1"),
        "sender ../p 2": ("GET", "https://api.telnyx.com/v2/messaging_profiles/..%2Fp%202"),
    }
    assert all(request.headers["Authorization"] == f"Bearer {CREDENTIAL.decode()}" for request in checks.values())


def test_the_balance_is_told_with_its_currency() -> None:
    body = b'{"data":{"balance":"300.00","available_credit":"400.00","credit_limit":"100.00","currency":"USD"}}'

    assert a_provider().read_check("credential", 200, {}, body) == "balance 300.00 USD"


def test_a_profile_is_told_with_its_countries_and_the_form_of_its_webhooks() -> None:
    body = b'{"data":{"enabled":true,"whitelisted_destinations":["DE","FR"],"webhook_api_version":"2"}}'

    assert a_provider().read_check("sender p1", 200, {}, body) == 'countries ["DE","FR"], webhooks of version 2'


@pytest.mark.parametrize("what", ["credential", "sender p1"])
@pytest.mark.parametrize("body", [b"", b"{}", b'{"data":[]}', b'{"data":{"whitelisted_destinations":{"a":1}}}'])
def test_a_check_without_the_expected_fields_is_still_told(what: str, body: bytes) -> None:
    assert a_provider().read_check(what, 200, {}, body)


@pytest.mark.parametrize(
    ("what", "status", "body", "error", "code"),
    [
        ("credential", 401, b"{}", Misconfigured, "http_401"),
        ("credential", 404, b"{}", Misconfigured, "http_404"),
        ("sender p1", 404, errors("10005"), RouteRefused, "http_404"),
        ("sender p1", 200, b'{"data":{"enabled":false}}', RouteRefused, "40312"),
        ("sender p1", 204, b"", Refused, "http_204"),
    ],
)
def test_a_check_says_what_is_wrong(what: str, status: int, body: bytes, error: type[ProviderError], code: str) -> None:
    with pytest.raises(ProviderError) as raised:
        a_provider().read_check(what, status, {}, body)

    assert (type(raised.value), raised.value.code) == (error, code)


def test_a_receipt_has_the_error_the_id_the_reference_and_the_nonce() -> None:
    assert read(signed(event("delivery_failed", codes=["40008", "40012"]))) == ProviderReceipt(
        state=ReceiptState.UNDELIVERABLE,
        raw="delivery_failed",
        code="40008",
        message_id=MESSAGE_ID,
        reference=TOKEN,
        nonce=EVENT_ID,
    )


@pytest.mark.parametrize("word", ["sending_failed", "delivery_failed"])
@pytest.mark.parametrize("code", [*CODES, "40999"])
def test_a_failure_is_rejected_only_where_its_code_blames_the_recipient(word: str, code: str) -> None:
    blamed = dict.fromkeys(("40012", "40310"), ReceiptState.REJECTED)
    expired = dict.fromkeys(("40005", "40014"), ReceiptState.EXPIRED)

    assert read(signed(event(word, codes=[code]))).state is {**blamed, **expired}.get(code, ReceiptState.UNDELIVERABLE)


@pytest.mark.parametrize(
    ("title", "state"),
    [("Blocked due to STOP message", ReceiptState.REJECTED), ("Messages are blocked", ReceiptState.UNDELIVERABLE)],
)
def test_a_block_is_the_recipients_where_it_said_stop(title: str, state: ReceiptState) -> None:
    assert read(signed(event("sending_failed", codes=["40300"], title=title))).state is state


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_a_receipt_is_kept(code: str) -> None:
    assert read(signed(event("sending_failed", codes=[code]))).code == code


@pytest.mark.parametrize("url", [None, "", "https://ours.test/", "https://ours.test/receipts/one/another"])
def test_a_receipt_of_another_callback_url_fits_no_attempt(url: str | None) -> None:
    assert read(signed(event(url=url))).reference not in {TOKEN, TOKEN.rpartition(".")[2]}


@pytest.mark.parametrize("kind", ["message.received", "number_order.complete"])
def test_a_genuine_event_of_another_kind_is_no_receipt(kind: str) -> None:
    assert a_provider().read_receipts(signed(event(kind=kind))) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"data":null}',
        event(kind=7),
        event(status=7),
        event(status=""),
        b'{"data":{"event_type":"message.sent","payload":{"to":[]}}}',
        b'{"data":{"event_type":"message.sent","payload":{"to":"delivered"}}}',
    ],
)
def test_a_signed_callback_without_kind_or_status_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidMessage, match="invalid_field"):
        a_provider().read_receipts(signed(body))


def test_the_signature_is_over_time_bar_and_body() -> None:
    key = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="  # of the seed 01 01 ... 01; signed with libsodium
    signature = "4AYj1TMfjtn/Ald80xyC/I5JWWX0ltJ76/mH4EdQ8R+EILHy2kKEEbwfxyelLqknCA+PLTyWBiacdReeXercDQ=="
    body = b'{"data":{"event_type":"message.sent","payload":{"to":[{"status":"sent"}]}}}'
    provider = a_provider(webhook_keys={"k1": Secret(key.encode())})

    (receipt,) = provider.read_receipts(a_callback(body, {SIGNATURE: signature, TIME: "1730000000"}))
    assert receipt.raw == "sent"


@pytest.mark.parametrize(
    ("age_s", "believed"),
    [(-301, False), (-300, True), (0, True), (301, True), (259500, True), (259501, False)],
)
def test_a_callback_is_believed_for_as_long_as_it_may_be_repeated(age_s: int, believed: bool) -> None:  # noqa: FBT001
    assert is_believed(signed(event(), time=f"{NOW - age_s:.0f}")) is believed


def test_the_window_is_around_the_arrival_and_not_around_the_reading() -> None:
    late = TelnyxProvider("one", SETTINGS, now=lambda: NOW + 3600)

    assert late.read_receipts(signed(event()))


@pytest.mark.parametrize("time", ["", "now", "1730000000.0", "-1730000000", "\u0661" * 10, "9" * 12, "9" * 5000])
def test_a_time_that_is_no_second_near_now_is_refused_though_it_is_signed(time: str) -> None:
    assert not is_believed(signed(event(), time=time))


def test_another_time_with_the_same_signature_is_forged() -> None:
    callback = signed(event())
    headers = CIMultiDict({**callback.headers, TIME: f"{NOW + 1:.0f}"})

    assert not is_believed(replace(callback, headers=headers))


@pytest.mark.parametrize("missing", [SIGNATURE, TIME])
def test_a_callback_without_one_of_its_headers_is_forged(missing: str) -> None:
    callback = signed(event())
    headers = CIMultiDict({name: value for name, value in callback.headers.items() if name != missing})

    with pytest.raises(InvalidMessage, match=f"(?i)seal_broken.*{missing}"):
        a_provider().read_receipts(replace(callback, headers=headers))


def test_of_repeated_headers_the_first_counts() -> None:
    callback = signed(event())
    before, after = CIMultiDict(callback.headers), CIMultiDict({SIGNATURE: b64encode(bytes(64)).decode()})
    after.extend(before)
    before.add(SIGNATURE, b64encode(bytes(64)).decode())

    assert is_believed(replace(callback, headers=before))
    assert not is_believed(replace(callback, headers=after))


@pytest.mark.parametrize("length", [0, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_forged(length: int) -> None:
    callback = signed(event())
    signature = (b64decode(callback.headers[SIGNATURE]) * 2)[:length]
    headers = CIMultiDict({**callback.headers, SIGNATURE: b64encode(signature).decode()})

    assert not is_believed(replace(callback, headers=headers))


def test_a_key_of_another_account_proves_nothing() -> None:
    provider = a_provider(webhook_keys={"k1": Secret(PUBLIC[1])})

    with pytest.raises(InvalidMessage, match="not of this account"):
        provider.read_receipts(signed(event(), key=0))


def test_without_any_key_every_callback_is_forged() -> None:
    with pytest.raises(InvalidMessage, match="not of this account"):
        a_provider(webhook_keys={}).read_receipts(signed(event()))


@pytest.mark.parametrize(
    "key", [b"", b"no Base64", b"\xff", b64encode(bytes(31)), b64encode(bytes(33)), PUBLIC[0][:-1], PUBLIC[0] + b"\n!"]
)
def test_a_key_that_is_not_32_bytes_in_base64_stops_the_start_and_stays_secret(key: bytes) -> None:
    with pytest.raises(SettingsError) as raised:
        a_provider(webhook_keys={"k1": Secret(PUBLIC[0]), "k2": Secret(key)})

    assert str(raised.value) == (
        "providers.one.webhook_keys.k2: not the Base64 of 32 bytes; copy the public key from the portal"
    )
    assert raised.value.__cause__ is None


# The provider's own SDK as the second opinion.


@pytest.fixture
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SDK, "time", SimpleNamespace(time=lambda: NOW))


def sdk_believes(callback: Callback, key: bytes = PUBLIC[0]) -> bool:
    try:
        SDK.verify_webhook_signature(callback.body, callback.headers, key.decode())
    except SDK.WebhookVerificationError:
        return False
    return True


@pytest.mark.usefixtures("_frozen")
@pytest.mark.parametrize("word", STATES)
def test_the_sdk_believes_what_we_believe(word: str) -> None:
    for kind in ("message.sent", "message.finalized"):
        callback = signed(event(word, kind=kind))

        assert (is_believed(callback), sdk_believes(callback)) == (True, True)


@pytest.mark.usefixtures("_frozen")
@pytest.mark.parametrize("age_s", [-10_000, -301, -300, -1, 0, 1, 299, 300, 301, 10_000])
def test_the_sdk_has_the_same_leeway_and_refuses_what_is_repeated_with_its_first_time(age_s: int) -> None:
    callback = signed(event(), time=f"{NOW - age_s:.0f}")

    assert is_believed(callback) is (sdk_believes(callback) or age_s > 300)


@pytest.mark.usefixtures("_frozen")
def test_the_sdk_refuses_each_changed_byte_that_we_refuse() -> None:
    callback = signed(event())
    for place in range(len(callback.body)):
        body = callback.body[:place] + bytes([callback.body[place] ^ 1]) + callback.body[place + 1 :]

        changed = replace(callback, body=body)
        assert (is_believed(changed), sdk_believes(changed)) == (False, False)


@pytest.mark.usefixtures("_frozen")
@pytest.mark.parametrize("place", range(64))
def test_the_sdk_refuses_each_changed_byte_of_the_signature(place: int) -> None:
    callback = signed(event())
    signature = bytearray(b64decode(callback.headers[SIGNATURE]))
    signature[place] ^= 0x10
    changed = replace(callback, headers=CIMultiDict({**callback.headers, SIGNATURE: b64encode(signature).decode()}))

    assert (is_believed(changed), sdk_believes(changed)) == (False, False)


@given(time=st.text(max_size=12), signature=st.text(max_size=100))
def test_the_sdk_refuses_any_headers_that_we_refuse(time: str, signature: str) -> None:
    changed = replace(signed(event()), headers=CIMultiDict({TIME: time, SIGNATURE: signature}))

    assert (is_believed(changed), sdk_believes(changed)) == (False, False)


@pytest.mark.usefixtures("_frozen")
@pytest.mark.parametrize("time", [f" {NOW:.0f}", f"+{NOW:.0f}", "1_730_000_000", "\u0661\u0667\u0663" + "\u0660" * 7])
def test_the_sdk_is_laxer_about_the_form_of_the_time(time: str) -> None:
    callback = signed(event(), time=time)

    assert (is_believed(callback), sdk_believes(callback)) == (False, True)


@pytest.mark.usefixtures("_frozen")
@pytest.mark.parametrize("noise", ["\n", " ", "!", "-", "\\"])
def test_the_sdk_is_laxer_about_noise_in_the_signature(noise: str) -> None:
    callback = signed(event())
    text = callback.headers[SIGNATURE]
    changed = replace(callback, headers=CIMultiDict({**callback.headers, SIGNATURE: text[:9] + noise + text[9:]}))

    assert (is_believed(changed), sdk_believes(changed)) == (False, True)
