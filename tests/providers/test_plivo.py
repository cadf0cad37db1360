"""The adapter of Plivo Messaging."""

import hmac
import string
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlencode

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from plivo.utils import validate_signature  # type: ignore[import-untyped]
from plivo.utils.signature_v3 import (  # type: ignore[import-untyped]
    construct_get_url,
    construct_post_url,
    get_signature_v3,
    validate_v3_signature,
)

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
    Scope,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings, Secret
from providers.plivo import REFUSALS, PlivoProvider
from providers.seam import Callback, ProviderReceipt
from tests.providers.contract import CALLBACK_URL, CREDENTIAL, Refusal, Sample, a_callback, an_sms
from tests.providers.kinds import JSON, Whose

ACCOUNT = "SA0123456789ABCDEF01"
API_ID = "948b53a2-3f08-11e7-b6f4-061564b78b75"
UUID = "5b40a428-bfc7-4daf-9d06-726c558bf3b8"
NONCE = "05429567804466091622"
V2, MA_V2, V2_NONCE = "X-Plivo-Signature-V2", "X-Plivo-Signature-Ma-V2", "X-Plivo-Signature-V2-Nonce"
V3, MA_V3, V3_NONCE = "X-Plivo-Signature-V3", "X-Plivo-Signature-Ma-V3", "X-Plivo-Signature-V3-Nonce"
KEYS = {"main": b"token-of-the-main-account", "old": b"token-before-this-one"}
SETTINGS = ProviderSettings(
    adapter="plivo",
    credential=Secret(CREDENTIAL),
    options={"account": ACCOUNT},
    webhook_keys={name: Secret(key) for name, key in KEYS.items()},
    senders={"GB": "+447700900001", "*": "Ithaca"},
)
STATES = {
    "queued": ReceiptState.ENROUTE,
    "sent": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.UNDELIVERABLE,
    "failed": ReceiptState.UNDELIVERABLE,
    "rejected": ReceiptState.UNDELIVERABLE,
    "received": ReceiptState.UNKNOWN,
    "Delivered": ReceiptState.UNKNOWN,
    "a word of next year": ReceiptState.UNKNOWN,
}
CODES: Mapping[int, type[ProviderError]] = {
    10: Malformed,
    20: Unavailable,
    30: Undeliverable,
    40: RouteRefused,
    50: Rejected,
    60: Undeliverable,
    70: Rejected,
    80: Unavailable,
    90: Undeliverable,
    100: Undeliverable,
    110: Malformed,
    200: Rejected,
    201: RouteRefused,
    300: Unavailable,
    420: Unavailable,
    450: RouteRefused,
    451: RouteRefused,
    900: Misconfigured,
    910: Misconfigured,
    1000: Undeliverable,
}
# codes of a failure that blame the recipient, and the end of the validity; all others are the route's
BLAMED: Mapping[int, ReceiptState] = {
    **dict.fromkeys((50, 70, 200), ReceiptState.REJECTED),
    420: ReceiptState.EXPIRED,
}


def _mac(key: bytes, text: str) -> str:
    return b64encode(hmac.digest(key, text.encode(errors="replace"), "sha256")).decode()


