"""The adapter of Twilio Programmable Messaging."""

import hmac
import string
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from urllib.parse import parse_qs, parse_qsl, urlencode

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, MultiDict
from twilio.request_validator import (  # type: ignore[import-untyped]
    RequestValidator,
    get_signature_algorithm,
)

from pipeline.errors import (
    AcceptanceUnknown,
    DeadReason,
    InvalidMessage,
    Malformed,
    Misconfigured,
    ProviderError,
    RecipientThrottled,
    Refused,
    Rejected,
    RouteRefused,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings, Secret
from providers.seam import Callback
from providers.twilio import REFUSALS, TwilioProvider
from tests.providers.contract import CALLBACK_URL, CREDENTIAL, Refusal, Sample, a_callback, an_sms
from tests.providers.kinds import JSON, Whose

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
KEY_ID = "SKfedcba9876543210fedcba9876543210"
SID = "SM00112233445566778899aabbccddeeff"
POOL = "MG00112233445566778899aabbccddeeff"
SIGNATURE = "X-Twilio-Signature"
SCHEME = "X-Twilio-Webhooks-Signature-Settings"
SHARED_KEY = {SCHEME: "key=webhooks_sharedkey_01,algorithm=HMAC_SHA256"}
KEYS = {"primary": b"primary-token", "secondary": b"secondary-token"}
SETTINGS = ProviderSettings(
    adapter="twilio",
    credential=Secret(CREDENTIAL),
    options={"account": ACCOUNT},
    webhook_keys={name: Secret(key) for name, key in KEYS.items()},
)
STATES = {
    "accepted": ReceiptState.ENROUTE,
    "scheduled": ReceiptState.ENROUTE,
    "queued": ReceiptState.ENROUTE,
    "sending": ReceiptState.ENROUTE,
    "sent": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.UNDELIVERABLE,
    "failed": ReceiptState.UNDELIVERABLE,
    "canceled": ReceiptState.UNDELIVERABLE,
    "partially_delivered": ReceiptState.UNKNOWN,
    "Delivered": ReceiptState.UNKNOWN,
    "a word of next year": ReceiptState.UNKNOWN,
}
# code -> its HTTP status and what it means
CODES: Mapping[int, tuple[int, type[ProviderError]]] = {
    21211: (400, Rejected),
    21614: (400, Rejected),
    21635: (400, Rejected),
    21610: (400, Rejected),
    21612: (400, Undeliverable),
    21408: (400, RouteRefused),
    21606: (400, RouteRefused),
    21212: (400, RouteRefused),
    21659: (400, RouteRefused),
    21660: (400, RouteRefused),
    21661: (400, RouteRefused),
    21608: (400, Misconfigured),
    21703: (400, RouteRefused),
    21705: (400, RouteRefused),
    21602: (400, Malformed),
    21617: (400, Malformed),
    21604: (400, Rejected),
    21265: (400, Rejected),
    21268: (400, Rejected),
    21266: (400, Undeliverable),
    21267: (400, RouteRefused),
    21603: (400, RouteRefused),
    21607: (400, RouteRefused),
    21609: (400, RouteRefused),
    21657: (400, RouteRefused),
    21701: (400, RouteRefused),
    21704: (400, RouteRefused),
    63038: (429, Misconfigured),
    20001: (400, Refused),
    60410: (403, Refused),
    21611: (429, Throttled),
    20003: (401, Misconfigured),
    10001: (403, Misconfigured),
    20005: (403, Misconfigured),
    20404: (404, Misconfigured),
    20429: (429, Throttled),
    14107: (429, RecipientThrottled),
    30001: (201, Throttled),
    30002: (201, Misconfigured),
    30003: (201, Undeliverable),
    30004: (201, Rejected),
    30005: (201, Rejected),
    30006: (201, Undeliverable),
    30007: (201, Undeliverable),
    30008: (201, Undeliverable),
    30034: (201, RouteRefused),
    30036: (201, Unavailable),
    30038: (201, Undeliverable),
    30450: (201, Rejected),
}
# codes of a failure that blame the recipient, and the end of the validity; all others are the route's
BLAMED: Mapping[int, ReceiptState] = {
    **{code: ReceiptState.REJECTED for code, (_, kind) in CODES.items() if kind is Rejected},
    30036: ReceiptState.EXPIRED,
}


def _signed(
    body: bytes, *, key: bytes = KEYS["primary"], url: str = CALLBACK_URL, tail: str | None = None, scheme: str = "sha1"
) -> Callback:
    """Sign what Twilio signs: the URL, and behind it names and values in order, each pair once."""
    if tail is None:
        pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
        tail = "".join(name + value for name, value in sorted(set(pairs)))
    mac = hmac.digest(key, f"{url}{tail}".encode(errors="replace"), scheme)
    headers = {"Content-Type": "application/x-www-form-urlencoded", SIGNATURE: b64encode(mac).decode()}
    return a_callback(body, headers if scheme == "sha1" else {**headers, **SHARED_KEY}, url=url)


def _genuine(body: bytes) -> Sequence[Callback]:
    return [_signed(body, key=key) for key in KEYS.values()]


def _body(status: str, **more: str) -> bytes:
    fields = {
        "MessageSid": SID,
        "SmsSid": SID,
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": ACCOUNT,
        "From": "+15005550006",
        "To": "+491701234567",
        "ApiVersion": "2010-04-01",
        **more,
    }
    return urlencode(fields).encode()


def _refusal(code: object, status: int, message: object = "in words") -> bytes:
    where = f"https://www.twilio.com/docs/errors/{code}"
    return orjson.dumps({"code": code, "message": message, "more_info": where, "status": status})


def _answer(code: int, status: int) -> bytes:
    """Refuse a request, or take a message that has failed at once."""
    if status >= 400:
        return _refusal(code, status)
    return orjson.dumps({"sid": SID, "status": "failed", "error_code": code, "error_message": "in words"})


SAMPLE = Sample(
    settings=SETTINGS,
    accepted=orjson.dumps(
        {"sid": SID, "status": "queued", "error_code": None, "error_message": None, "num_segments": "1"}
    ),
    message_id=SID,
    refusals=(
        Refusal(status=400, body=_refusal(21211, 400), error=Rejected),
        Refusal(status=400, body=_refusal(21612, 400), error=Undeliverable),
        Refusal(status=400, body=_refusal(21408, 400), error=RouteRefused),
        Refusal(status=401, body=_refusal(20003, 401), error=Misconfigured),
        Refusal(status=429, body=_refusal(20429, 429), error=Throttled),
        Refusal(status=400, body=_refusal(21617, 400), error=Malformed),
        Refusal(status=503, body=_refusal(20503, 503), error=Unavailable),
        Refusal(status=201, body=_answer(30036, 201), error=Unavailable),
        Refusal(status=504, body=b"", error=AcceptanceUnknown),
        Refusal(status=201, body=_answer(30034, 201), error=RouteRefused),
        Refusal(status=429, body=_refusal(14107, 429), error=RecipientThrottled),
        Refusal(status=400, body=_refusal(20001, 400), error=Refused),
    ),
    body=JSON,
    unlisted=lambda word: _refusal(word, 400),
    receipts=tuple((_body(word), state) for word, state in STATES.items()),
    genuine=_genuine,
    proof=SIGNATURE,
    whose=Whose.URL,
    spec="twilio_api_v2010.sms.json",
    check_specs=("twilio_api_v2010.sms.json",),
    pool=POOL,
)


def _provider(**options: str) -> TwilioProvider:
    return TwilioProvider("one", replace(SETTINGS, options={"account": ACCOUNT, **options}))


def _with_keys(*keys: bytes) -> TwilioProvider:
    return TwilioProvider("one", replace(SETTINGS, webhook_keys={str(at): Secret(key) for at, key in enumerate(keys)}))


def _verdict(provider: TwilioProvider, callback: Callback) -> bool:
    try:
        provider._verified(callback)
    except InvalidMessage:
        return False
    return True


def _refused(status: int, body: bytes) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        _provider().read_response(status, {}, body)
    return raised.value


# --- the request


def test_the_request_is_one_form_post_with_basic_authentication() -> None:
    request = _provider().build_request(an_sms())

    assert (request.method, request.url) == (
        "POST",
        f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
    )
    assert request.headers == {
        "Authorization": f"Basic {b64encode(f'{ACCOUNT}:{CREDENTIAL.decode()}'.encode()).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert request.body.startswith(b"To=%2B491701234567&From=Ithaca&Body=482913+is+your+code.&StatusCallback=https%3A")
    assert parse_qs(request.body.decode(), strict_parsing=True) == {
        "To": ["+491701234567"],
        "From": ["Ithaca"],
        "Body": ["482913 is your code."],
        "StatusCallback": [CALLBACK_URL],
        "ValidityPeriod": ["300"],
    }


def test_an_api_key_is_the_user_and_the_account_stays_in_the_path() -> None:
    request = _provider(key_id=KEY_ID).build_request(an_sms())

    assert b64decode(request.headers["Authorization"].removeprefix("Basic ")) == KEY_ID.encode() + b":" + CREDENTIAL
    assert ACCOUNT in request.url


def test_a_messaging_service_goes_before_the_sender() -> None:
    sms = msgspec.structs.replace(an_sms(), pool=POOL)
    fields = parse_qs(_provider().build_request(sms).body.decode())

    assert fields["MessagingServiceSid"] == [POOL]
    assert "From" not in fields


def test_without_a_sender_nothing_is_sent_and_another_provider_may() -> None:
    with pytest.raises(RouteRefused, match="no_sender"):
        _provider().build_request(msgspec.structs.replace(an_sms(), sender=None))


@pytest.mark.parametrize(("life", "sent"), [(0, "1"), (1, "1"), (36_000, "36000"), (36_001, "36000")])
def test_the_validity_is_kept_within_what_twilio_takes(life: int, sent: str) -> None:
    request = _provider().build_request(msgspec.structs.replace(an_sms(), validity_s=life))

    assert parse_qs(request.body.decode())["ValidityPeriod"] == [sent]


def test_any_text_arrives_as_it_is() -> None:
    text = "Code & Co. + 100 % = \u00e4\U0001f511\n?"
    request = _provider().build_request(msgspec.structs.replace(an_sms(), text=text))

    assert parse_qs(request.body.decode())["Body"] == [text]


@pytest.mark.parametrize(
    ("options", "host"),
    [
        ({}, "api.twilio.com"),
        ({"edge": "dublin", "region": "ie1"}, "api.dublin.ie1.twilio.com"),
        ({"edge": "frankfurt"}, "api.frankfurt.us1.twilio.com"),
        ({"region": "au1"}, "api.au1.twilio.com"),
    ],
)
def test_the_host_is_that_of_edge_and_region(options: dict[str, str], host: str) -> None:
    assert _provider(**options).base_url == f"https://{host}"


# --- the answer


@pytest.mark.parametrize(("code", "meaning"), CODES.items())
def test_every_documented_code_is_classed(code: int, meaning: tuple[int, type[ProviderError]]) -> None:
    status, kind = meaning
    error = _refused(status, _answer(code, status))

    assert (type(error), error.code) == (kind, str(code))


def test_no_code_is_classed_that_is_not_documented() -> None:
    assert REFUSALS.keys() == {str(code) for code in CODES}


def test_a_full_queue_throttles_with_400_too() -> None:
    assert type(_refused(400, _refusal(21611, 400))) is Throttled


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("The 'To' number +491701234567 is not valid.", Rejected),
        ("The 'From' parameter is not valid.", RouteRefused),
        ("Invalid StatusCallback: http://localhost", RouteRefused),
        ("The MessagingServiceSid is not valid.", RouteRefused),
        ("The 'Body' is not valid.", Malformed),
        ("A value from here to there is invalid", Refused),
        (None, Refused),
    ],
)
def test_an_invalid_parameter_is_of_the_field_that_its_message_names(
    message: object, kind: type[ProviderError]
) -> None:
    assert type(_refused(400, _refusal(20001, 400, message))) is kind