def _v3(key: bytes, body: bytes = b"", *, url: str = CALLBACK_URL, nonce: str = NONCE) -> str:
    """Sign a POST to a URL without a query as V3 does."""
    pairs = sorted(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    fields = "".join(name + value for name, value in pairs)
    return _mac(key, f"{url}{'?' if pairs else ''}{fields}.{nonce}")


def _post(body: bytes, headers: Mapping[str, str], *, url: str = CALLBACK_URL) -> Callback:
    return a_callback(body, {"Content-Type": "application/x-www-form-urlencoded", **headers}, url=url)


def _signed(body: bytes, *, key: bytes = CREDENTIAL, url: str = CALLBACK_URL, nonce: str = NONCE) -> Callback:
    return _post(body, {V3: _v3(key, body, url=url, nonce=nonce), V3_NONCE: nonce}, url=url)


def _signed_in_v2(body: bytes, *, key: bytes = CREDENTIAL) -> Callback:
    return _post(body, {V2: _mac(key, CALLBACK_URL + NONCE), V2_NONCE: NONCE})


def _genuine(body: bytes) -> Sequence[Callback]:
    return [_signed(body, key=key) for key in (CREDENTIAL, *KEYS.values())]


def _body(status: str, **more: str) -> bytes:
    fields = {
        "MessageUUID": UUID,
        "ParentMessageUUID": UUID,
        "PartInfo": "1 of 1",
        "From": "15005550006",
        "To": "491701234567",
        "Status": status,
        "TotalRate": "0.0035",
        "TotalAmount": "0.0035",
        "Units": "1",
        "MCC": "262",
        "MNC": "01",
        "QueuedTime": "2024-11-21 09:30:00.000001",
        **more,
    }
    return urlencode(fields).encode()


def _refusal(error: object, **more: object) -> bytes:
    return orjson.dumps({"api_id": API_ID, "error": error, **more})


NOT_A_NUMBER = _refusal("'491701234567' is not a valid phone number.")
NO_CREDIT = _refusal("Insufficient Credit")

SAMPLE = Sample(
    settings=SETTINGS,
    accepted=orjson.dumps({"api_id": API_ID, "message": "message(s) queued", "message_uuid": [UUID]}),
    message_id=UUID,
    refusals=(
        Refusal(status=400, body=NOT_A_NUMBER, error=Rejected),
        Refusal(status=400, body=_refusal("in words", error_code=90), error=Undeliverable),
        Refusal(status=403, body=_refusal("in words"), error=RouteRefused),
        Refusal(status=400, body=NO_CREDIT, error=Misconfigured),
        Refusal(status=402, body=NO_CREDIT, error=Misconfigured),
        Refusal(status=401, body=b"Could not verify", error=Misconfigured),
        Refusal(status=404, body=_refusal("not found"), error=Misconfigured),
        Refusal(status=400, body=_refusal({"text": ["is missing"]}), error=Malformed),
        Refusal(status=400, body=_refusal({"src": ["is missing"]}), error=RouteRefused),
        Refusal(status=400, body=_refusal("in words", error_code=300), error=Unavailable),
        Refusal(status=405, body=_refusal("in words"), error=Refused),
        Refusal(status=409, body=_refusal("in words"), error=Refused),
        Refusal(status=202, body=_refusal("in words"), error=Refused),
        Refusal(status=429, body=_refusal("in words"), error=Throttled),
        Refusal(status=500, body=_refusal("in words"), error=Unavailable),
        Refusal(status=504, body=b"", error=AcceptanceUnknown),
        Refusal(status=202, body=orjson.dumps({"message_uuid": [], "invalid_number": ["1"]}), error=Rejected),
    ),
    body=JSON,
    unlisted=lambda word: _refusal("in words", error_code=word),
    receipts=tuple((_body(word), state) for word, state in STATES.items()),
    genuine=_genuine,
    proof=V3,
    whose=Whose.URL,
)


def _provider() -> PlivoProvider:
    return PlivoProvider("one", SETTINGS)


def _with_token(token: bytes) -> PlivoProvider:
    return PlivoProvider("one", replace(SETTINGS, credential=Secret(token), webhook_keys={}))


def _receipt(callback: Callback) -> ProviderReceipt:
    (receipt,) = _provider().read_receipts(callback)
    return receipt


def _believed(callback: Callback, provider: PlivoProvider | None = None) -> bool:
    """Tell whether a callback is proved, with or without a state in it."""
    try:
        (provider or _provider()).read_receipts(callback)
    except InvalidMessage as error:
        return "Status" in error.detail
    return True


def _refused(status: int, body: bytes) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        _provider().read_response(status, {}, body)
    return raised.value


def _sent(**changes: object) -> dict[str, object]:
    message: dict[str, object] = orjson.loads(
        _provider().build_request(msgspec.structs.replace(an_sms(), **changes)).body
    )
    return message


# --- the request


def test_the_request_is_one_json_post_with_basic_authentication() -> None:
    request = _provider().build_request(an_sms())

    assert (request.method, request.url) == ("POST", f"https://api.plivo.com/v1/Account/{ACCOUNT}/Message/")
    assert request.headers == {
        "Authorization": f"Basic {b64encode(f'{ACCOUNT}:{CREDENTIAL.decode()}'.encode()).decode()}",
        "Content-Type": "application/json",
    }
    assert orjson.loads(request.body) == {
        "dst": "+491701234567",
        "src": "Ithaca",
        "text": "482913 is your code.",
        "type": "sms",
        "url": CALLBACK_URL,
        "method": "POST",
        "log": "false",
        "message_expiry": 300,
    }


def test_a_powerpack_goes_before_the_sender() -> None:
    message = _sent(pool="86bbb125-97bb-4d72-89fd-81d5c515b015")

    assert message["powerpack_uuid"] == "86bbb125-97bb-4d72-89fd-81d5c515b015"
    assert "src" not in message


def test_without_a_sender_nothing_is_sent_and_another_provider_may() -> None:
    with pytest.raises(RouteRefused, match="no_sender"):
        _sent(sender=None)


@pytest.mark.parametrize(("life", "sent"), [(0, 5), (5, 5), (10_800, 10_800), (10_801, 10_800)])
def test_the_validity_is_kept_within_what_plivo_takes(life: int, sent: int) -> None:
    assert _sent(validity_s=life)["message_expiry"] == sent


@pytest.mark.parametrize(
    ("registrations", "sent"),
    [
        ({}, {}),
        ({"campaign_id": "CXYZ123"}, {}),
        ({"dlt_template_id": "1107"}, {"dlt_template_id": "1107", "dlt_template_category": "transactional"}),
        (
            {"dlt_entity_id": "1101", "dlt_template_id": "1107", "campaign_id": "CXYZ123"},
            {"dlt_entity_id": "1101", "dlt_template_id": "1107", "dlt_template_category": "transactional"},
        ),
    ],
)
def test_what_india_registered_is_sent_along(registrations: dict[str, str], sent: dict[str, str]) -> None:
    message = _sent(registrations=registrations)

    assert {name: value for name, value in message.items() if name not in _sent()} == sent


# --- the answer


@pytest.mark.parametrize(("code", "kind"), CODES.items())
@pytest.mark.parametrize("status", [202, 400])
def test_every_documented_code_is_classed(code: int, kind: type[ProviderError], status: int) -> None:
    for said in (code, str(code)):
        error = _refused(status, _refusal("in words", error_code=said))

        assert (type(error), error.code) == (kind, str(code))


def test_no_code_is_classed_that_is_not_documented() -> None:
    assert REFUSALS.keys() == {str(code) for code in CODES}


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, NO_CREDIT, Misconfigured, "900"),
        (403, NO_CREDIT, Misconfigured, "900"),
        (400, NOT_A_NUMBER, Rejected, "50"),
        (400, _refusal({"dst": ["'1' Is Not A Valid Phone Number."]}), Rejected, "50"),
        (400, _refusal({"src": ["'491701234567' is not a valid phone number."]}), RouteRefused, "40"),
        (400, _refusal("'+49 170 1234567' is not a valid phone number."), Rejected, "50"),
        (400, _refusal("dst is not a valid phone number."), Rejected, "50"),
        (400, _refusal("src is not a valid phone number."), RouteRefused, "40"),
        (400, _refusal("The number is not a valid phone number."), RouteRefused, "40"),
        (400, _refusal("'+447700900001' is not a valid phone number."), RouteRefused, "40"),  # a sender of ours
        (400, _refusal("'Ithaca1' is not a valid phone number."), RouteRefused, "40"),
        (400, _refusal("'12345' is not a valid phone number."), RouteRefused, "40"),
        (400, _refusal("powerpack_uuid not found"), RouteRefused, "http_400"),
        (400, _refusal("Invalid url"), RouteRefused, "http_400"),
        (400, _refusal("src and dst cannot be the same"), Refused, "http_400"),
        (400, _refusal("The text message could not be sent"), Refused, "http_400"),
        (400, _refusal("dst parameter not present"), Rejected, "http_400"),
        (400, _refusal({"powerpack_uuid": ["is unknown"], "dst": ["is wrong"]}), RouteRefused, "http_400"),
        (403, _refusal("in words"), RouteRefused, "http_403"),
        (403, _refusal("in words", error_code=31337), RouteRefused, "31337"),
        (202, _refusal("in words"), Refused, "http_202"),
        (400, _refusal("in words", error_code=None), Refused, "http_400"),
        (400, _refusal("in words", error_code=31337), Refused, "31337"),
        (400, _refusal(None), Refused, "http_400"),
        (500, NO_CREDIT, Unavailable, "http_500"),
        (502, NOT_A_NUMBER, AcceptanceUnknown, "http_502"),
    ],
)
def test_the_words_of_a_refusal_are_understood_and_never_shown(
    status: int, body: bytes, kind: type[ProviderError], code: str
) -> None:
    error = _refused(status, body)

    assert (type(error), error.code) == (kind, code)