@pytest.mark.parametrize(("code", "status"), [(20500, 500), (20503, 503), (21211, 500), (21211, 503)])
def test_beside_a_5xx_the_status_decides(code: int, status: int) -> None:
    error = _refused(status, _refusal(code, status))

    assert (type(error), error.code) == (Unavailable, f"http_{status}")


@pytest.mark.parametrize(
    ("code", "said"),
    [(None, "http_400"), (99999, "99999"), ("in words", "http_400"), ([21211], "http_400"), (True, "http_400")],
)
def test_a_code_that_is_not_listed_means_what_its_status_means(code: object, said: str) -> None:
    error = _refused(400, orjson.dumps({"code": code, "status": 400}))

    assert (type(error), error.code) == (Refused, said)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"sid": SID, "status": "queued", "error_code": 30032}, "30032"),
        ({"sid": SID, "status": "failed", "error_code": None}, "failed"),
        ({"sid": SID, "status": "undelivered"}, "undelivered"),
        ({"sid": SID, "status": "canceled"}, "canceled"),
        ({"status": "failed"}, "failed"),
        ({"code": 39999, "message": "in words", "status": 400}, "39999"),
    ],
)
def test_a_success_that_says_that_the_message_failed_is_a_refusal(answer: dict[str, object], code: str) -> None:
    error = _refused(201, orjson.dumps(answer))

    assert (type(error), error.code) == (Refused, code)