def test_a_403_bars_the_country_when_plivo_says_it_and_all_when_something_before_plivo_does() -> None:
    assert (type(_refused(403, _refusal("in words"))), _refused(403, b"").scope) == (RouteRefused, Scope.PROVIDER)


@pytest.mark.parametrize(
    "ids", [None, [], UUID, [UUID, UUID], [7], [None], [[UUID]], [""], ["\n"], {"0": UUID}, ["u" * 129]]
)
def test_an_answer_without_exactly_one_id_promises_nothing(ids: object) -> None:
    error = _refused(202, orjson.dumps({"api_id": API_ID, "message": "message(s) queued", "message_uuid": ids}))

    assert (type(error), error.code) == (AcceptanceUnknown, "no_id")


def test_an_empty_list_of_invalid_numbers_refuses_nothing() -> None:
    body = orjson.dumps({"message_uuid": [UUID], "invalid_number": []})

    assert _provider().read_response(202, {}, body).message_id == UUID


# --- questions that send nothing


def test_the_checks_ask_for_the_account() -> None:
    checks = _provider().checks()

    assert {what: (request.method, request.url, request.body) for what, request in checks.items()} == dict.fromkeys(
        ("credential", "balance"), ("GET", f"https://api.plivo.com/v1/Account/{ACCOUNT}/", b"")
    )
    assert {b64decode(request.headers["Authorization"].removeprefix("Basic ")) for request in checks.values()} == {
        ACCOUNT.encode() + b":" + CREDENTIAL
    }


@pytest.mark.parametrize(
    ("what", "more", "said"),
    [
        ("credential", {}, "accepted, account standard"),
        ("balance", {}, "balance 4.88860 USD, prepaid"),
        ("balance", {"cash_credits": None}, "no balance of its own"),
    ],
)
def test_what_a_check_says(what: str, more: dict[str, object], said: str) -> None:
    account = {
        "account_type": "standard",
        "api_id": API_ID,
        "auth_id": ACCOUNT,
        "auto_recharge": False,
        "billing_mode": "prepaid",
        "cash_credits": "4.88860",
        "name": "Sherlock Holmes",
        "state": "NY",
        **more,
    }

    assert _provider().read_check(what, 200, {}, orjson.dumps(account)) == said


# --- receipts


def test_a_receipt_has_the_error_the_id_and_the_nonce() -> None:
    for callback in _genuine(_body("undelivered", ErrorCode="70")):
        receipt = _receipt(callback)

        assert (receipt.raw, receipt.code, receipt.message_id) == ("undelivered", "70", UUID)
        assert (receipt.reference, receipt.nonce) == (None, NONCE)


@pytest.mark.parametrize("more", [{}, {"ErrorCode": ""}, {"ErrorCode": "000"}])
def test_a_receipt_without_an_error_has_no_code(more: dict[str, str]) -> None:
    assert _receipt(_signed(_body("delivered", **more))).code is None


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("word", STATES)
def test_a_failure_is_rejected_only_where_its_code_blames_the_recipient(word: str, code: int) -> None:
    receipt = _receipt(_signed(_body(word, ErrorCode=str(code))))

    failed = STATES[word] is ReceiptState.UNDELIVERABLE
    assert (receipt.code, receipt.state) == (str(code), BLAMED.get(code, STATES[word]) if failed else STATES[word])