@pytest.mark.parametrize("status", ["accepted", "scheduled", "sending", "sent", "delivered", "of next year", 201, None])
def test_any_other_state_is_of_a_message_that_was_taken(status: object) -> None:
    body = orjson.dumps({"sid": SID, "status": status, "error_code": None})

    assert _provider().read_response(201, {}, body).message_id == SID


# --- questions that send nothing


def test_the_checks_ask_for_one_message_and_the_balance() -> None:
    checks = _provider().checks()
    account = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}"

    assert {what: (request.method, request.url, request.body) for what, request in checks.items()} == {
        "credential": ("GET", f"{account}/Messages.json?PageSize=1", b""),
        "balance": ("GET", f"{account}/Balance.json", b""),
    }
    assert {request.headers["Authorization"] for request in checks.values()} == {
        _provider().build_request(an_sms()).headers["Authorization"]
    }


@pytest.mark.parametrize(
    ("what", "body", "said"),
    [
        ("credential", b'{"messages":[{"to":"+491701234567","body":"482913"}],"page_size":1}', "accepted"),
        ("balance", b'{"account_sid":"AC","balance":"12.34","currency":"USD"}', "balance 12.34 USD"),
        ("balance", b'{"account_sid":"AC","balance":null,"currency":null}', "no balance of its own"),
    ],
)
def test_what_a_check_says(what: str, body: bytes, said: str) -> None:
    assert _provider().read_check(what, 200, {}, body) == said