def test_each_part_of_a_long_message_has_a_receipt_of_its_own() -> None:
    first, second = (
        _receipt(
            _signed(_body("delivered", MessageUUID=f"{UUID[:-1]}{part}", PartInfo=f"{part} of 2"), nonce=str(part))
        )
        for part in (1, 2)
    )

    assert (first.part, second.part) == ((1, 2), (2, 2))
    assert first.message_id != second.message_id
    assert (first.nonce, second.nonce) == ("1", "2")


@pytest.mark.parametrize(
    "info",
    ["1 of 1", "", "2 of 1", "0 of 2", "3 of 2", "1 of 2 of 3", "one of two", "1 of 100", "\u0661 of 2", " 1 of 2"],
)
def test_what_names_no_part_of_several_is_of_the_whole_message(info: str) -> None:
    assert _receipt(_signed(_body("delivered", PartInfo=info))).part is None


def test_a_receipt_without_a_word_of_parts_is_of_the_whole_message() -> None:
    assert _receipt(_signed(b"MessageUUID=1&Status=delivered")).part is None


@pytest.mark.parametrize("body", [b"", b"MessageUUID=1", b"Status=", b"Statu=ssent"])
def test_a_signed_callback_without_a_state_is_invalid(body: bytes) -> None:
    for callback in (_signed(body), _signed_in_v2(body)):
        with pytest.raises(InvalidMessage, match="Status"):
            _receipt(callback)


@pytest.mark.parametrize("body", [b"\xff=1", b"a=%ff", b"&".join(b"a%d=1" % at for at in range(201))])
def test_what_is_no_form_is_invalid(body: bytes) -> None:
    for callback in (_signed(body), _signed_in_v2(body)):
        with pytest.raises(InvalidMessage) as raised:
            _receipt(callback)
        assert raised.value.reason is DeadReason.UNDECODABLE


def _asked(query: str, *, key: bytes = CREDENTIAL) -> Callback:
    """Sign a GET as V3 does: its query in order."""
    url = f"{CALLBACK_URL}?{query}"
    text = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(query, keep_blank_values=True)))
    signature = _mac(key, f"{CALLBACK_URL}?{text}.{NONCE}")
    return a_callback(b"", {V3: signature, V3_NONCE: NONCE}, url=url, method="GET")


def test_a_get_has_its_fields_in_the_query_and_nowhere_else() -> None:
    callback = _asked(_body("delivered").decode())
    receipt = _receipt(replace(callback, body=b"Status=failed"))

    assert (receipt.state, receipt.message_id, receipt.nonce) == (ReceiptState.DELIVERED, UUID, NONCE)
    assert not _believed(replace(callback, url=callback.url.replace("delivered", "failed")))
    assert not _believed(replace(callback, method="POST", body=b"Status=failed"))


def test_a_post_has_its_fields_in_the_body_and_nowhere_else() -> None:
    callback = _signed_in_v2(b"MessageUUID=1")

    with pytest.raises(InvalidMessage, match="Status"):
        _receipt(replace(callback, url=f"{CALLBACK_URL}?Status=delivered"))


# --- the signature

TOKEN = b"my_auth_token"
VECTOR_BODY = b"MessageUUID=11111111-2222-3333-4444-555555555555&Status=delivered&To=14155550100&From=15005550006"
VECTORS = {
    "V2": _post(
        VECTOR_BODY,
        {V2: "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc=", V2_NONCE: "12345"},
        url="https://answer.url",
    ),
    "V3": _post(
        VECTOR_BODY,
        {V3: "UWXveo/IlCpL3dPkgGs+LmKCOFMxN9/BSOufIvRLqQk=", V3_NONCE: "12345"},
        url="https://example.com/dlr/plivo",
    ),
}


@pytest.mark.parametrize("version", VECTORS)
def test_the_published_vectors_verify(version: str) -> None:
    callback = VECTORS[version]

    assert _believed(callback, _with_token(TOKEN))
    assert not _believed(callback, _with_token(TOKEN + b"1"))
    assert not _believed(replace(callback, url=f"{callback.url}/"), _with_token(TOKEN))


def test_capabilities_say_what_v2_does_not_prove() -> None:
    assert PlivoProvider.capabilities.proof.endswith("V2 over URL and nonce alone, only where Plivo sends no V3")


def test_a_callback_of_v2_alone_proves_its_url_and_not_its_fields() -> None:
    callback = _signed_in_v2(_body("delivered"))
    receipt = _receipt(callback)

    assert (receipt.state, receipt.nonce) == (ReceiptState.DELIVERED, NONCE)
    assert _receipt(replace(callback, body=_body("failed"))).state is ReceiptState.UNDELIVERABLE
    assert _believed(replace(callback, url=f"{CALLBACK_URL}?a=1"))
    assert not _believed(replace(callback, url=CALLBACK_URL.replace(".1.one.", ".2.one.")))


@pytest.mark.parametrize(
    "of_v3",
    [
        {V3: _v3(b"another", _body("sent")), V3_NONCE: NONCE},
        {MA_V3: _v3(b"another", _body("sent")), V3_NONCE: NONCE},
        {V3: "", V3_NONCE: NONCE},
        {V3: _v3(CREDENTIAL, _body("sent"))},
        {V3_NONCE: NONCE},
        {MA_V3: ""},
        {V3.lower(): ""},
    ],
)
def test_where_there_is_anything_of_v3_v2_is_not_enough(of_v3: dict[str, str]) -> None:
    callback = _signed_in_v2(_body("sent"))

    assert _believed(callback)
    assert not _believed(replace(callback, headers=CIMultiDict({**callback.headers, **of_v3})))


def test_where_v3_is_right_v2_may_be_wrong() -> None:
    callback = _signed(_body("sent"))

    assert _believed(replace(callback, headers=CIMultiDict({**callback.headers, V2: "x", V2_NONCE: "1"})))


@pytest.mark.parametrize("missing", [V2, V2_NONCE])
def test_a_callback_without_signature_or_nonce_is_forged(missing: str) -> None:
    callback = _signed_in_v2(_body("sent"))
    headers = CIMultiDict({name: value for name, value in callback.headers.items() if name != missing})

    with pytest.raises(InvalidMessage) as raised:
        _receipt(replace(callback, headers=headers))
    assert raised.value.reason is DeadReason.SEAL_BROKEN


@pytest.mark.parametrize("key", [CREDENTIAL, *KEYS.values()])
@pytest.mark.parametrize(("plain", "ma", "nonce"), [(V2, MA_V2, V2_NONCE), (V3, MA_V3, V3_NONCE)])
def test_either_header_and_any_signature_of_its_list_will_do(key: bytes, plain: str, ma: str, nonce: str) -> None:
    body = _body("sent")
    right = _v3(key, body) if nonce == V3_NONCE else _mac(key, CALLBACK_URL + NONCE)
    wrong = _v3(b"another", body)
    for headers in (
        {plain: right},
        {ma: right},
        {plain: wrong, ma: right},
        {plain: right, ma: wrong},
        {plain: f"{wrong},{right}"},
        {plain: wrong, ma: f"{wrong}, {right},"},
    ):
        assert _believed(_post(body, {**headers, nonce: NONCE})), headers
    for headers in ({plain: wrong, ma: wrong}, {plain: right + right}, {plain: f"{right};{wrong}"}, {plain: ","}):
        assert not _believed(_post(body, {**headers, nonce: NONCE})), headers


def test_only_our_keys_verify() -> None:
    for version in (_signed, _signed_in_v2):
        assert _believed(version(_body("sent"), key=KEYS["old"]))
        assert not _believed(version(_body("sent"), key=b"another"))
        assert not _believed(version(_body("sent"), key=b""))


def test_without_webhook_keys_the_credential_verifies() -> None:
    assert _believed(_signed(_body("sent")), _with_token(CREDENTIAL))
    assert not _believed(_signed(_body("sent"), key=KEYS["main"]), _with_token(CREDENTIAL))


def test_order_of_parameters_changes_nothing_but_repetition_does() -> None:
    callback = _signed(_body("sent"))
    parts = callback.body.split(b"&")

    assert _believed(replace(callback, body=b"&".join(reversed(parts))))
    assert not _believed(replace(callback, body=b"&".join([*parts, *parts])))
    assert not _believed(replace(callback, body=callback.body + b"&Status=delivered"))