def test_a_refused_check_has_the_code_of_twilio() -> None:
    with pytest.raises(Misconfigured, match="20003"):
        _provider().read_check("balance", 401, {}, _refusal(20003, 401))


# --- receipts


def test_a_receipt_has_the_error_and_the_id() -> None:
    for callback in _genuine(_body("undelivered", ErrorCode="30003", ErrorMessage="")):
        (receipt,) = _provider().read_receipts(callback)

        assert (receipt.raw, receipt.code, receipt.message_id) == ("undelivered", "30003", SID)
        assert (receipt.reference, receipt.nonce) == (None, None)


@pytest.mark.parametrize("code", [*CODES, 30009, 30032, 21657, 99999])
@pytest.mark.parametrize("word", ["undelivered", "failed", "canceled"])
def test_a_failure_is_rejected_only_where_its_code_blames_the_recipient(word: str, code: int) -> None:
    (receipt,) = _provider().read_receipts(_signed(_body(word, ErrorCode=str(code))))

    assert (receipt.state, receipt.code) == (BLAMED.get(code, ReceiptState.UNDELIVERABLE), str(code))


@pytest.mark.parametrize("word", ["sent", "delivered", "a word of next year"])
def test_a_code_changes_nothing_where_nothing_has_failed(word: str) -> None:
    (receipt,) = _provider().read_receipts(_signed(_body(word, ErrorCode="21610")))

    assert receipt.state is STATES.get(word, ReceiptState.UNKNOWN)