def test_of_a_parameter_that_plivo_repeats_the_same_value_counts_in_any_order() -> None:
    pairs = [_body("sent"), b"Status=delivered"]

    assert {_receipt(_signed(b"&".join(order))).raw for order in (pairs, pairs[::-1])} == {"sent"}


def test_parameters_that_plivo_adds_one_day_are_part_of_the_signature() -> None:
    callback = _signed(_body("sent", Sequence="1", requester_ip="192.0.2.1", Empty=""))

    assert _believed(callback)
    assert not _believed(replace(callback, body=_body("sent", Sequence="1", Empty="")))


@pytest.mark.parametrize(
    "url",
    [
        f"{CALLBACK_URL}/",
        f"{CALLBACK_URL}?a=1",
        CALLBACK_URL.replace("https:", "http:"),
        CALLBACK_URL.replace("ours.test", "theirs.test"),
        CALLBACK_URL.replace("ours.test", "ours.test:443"),
        CALLBACK_URL.upper(),
        "/receipts/one",
        "https://[",
        "\ud800",
        "?\ud800=\ud800",
        "",
    ],
)
def test_a_receipt_for_another_url_is_forged(url: str) -> None:
    assert not _believed(replace(_signed(_body("sent")), url=url))


def test_a_port_is_part_of_the_url() -> None:
    url = CALLBACK_URL.replace("ours.test", "ours.test:8443")

    assert _believed(_signed(_body("sent"), url=url))
    assert not _believed(replace(_signed(_body("sent"), url=url), url=CALLBACK_URL))


@pytest.mark.parametrize("nonce", ["", "1.2", " ", "1?2", "\u0661", "1\n", "n" * 129])
def test_a_nonce_that_could_hold_more_than_a_nonce_is_forged_however_well_signed(nonce: str) -> None:
    assert not _believed(_signed(_body("sent"), nonce=nonce))


def test_a_replay_cannot_get_another_nonce_by_taking_fields_into_it() -> None:
    callback = _signed(_body("sent", ZLast="0.0035"))
    longer = f"0035.{NONCE}"
    moved = replace(
        callback,
        body=_body("sent", ZLast="0"),
        headers=CIMultiDict({**callback.headers, V3_NONCE: longer}),
    )

    assert _v3(CREDENTIAL, moved.body, nonce=longer) == callback.headers[V3]
    assert not _believed(moved)


def test_a_signature_of_v3_is_none_of_v2() -> None:
    callback = _signed(_body("undelivered"))
    fields = "".join(name + value for name, value in sorted(parse_qsl(callback.body.decode())))
    stripped = _post(_body("delivered"), {V2: callback.headers[V3], V2_NONCE: f"?{fields}.{NONCE}"})

    assert _sdk_v2(CREDENTIAL, stripped)
    assert not _believed(stripped)


# --- the official SDK as a second opinion


def _sdk_v2(key: bytes, callback: Callback) -> bool:
    headers = callback.headers
    return bool(validate_signature(callback.url, headers[V2_NONCE], headers[V2], key.decode()))


def _sdk_v3(key: bytes, callback: Callback, *, nonce: str = NONCE) -> bool:
    fields = parse_qs(callback.body.decode(), keep_blank_values=True)
    signature = callback.headers[V3]
    return bool(validate_v3_signature(callback.method, callback.url, nonce, key.decode(), signature, fields))


words = st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=8)
urls = st.builds(
    "{}://{}{}/{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["ours.test", "a.b.ours.test"]),
    st.sampled_from(["", ":80", ":443", ":8443"]),
    words,
    st.sampled_from(["", "?", "?b=2&a=1", "?a=2&a=1&c", "?c=%2B49+1"]) | st.builds("?{}={}".format, words, words),
)
names = st.sampled_from(["Status", "To", "a", "\u00e4", "\uffff", "\U0001f511"]) | st.text(max_size=5)
forms = st.lists(st.tuples(names, st.sampled_from(["", "sent", "+1", "."]) | st.text(max_size=9)), max_size=9)


@given(
    url=urls,
    called=urls,
    pairs=forms,
    method=st.sampled_from(["POST", "GET"]),
    change=st.integers(0, 6),
    place=st.integers(0, 43),
)
def test_the_sdk_has_the_same_verdict_of_v3(
    url: str, called: str, pairs: list[tuple[str, str]], method: str, change: int, place: int
) -> None:
    key = KEYS["main"]
    body = b"" if method == "GET" else urlencode(pairs).encode()
    fields = parse_qs(body.decode(), keep_blank_values=True)
    text = construct_get_url(url, {}) if method == "GET" else construct_post_url(url, fields)
    signature = get_signature_v3(key, text.decode(), NONCE.encode()).decode()
    callback = replace(_post(body, {V3: signature, V3_NONCE: NONCE}, url=url), method=method)
    if change == 1:
        callback = replace(callback, url=called)
    elif change == 2 and method == "POST":
        callback = replace(callback, body=b"&".join(body.split(b"&")[1:]))
    elif change == 3 and method == "POST":
        callback = replace(callback, body=body + b"&" + body.partition(b"&")[0])
    elif change == 4:
        callback = replace(callback, headers=CIMultiDict({V3: f"{'x' * 44},{signature}", V3_NONCE: NONCE}))
    elif change == 5:
        changed = signature[:place] + "A" + signature[place + 1 :]
        callback = replace(callback, headers=CIMultiDict({V3: changed, V3_NONCE: NONCE}))
    elif change == 6:
        callback = replace(callback, body=b"&".join(sorted(body.split(b"&"), reverse=True)))

    verdict = _believed(callback)
    assert verdict is _sdk_v3(key, callback)
    assert verdict or change in {1, 2, 3, 5}


@given(url=urls, called=urls, changed=st.booleans(), place=st.integers(0, 99), body=st.binary(max_size=9))
def test_the_sdk_has_the_same_verdict_of_v2(url: str, called: str, place: int, body: bytes, *, changed: bool) -> None:
    signature = _mac(CREDENTIAL, url.partition("?")[0] + NONCE)
    if changed:
        signature = signature[:place] + "A" + signature[place + 1 :]
    callback = _post(b"Status=sent", {V2: signature, V2_NONCE: NONCE}, url=url)

    assert _believed(callback) is _sdk_v2(CREDENTIAL, callback)
    assert _believed(callback) or changed
    moved = replace(callback, url=called, body=b"Status=" + body.hex().encode())
    assert _believed(moved) is _sdk_v2(CREDENTIAL, moved)


@pytest.mark.parametrize("url", [f"{CALLBACK_URL};a=1", f"{CALLBACK_URL}#a", f"{CALLBACK_URL}\n"])
def test_what_the_sdk_drops_from_a_url_is_part_of_it(url: str) -> None:
    for signed, sdk in ((_signed, _sdk_v3), (_signed_in_v2, _sdk_v2)):
        callback = replace(signed(_body("sent")), url=url)

        assert sdk(CREDENTIAL, callback)
        assert not _believed(callback)


def test_the_scheme_is_taken_as_it_was_called_although_the_sdk_writes_it_small() -> None:
    callback = replace(_signed_in_v2(_body("sent")), url=CALLBACK_URL.replace("https", "HTTPS"))

    assert _sdk_v2(CREDENTIAL, callback)
    assert not _believed(callback)


def test_a_query_beyond_ascii_is_verified_although_the_sdk_fails_on_it() -> None:
    callback = _asked("Status=sent&From=%C3%84")

    with pytest.raises(UnicodeEncodeError):
        _sdk_v3(CREDENTIAL, callback)
    assert _believed(callback)


def test_an_empty_nonce_is_refused_although_the_sdk_takes_it() -> None:
    callback = _signed(_body("sent"), nonce="")

    assert _sdk_v3(CREDENTIAL, callback, nonce="")
    assert not _believed(callback)


def test_a_query_is_no_part_of_the_url_in_v2_as_the_sdk_says_too() -> None:
    callback = replace(_signed_in_v2(_body("sent")), url=f"{CALLBACK_URL}?Status=read")

    assert _sdk_v2(CREDENTIAL, callback)
    assert _receipt(callback).raw == "sent"