@pytest.mark.parametrize("more", [{}, {"ErrorCode": ""}])
def test_a_receipt_without_an_error_has_no_code(more: dict[str, str]) -> None:
    (receipt,) = _provider().read_receipts(_signed(_body("delivered", **more)))

    assert receipt.code is None


@pytest.mark.parametrize("body", [b"", b"MessageSid=SM1", b"MessageStatus=", b"MessageStatu=ssent"])
def test_a_signed_callback_without_a_state_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidMessage, match="MessageStatus"):
        _provider().read_receipts(_signed(body))


# --- the signature

VECTOR_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
VECTORS = {
    "RSOYDt4T1cUTdK1PDd93/VVr8B8=": [
        ("CallSid", "CA1234567890ABCDE"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
        ("Caller", "+14158675309"),
    ],
    "IK+Dwps556ElfBT0I3Rgjkr1wJU=": [
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ],
}


@pytest.mark.parametrize("signature", VECTORS)
def test_the_published_vectors_verify(signature: str) -> None:
    body = urlencode(VECTORS[signature]).encode()
    callback = a_callback(body, {SIGNATURE: signature}, url=VECTOR_URL)

    assert _verdict(_with_keys(b"12345"), callback)
    assert not _verdict(_with_keys(b"12346"), callback)


def test_the_published_body_hash_verifies() -> None:
    body = b'{"property": "value", "boolean": true}'
    url = f"{CALLBACK_URL}?bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"

    assert _verdict(_provider(), _signed(body, url=url, tail=""))


def test_order_and_repetition_of_parameters_change_nothing() -> None:
    callback = _signed(_body("sent", ErrorCode="1"))
    parts = callback.body.split(b"&")

    for body in (b"&".join(reversed(parts)), b"&".join([*parts, *parts])):
        (receipt,) = _provider().read_receipts(replace(callback, body=body))
        assert (receipt.raw, receipt.code) == ("sent", "1")


def test_parameters_that_twilio_adds_one_day_are_part_of_the_signature() -> None:
    callback = _signed(_body("sent", RawDlrDoneDate="2411210930", Empty=""))

    assert _verdict(_provider(), callback)
    assert not _verdict(_provider(), replace(callback, body=_body("sent", Empty="")))
    assert not _verdict(_provider(), replace(callback, body=callback.body + b"&Another=1"))


@pytest.mark.parametrize(
    ("called", "signed"),
    [
        ("https://ours.test/r/1", "https://ours.test:443/r/1"),
        ("https://ours.test:443/r/1", "https://ours.test/r/1"),
        ("https://ours.test:8443/r/1", "https://ours.test/r/1"),
        ("https://ours.test:8443/r/1", "https://ours.test:8443/r/1"),
        ("http://ours.test/r/1", "http://ours.test:80/r/1"),
        ("https://ours.test", "https://ours.test:443"),
        ("https://ours.test?a=:1/", "https://ours.test:443?a=:1/"),
        ("https://[2001:db8::1]/r/1", "https://[2001:db8::1]:443/r/1"),
    ],
)
def test_the_port_may_be_signed_or_not(called: str, signed: str) -> None:
    callback = _signed(_body("sent"), url=signed)

    assert _verdict(_provider(), replace(callback, url=called))


@pytest.mark.parametrize(
    "url",
    [
        f"{CALLBACK_URL}/",
        f"{CALLBACK_URL}?",
        f"{CALLBACK_URL}?a=1",
        CALLBACK_URL.replace("https:", "http:"),
        CALLBACK_URL.replace("ours.test", "theirs.test"),
        CALLBACK_URL.upper(),
        "/receipts/one",
        "https://[",
        "\ud800",
        "",
    ],
)
def test_a_receipt_for_another_url_is_forged(url: str) -> None:
    assert not _verdict(_provider(), replace(_signed(_body("sent")), url=url))


def test_the_token_that_is_not_the_primary_one_yet_verifies_too_and_no_third() -> None:
    assert _verdict(_provider(), _signed(_body("sent"), key=KEYS["secondary"]))
    assert not _verdict(_provider(), _signed(_body("sent"), key=CREDENTIAL))


def test_a_shared_key_signs_with_sha256() -> None:
    callback = _signed(_body("delivered"), scheme="sha256")
    (receipt,) = _provider().read_receipts(callback)

    assert receipt.state is ReceiptState.DELIVERED
    assert not _verdict(_provider(), replace(callback, headers=CIMultiDict({SIGNATURE: callback.headers[SIGNATURE]})))


@pytest.mark.parametrize(
    ("settings", "believed"),
    [
        ("key=k,algorithm=HMAC_SHA1", True),
        ("algorithm=HMAC_SHA1 , key=k", True),
        ("key=k,malgorithm=HMAC_MD5", True),
        ("key=k", True),
        ("", True),
        ("key=k,algorithm=HMAC_SHA256", False),
        ("key=k,algorithm=HMAC_MD5", False),
        ("key=k,algorithm=none", False),
        ("key=k,algorithm=", True),
        ("key=k , algorithm = hmac_sha1", True),
        ("key=k,algorithm=,algorithm=hmac_sha256", False),
        ("key=k,Algorithm=HMAC_SHA256", True),
        ("key=k,algorithm=HMAC_SHA1;", False),
    ],
)
def test_only_the_hash_that_is_named_is_tried(settings: str, *, believed: bool) -> None:
    callback = _signed(_body("sent"))
    given = replace(callback, headers=CIMultiDict({**callback.headers, SCHEME: settings}))

    assert _verdict(_provider(), given) is believed


def _json_callback(body: bytes) -> Callback:
    return _signed(body, url=f"{CALLBACK_URL}?a=1&bodySHA256={sha256(body).hexdigest()}", tail="")


def test_a_json_callback_is_proved_by_its_hash_in_the_url() -> None:
    body = orjson.dumps({"MessageStatus": "delivered", "MessageSid": SID, "ErrorCode": None})
    (receipt,) = _provider().read_receipts(_json_callback(body))

    assert (receipt.state, receipt.message_id, receipt.code) == (ReceiptState.DELIVERED, SID, None)


def test_a_json_callback_with_another_body_or_without_its_hash_is_forged() -> None:
    callback = _json_callback(b'{"MessageStatus":"sent"}')
    for forged in (
        replace(callback, body=b'{"MessageStatus":"read"}'),
        _signed(callback.body, tail=""),
        _signed(callback.body, url=f"{CALLBACK_URL}?bodySHA256=", tail=""),
        _signed(callback.body, url=f"{CALLBACK_URL}?bodySHA256=\u00fc", tail=""),
    ):
        with pytest.raises(InvalidMessage) as raised:
            _provider().read_receipts(forged)
        assert raised.value.reason is DeadReason.SEAL_BROKEN


def test_a_parameter_of_the_url_that_only_ends_like_the_body_hash_is_none() -> None:
    assert _verdict(_provider(), _signed(_body("sent"), url=f"{CALLBACK_URL}?xbodySHA256=1"))


@pytest.mark.parametrize("body", [b"[]", b"null", b"", b'{"MessageStatus":7}', b"\xff"])
def test_a_signed_json_callback_without_a_state_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidMessage, match="MessageStatus"):
        _provider().read_receipts(_json_callback(body))


@pytest.mark.parametrize("body", [b"\xff=1", b"a=%ff", b"&".join(b"a%d=1" % at for at in range(201))])
def test_what_is_no_form_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidMessage) as raised:
        _provider().read_receipts(_signed(body))
    assert raised.value.reason is DeadReason.UNDECODABLE


# --- the official SDK as a second opinion

words = st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=8)
urls = st.builds(
    "{}://{}{}/{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["ours.test", "a.b.ours.test"]),
    st.sampled_from(["", ":80", ":443", ":8443"]),
    words,
    st.just("") | st.builds("?{}={}".format, words, words),
)
names = st.sampled_from(["MessageStatus", "To", "a", "\u00e4", "\uffff", "\U0001f511"]) | st.text(max_size=5)
forms = st.lists(st.tuples(names, st.sampled_from(["", "sent", "+1"]) | st.text(max_size=9)), max_size=9)
schemes = st.sampled_from([("HMAC_SHA1", {}), ("HMAC_SHA256", SHARED_KEY)])


parts = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", " "]),
    st.sampled_from(["algorithm", "key", "Algorithm", "malgorithm", ""]),
    st.sampled_from(["=", " = ", "", "=="]),
    st.sampled_from(["HMAC_SHA1", "hmac_sha256", "Hmac_Sha256", "HMAC_SHA256", "none", "", "k"]),
    st.sampled_from(["", " "]),
)


@given(settings=st.lists(parts, max_size=4).map(",".join), signed=st.sampled_from(["sha1", "sha256"]))
def test_the_sdk_reads_the_same_hash_in_the_settings_header(settings: str, signed: str) -> None:
    callback = _signed(_body("sent"), scheme=signed)
    given_so = replace(callback, headers=CIMultiDict({**callback.headers, SCHEME: settings}))
    named = get_signature_algorithm(settings).upper()

    assert _verdict(_provider(), given_so) is (named == f"HMAC_{signed.upper()}")


def _oracle(key: bytes, url: str, body: bytes, signature: str, algorithm: str) -> bool:
    pairs = parse_qsl(body.decode(), keep_blank_values=True)
    return bool(RequestValidator(key.decode()).validate(url, MultiDict(pairs), signature, algorithm))


@given(url=urls, called=urls, pairs=forms, scheme=schemes, change=st.integers(0, 5), place=st.integers(0, 99))
def test_the_sdk_has_the_same_verdict_of_forms(
    url: str, called: str, pairs: list[tuple[str, str]], scheme: tuple[str, dict[str, str]], change: int, place: int
) -> None:
    algorithm, headers = scheme
    key, body = KEYS["secondary"], urlencode(pairs).encode()
    signature = RequestValidator(key.decode()).compute_signature(url, MultiDict(pairs), algorithm)
    given_url, given_body, given_signature = url, body, signature
    if change == 1:
        given_url = called
    elif change == 2:
        given_body = b"&".join(body.split(b"&")[1:])
    elif change == 3:
        given_body = body + b"&" + body.partition(b"&")[0]
    elif change == 4:
        given_signature = signature[:place] + "A" + signature[place + 1 :]
    elif change == 5:
        given_body = b"&".join(sorted(body.split(b"&"), reverse=True)) + b"&x="
    callback = a_callback(given_body, {SIGNATURE: given_signature, **headers}, url=given_url)

    verdict = _verdict(_provider(), callback)
    assert verdict is _oracle(key, given_url, given_body, given_signature, algorithm)
    assert verdict or change


@given(url=urls, body=st.text(max_size=20), given_body=st.text(max_size=20), changed=st.booleans(), scheme=schemes)
def test_the_sdk_has_the_same_verdict_of_json(
    url: str, body: str, given_body: str, scheme: tuple[str, dict[str, str]], *, changed: bool
) -> None:
    algorithm, headers = scheme
    url = f"{url}{'&' if '?' in url else '?'}bodySHA256={sha256(body.encode()).hexdigest()}"
    validator = RequestValidator(KEYS["primary"].decode())
    signature = validator.compute_signature(url, {}, algorithm)
    sent = given_body if changed else body
    callback = a_callback(sent.encode(), {SIGNATURE: signature, **headers}, url=url)

    assert _verdict(_provider(), callback) is validator.validate(url, sent, signature, algorithm)
    assert _verdict(_provider(), callback) is (sent == body)


def test_a_form_with_a_wrong_body_hash_is_forged_although_the_sdk_does_not_look() -> None:
    url, body = f"{CALLBACK_URL}?bodySHA256={'0' * 64}", _body("sent")
    callback = _signed(body, url=url)

    assert _oracle(KEYS["primary"], url, body, callback.headers[SIGNATURE], "HMAC_SHA1")
    assert not _verdict(_provider(), callback)


def test_an_empty_query_is_part_of_the_url_although_the_sdk_drops_it() -> None:
    callback = _signed(_body("sent"))
    url = f"{CALLBACK_URL}?"

    assert _oracle(KEYS["primary"], url, callback.body, callback.headers[SIGNATURE], "HMAC_SHA1")
    assert not _verdict(_provider(), replace(callback, url=url))
