"""The adapter of Vonage: its Messages API."""

import hmac
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
import msgspec
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from vonage_jwt.errors import VonageVerifyJwtError  # type: ignore[import-untyped]
from vonage_jwt.verify_jwt import verify_signature  # type: ignore[import-untyped]

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
    SettingsError,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings, Secret
from providers.seam import Accepted, Callback, ProviderReceipt
from providers.vonage import VonageProvider
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
APPLICATION = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
UUID = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
KEYS = {"k1": b"the-newer-signature-secret-of-ours!!", "k2": b"the-older-signature-secret-of-ours!!"}
REFERENCE = TOKEN.rpartition(".")[2]
SETTINGS = ProviderSettings(
    adapter="vonage",
    credential=Secret(CREDENTIAL),
    options={"api_key": API_KEY},
    webhook_keys={name: Secret(key) for name, key in KEYS.items()},
)
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
JWT_SETTINGS = replace(
    SETTINGS,
    credential=Secret(PEM.strip().replace(b"\n", b"\\n")),
    options={"api_key": API_KEY, "application_id": APPLICATION},
)

# code -> its HTTP status and what it means; https://developer.vonage.com/en/api-errors/messages
CODES: Mapping[str, tuple[int, type[ProviderError]]] = {
    "unauthorized": (401, Misconfigured),
    "low-balance": (402, Misconfigured),
    "forbidden": (403, Misconfigured),
    "unprovisioned": (401, Misconfigured),
    "account-suspended": (403, Misconfigured),
    "jwt-expired": (401, Misconfigured),
    "jwt-revoked": (401, Misconfigured),
    "invalid-api-key": (401, Misconfigured),
    "invalid-signature": (401, Misconfigured),
    "not-found": (404, Misconfigured),
    "invalid-json": (422, Refused),
    "invalid-params": (422, Refused),
    "1000": (429, Throttled),
    "1010": (422, Refused),
    "1020": (422, Refused),
    "1021": (422, Refused),
    "1022": (422, Refused),
    "1030": (422, Unavailable),
    "1040": (422, Refused),
    "1050": (422, Rejected),
    "1060": (403, Misconfigured),
    "1070": (402, Misconfigured),
    "1080": (403, Misconfigured),
    "1090": (422, Malformed),
    "1100": (422, Unavailable),
    "1120": (422, RouteRefused),
    "1130": (422, Refused),
    "1140": (422, Misconfigured),
    "1150": (422, Refused),
    "1160": (422, Misconfigured),
    "1170": (422, Rejected),
    "1180": (422, Undeliverable),
    "1190": (422, Rejected),
    "1200": (422, Undeliverable),
    "1210": (422, Undeliverable),
    "1220": (422, Undeliverable),
    "1230": (422, Unavailable),
    "1240": (422, Rejected),
    "1241": (429, RecipientThrottled),
    "1242": (422, RouteRefused),
    "1250": (422, Undeliverable),
    "1251": (422, Undeliverable),
    "1260": (422, Undeliverable),
    "1270": (422, Undeliverable),
    "1280": (422, Undeliverable),
    "1282": (422, Undeliverable),
    "1290": (422, Undeliverable),
    "1300": (422, Undeliverable),
    "1310": (422, Undeliverable),
    "1330": (422, Undeliverable),
    "1331": (422, Unavailable),
    "1400": (422, Refused),
    "1410": (422, Refused),
    "1420": (422, RouteRefused),
    "1430": (422, Rejected),
    "1440": (422, Refused),
    "1450": (422, Refused),
    "1460": (422, RouteRefused),
    "1470": (422, RouteRefused),
    "1472": (429, Throttled),
    "1473": (422, Rejected),
    "1474": (422, RouteRefused),
    "1475": (422, RouteRefused),
    "1476": (422, RouteRefused),
    "1480": (422, RouteRefused),
    "1481": (422, RouteRefused),
    "1482": (422, RouteRefused),
    "1483": (422, RouteRefused),
    "1484": (422, RouteRefused),
    "2001": (422, Rejected),
}
# codes of a failure that blame the recipient: barred, no number, gone for good, illegal, opted out, fraud
OF_RECIPIENT = {"1050", "1170", "1190", "1240", "1430", "1473", "2001"}
STATES = {
    "submitted": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "rejected": ReceiptState.UNDELIVERABLE,
    "undeliverable": ReceiptState.UNDELIVERABLE,
    "Delivered": ReceiptState.UNKNOWN,
    "a word of next year": ReceiptState.UNKNOWN,
}


def a_provider(settings: ProviderSettings = SETTINGS, /, **options: str) -> VonageProvider:
    return VonageProvider("one", replace(settings, options={**settings.options, **options}), now=lambda: NOW)


def problem(code: str, *invalid: object) -> bytes:
    """Refuse as RFC 7807 says."""
    answer: dict[str, object] = {
        "type": f"https://developer.vonage.com/api-errors/messages#{code}",
        "title": "Invalid",
        "detail": f"{NUMBER} in words",
        "instance": "bf0ca0bf927b3b52e3cb03217e1a1ddf",
    }
    return orjson.dumps({**answer, "invalid_parameters": invalid} if invalid else answer)


def status_of(word: object = "delivered", **changes: object) -> bytes:
    """Report as the Messages API does."""
    return orjson.dumps(
        {
            "message_uuid": UUID,
            "to": NUMBER[1:],
            "from": "Ithaca",
            "timestamp": "2024-10-27T03:33:20.000Z",
            "status": word,
            "channel": "sms",
            "client_ref": REFERENCE,
            "usage": {"currency": "EUR", "price": "0.0333"},
            "destination": {"network_code": "26201"},
            "sms": {"count_total": "1"},
            **changes,
        }
    )


def claims_of(body: bytes, **changes: object) -> dict[str, Any]:
    claims = {
        "iat": int(NOW),
        "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
        "iss": "Vonage",
        "payload_hash": sha256(body).hexdigest(),
        "api_key": API_KEY,
        "application_id": APPLICATION,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not ...}


def token_of(claims: object, key: bytes = KEYS["k1"], **header: object) -> str:
    """Make a JWT by hand: a library would refuse the wrong ones."""
    head = {"alg": "HS256", "typ": "JWT", **header}
    signed = b".".join(urlsafe_b64encode(orjson.dumps(one)).rstrip(b"=") for one in (head, claims))
    return b".".join((signed, urlsafe_b64encode(hmac.digest(key, signed, "sha256")).rstrip(b"="))).decode()


def bearing(token: str, body: bytes = b"", *, scheme: str = "Bearer ") -> Callback:
    return a_callback(body, {"Content-Type": "application/json", "Authorization": f"{scheme}{token}"})


def signed(body: bytes, *, key: bytes = KEYS["k1"], **changes: object) -> Callback:
    return bearing(token_of(claims_of(body, **changes), key), body)


def refused_by(provider: VonageProvider, callback: Callback) -> DeadReason | None:
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
    accepted=orjson.dumps({"message_uuid": UUID}),
    message_id=UUID,
    refusals=tuple(
        Refusal(status=CODES[code][0], body=problem(code), error=CODES[code][1])
        for code in ("unauthorized", "low-balance", "1000", "1010", "1030", "1050", "1090", "1120", "1241", "1250")
    ),
    body=JSON,
    unlisted=problem,
    receipts=tuple((status_of(word), state) for word, state in STATES.items()),
    genuine=lambda body: [signed(body, key=key) for key in KEYS.values()],
    proof="Authorization",
    whose=Whose.REFERENCE,
)


# Settings


@pytest.mark.parametrize("region", ["mars", "", "US"])
def test_a_region_that_cannot_be_meant_stops_the_start(region: str) -> None:
    with pytest.raises(SettingsError) as raised:
        a_provider(region=region)

    assert str(raised.value) == "providers.one.options.region: not known; write us or eu or ap"


def test_there_is_no_option_of_the_sms_api() -> None:
    needs = VonageProvider.needs

    assert {*needs.required, *needs.optional} == {"api_key", "application_id", "region"}


@pytest.mark.parametrize(
    ("options", "base_url", "url", "balance"),
    [
        ({}, "", "https://api.nexmo.com/v1/messages", "https://rest.nexmo.com"),
        ({"region": "us"}, "", "https://api-us.vonage.com/v1/messages", "https://rest.nexmo.com"),
        ({"region": "eu"}, "", "https://api-eu.vonage.com/v1/messages", "https://rest.nexmo.com"),
        ({"region": "ap"}, "", "https://api-ap.vonage.com/v1/messages", "https://rest.nexmo.com"),
        ({"region": "eu"}, "https://v.test/a", "https://v.test/a/v1/messages", "https://v.test/a"),
    ],
)
def test_the_address_is_of_the_region_and_one_of_ours_is_for_the_account_too(
    options: Mapping[str, str], base_url: str, url: str, balance: str
) -> None:
    provider = a_provider(replace(SETTINGS, base_url=base_url), **options)

    assert provider.build_request(an_sms()).url == url
    assert provider.checks()["credential"].url == f"{balance}/account/get-balance"


@pytest.mark.parametrize(
    "pem",
    [
        CREDENTIAL,
        b"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----",
        PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
)
def test_an_application_without_its_private_key_stops_the_start_and_the_key_stays_secret(pem: bytes) -> None:
    with pytest.raises(SettingsError) as raised:
        a_provider(replace(JWT_SETTINGS, credential=Secret(pem)))

    text = str(raised.value)
    assert text.startswith("providers.one.credential: no RSA private key; write ")
    assert pem.decode() not in text
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_a_private_key_with_real_line_breaks_will_do() -> None:
    assert a_provider(replace(JWT_SETTINGS, credential=Secret(PEM))).build_request(an_sms())


# Requests and answers


def sent(settings: ProviderSettings = SETTINGS, **changes: Any) -> Any:
    return orjson.loads(a_provider(settings).build_request(msgspec.structs.replace(an_sms(), **changes)).body)


def test_the_request_is_one_json_post_with_basic_credentials() -> None:
    request = a_provider().build_request(an_sms())

    assert (request.method, request.url) == ("POST", "https://api.nexmo.com/v1/messages")
    scheme, _, basic = request.headers["Authorization"].partition(" ")
    assert (scheme, b64decode(basic)) == ("Basic", b"abcd1234:" + CREDENTIAL)
    assert request.headers["Content-Type"] == "application/json"
    assert orjson.loads(request.body) == {
        "message_type": "text",
        "channel": "sms",
        "to": "491701234567",
        "from": "Ithaca",
        "text": "482913 is your code.",
        "ttl": 300,
        "client_ref": REFERENCE,
        "webhook_url": CALLBACK_URL,
        "webhook_version": "v1",
        "sms": {"encoding_type": "auto"},
    }


@pytest.mark.parametrize(
    ("validity_s", "ttl"), [(-1, 20), (0, 20), (19, 20), (20, 20), (600, 600), (604_800, 604_800), (700_000, 604_800)]
)
def test_the_validity_is_of_seconds_and_within_their_range(validity_s: int, ttl: int) -> None:
    assert sent(validity_s=validity_s)["ttl"] == ttl


def test_a_number_as_a_sender_has_no_plus() -> None:
    assert sent(sender="+447700900001")["from"] == "447700900001"


@pytest.mark.parametrize("sender", [None, ""])
@pytest.mark.parametrize("pool", [None, "abc123"])
def test_without_a_sender_nothing_is_sent_also_from_a_pool(sender: str | None, pool: str | None) -> None:
    with pytest.raises(RouteRefused, match="no_sender"):
        a_provider().build_request(msgspec.structs.replace(an_sms(), sender=sender, pool=pool))


@pytest.mark.parametrize(
    ("registrations", "ids"),
    [
        ({"dlt_entity_id": "1101", "dlt_template_id": "1107"}, {"entity_id": "1101", "content_id": "1107"}),
        ({"dlt_entity_id": "1101"}, {"entity_id": "1101"}),
        ({"dlt_template_id": "1107", "campaign_id": "C1"}, {"content_id": "1107"}),
        ({"campaign_id": "C1"}, {}),
    ],
)
def test_the_registration_of_india_and_the_pool_go_along(
    registrations: Mapping[str, str], ids: Mapping[str, str]
) -> None:
    assert sent(registrations=registrations)["sms"] == {"encoding_type": "auto", **ids}
    assert sent(pool="abc123")["sms"] == {"encoding_type": "auto", "pool_id": "abc123"}
    both = {"encoding_type": "auto", "pool_id": "abc123", **ids}
    assert sent(registrations=registrations, pool="abc123")["sms"] == both


@pytest.mark.parametrize("code", CODES)
def test_each_code_behind_the_hash_is_understood(code: str) -> None:
    status, error = CODES[code]
    with pytest.raises(ProviderError) as raised:
        a_provider().read_response(status, {}, problem(code))

    assert (type(raised.value), raised.value.code) == (error, code)


@pytest.mark.parametrize("code", ["1010", "1020", "1040", "1410", "invalid-params"])
@pytest.mark.parametrize(
    ("names", "error"),
    [
        (["to"], Rejected),
        (["ttl", "to"], Rejected),
        (["from"], RouteRefused),
        (["to", "From"], RouteRefused),
        (["webhook_url"], RouteRefused),
        (["client_ref"], RouteRefused),
        (["sms.pool_id"], RouteRefused),
        (["sms.content_id"], RouteRefused),
        (["text"], Malformed),
        (["sms.encoding_type"], Malformed),
        (["ttl"], Refused),
    ],
)
def test_a_request_that_is_wrong_is_of_the_parameter_that_it_names(
    code: str, names: Sequence[str], error: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as raised:
        a_provider().read_response(422, {}, problem(code, *({"name": name, "reason": "x"} for name in names)))

    assert (type(raised.value), raised.value.code) == (error, code)


@pytest.mark.parametrize("invalid", ["to", {"name": "to"}, ["to"], [{"name": ["to"]}], 7, None])
def test_a_request_that_is_wrong_in_nothing_that_is_named_is_refused(invalid: object) -> None:
    body = orjson.dumps({**orjson.loads(problem("1040")), "invalid_parameters": invalid})

    with pytest.raises(Refused, match="1040"):
        a_provider().read_response(422, {}, body)


@pytest.mark.parametrize("code", ["1050", "low-balance", "9999"])
def test_a_success_with_a_problem_in_its_body_is_a_refusal(code: str) -> None:
    with pytest.raises(ProviderError) as raised:
        a_provider().read_response(202, {}, problem(code))

    assert (type(raised.value), raised.value.code) == (CODES.get(code, (0, Refused))[1], code)


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (500, problem("1030"), Unavailable, "http_500"),
        (500, problem("1100"), Unavailable, "http_500"),
        (502, problem("1050"), AcceptanceUnknown, "http_502"),
        (422, problem("9999"), Refused, "9999"),
        (422, problem("482913"), Refused, "http_422"),
        (422, problem("491701234567"), Refused, "http_422"),
        (401, problem("unathorized"), Misconfigured, "unathorized"),  # so written on one page of theirs
        (422, b'{"type":"1050"}', Rejected, "1050"),
        (422, b'{"type":"https://developer.vonage.com/api-errors"}', Refused, "http_422"),
        (422, b'{"type":["#1050"]}', Refused, "http_422"),
        (422, b'{"type":null,"title":1050}', Refused, "http_422"),
        (429, b"", Throttled, "http_429"),
    ],
)
def test_an_unlisted_code_means_what_its_status_means(
    status: int, body: bytes, error: type[ProviderError], code: str
) -> None:
    with pytest.raises(ProviderError) as raised:
        a_provider().read_response(status, {}, body)

    assert (type(raised.value), raised.value.code) == (error, code)


def test_the_wait_that_goes_with_a_throttling_word_is_kept() -> None:
    with pytest.raises(Throttled) as raised:
        a_provider().read_response(429, {"Retry-After": "15"}, problem("1000"))

    assert raised.value.retry_after_s == 15


def test_an_accepted_message_may_have_a_workflow() -> None:
    body = orjson.dumps(
        {"message_uuid": UUID, "workflow_id": "3TcNjguHxr2vcCZ9Ddsnq6tw8yQUpZ9rMHv9QXSxLan5ibMxqSzLdx9"}
    )

    assert a_provider().read_response(202, {}, body) == Accepted(message_id=UUID)


# The application's JWT


def bearer_of(provider: VonageProvider) -> str:
    scheme, _, token = provider.build_request(an_sms()).headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    return token


def test_an_application_signs_its_requests_with_rs256() -> None:
    token = bearer_of(a_provider(JWT_SETTINGS))

    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, PRIVATE.public_key(), algorithms=["RS256"], options=options)
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT"}
    assert claims.pop("jti")
    assert claims == {"application_id": APPLICATION, "iat": int(NOW), "exp": int(NOW) + 900}


def test_a_jwt_is_kept_for_most_of_its_life_and_never_to_its_end() -> None:
    times = [NOW]
    provider = VonageProvider("one", JWT_SETTINGS, now=lambda: times[-1])
    tokens = []
    for after_s in (0, 0.5, 719, 720, 1439, 1440, 5000):
        times.append(NOW + after_s)
        tokens.append(bearer_of(provider))

    first, second, third = tokens[0], tokens[3], tokens[5]
    assert tokens[:6] == [first, first, first, second, second, third]
    assert len({*tokens}) == 4


def test_a_clock_that_is_set_back_makes_a_new_jwt() -> None:
    times = [NOW]
    provider = VonageProvider("one", JWT_SETTINGS, now=lambda: times[-1])
    first = bearer_of(provider)
    times.append(NOW - 1)

    assert bearer_of(provider) != first


def test_the_api_secret_and_the_private_key_are_nowhere_in_a_request() -> None:
    request = a_provider(JWT_SETTINGS).build_request(an_sms())
    shown = f"{request.url} {request.headers} {request.body.decode()}"

    assert API_KEY not in shown
    assert b64decode(PEM.split(b"-----")[2]).hex()[:40] not in shown


# Checks


def test_an_api_secret_is_checked_by_the_balance_and_is_not_in_the_url() -> None:
    (check,) = a_provider().checks().values()

    assert (check.method, check.url, check.body) == ("GET", "https://rest.nexmo.com/account/get-balance", b"")
    assert b64decode(check.headers["Authorization"].removeprefix("Basic ")) == b"abcd1234:" + CREDENTIAL
    detail = a_provider().read_check("credential", 200, {}, b'{"value":10.28,"autoReload":false}')
    assert detail == "balance 10.28 EUR"


def test_an_application_is_checked_by_a_message_without_anything() -> None:
    provider = a_provider(JWT_SETTINGS)
    (check,) = provider.checks().values()

    assert (check.method, check.url, check.body) == ("POST", "https://api.nexmo.com/v1/messages", b"{}")
    assert check.headers["Authorization"] == f"Bearer {bearer_of(provider)}"


@pytest.mark.parametrize("code", ["1010", "1020", "1120", "1400", "1420", "1430", "1440", "a new one"])
def test_whatever_is_wrong_with_such_a_message_its_key_was_right(code: str) -> None:
    detail = a_provider(JWT_SETTINGS).read_check("credential", 422, {}, problem(code))

    assert detail == "the application's key is accepted; no balance without the API secret"


@pytest.mark.parametrize(
    ("settings", "status", "body", "error", "code"),
    [
        (SETTINGS, 401, b'{"error-code":"401","error-code-label":"authentication failed"}', Misconfigured, "http_401"),
        (SETTINGS, 401, problem("unprovisioned"), Misconfigured, "unprovisioned"),
        (SETTINGS, 422, problem("1010"), Refused, "1010"),
        (SETTINGS, 204, b"", Refused, "http_204"),
        (JWT_SETTINGS, 401, problem("unauthorized"), Misconfigured, "unauthorized"),
        (JWT_SETTINGS, 401, problem("jwt-expired"), Misconfigured, "jwt-expired"),
        (JWT_SETTINGS, 402, problem("low-balance"), Misconfigured, "low-balance"),
        (JWT_SETTINGS, 422, problem("1140"), Misconfigured, "1140"),
        (JWT_SETTINGS, 200, b'{"value":10.28}', Refused, "http_200"),
        (JWT_SETTINGS, 404, b"", Misconfigured, "http_404"),
        (JWT_SETTINGS, 429, problem("1000"), Throttled, "1000"),
        (JWT_SETTINGS, 500, problem("1030"), Unavailable, "http_500"),
    ],
)
def test_a_check_says_what_is_wrong(
    settings: ProviderSettings, status: int, body: bytes, error: type[ProviderError], code: str
) -> None:
    with pytest.raises(ProviderError) as raised:
        a_provider(settings).read_check("credential", status, {}, body)

    assert (type(raised.value), raised.value.code) == (error, code)


# Callbacks


def test_a_receipt_has_the_error_the_id_the_reference_and_the_nonce() -> None:
    error = {"type": "https://developer.nexmo.com/api-errors/messages-olympus#1260", "title": 1260, "detail": "words"}
    (receipt,) = a_provider().read_receipts(signed(status_of("undeliverable", error=error)))

    assert receipt == ProviderReceipt(
        state=ReceiptState.UNDELIVERABLE,
        raw="undeliverable",
        code="1260",
        message_id=UUID,
        reference=REFERENCE,
        nonce="c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
    )


@pytest.mark.parametrize("word", ["rejected", "undeliverable"])
@pytest.mark.parametrize("code", [*CODES, "1320", "1340"])
def test_a_failure_is_rejected_only_where_its_code_blames_the_recipient(word: str, code: str) -> None:
    (receipt,) = a_provider().read_receipts(signed(status_of(word, error=orjson.loads(problem(code)))))

    state = ReceiptState.REJECTED if code in OF_RECIPIENT else ReceiptState.UNDELIVERABLE
    assert (receipt.state, receipt.code) == (state, code)


@pytest.mark.parametrize(
    "error", [None, 7, "1260", [], {}, {"type": None}, {"type": "https://x.test"}, {"type": f"x#{NUMBER[1:]}"}]
)
def test_what_is_no_code_is_not_kept(error: object) -> None:
    (receipt,) = a_provider().read_receipts(signed(status_of("rejected", error=error)))

    assert receipt.code is None


@pytest.mark.parametrize("reference", [None, 7, ["x"], {}])
def test_a_receipt_without_its_reference_fits_no_attempt(reference: object) -> None:
    (receipt,) = a_provider().read_receipts(signed(status_of(client_ref=reference)))

    assert receipt.reference == ""


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", status_of(None), status_of(""), status_of(["read"])])
def test_a_signed_callback_without_a_status_is_invalid(body: bytes) -> None:
    assert refused_by(a_provider(), signed(body)) is DeadReason.INVALID_FIELD


def test_the_known_token_has_the_right_signature_and_no_hash_of_a_body() -> None:
    token = (
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLCJpYXQiOjE2OTc2MzQ2ODAsImV4cCI6Mz"
        "MyNTQ1NDA4MjgsImF1ZCI6IiIsInN1YiI6IiJ9.88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6CGM"
    )
    right = {"k1": Secret(b"qwertyuiopasdfghjklzxcvbnm123456")}
    callback = replace(bearing(token), received_at=1_697_634_680.0)

    assert verify_signature(token, "qwertyuiopasdfghjklzxcvbnm123456")
    with pytest.raises(InvalidMessage, match="payload_hash"):
        a_provider(replace(SETTINGS, webhook_keys=right)).read_receipts(callback)
    with pytest.raises(InvalidMessage, match="Authorization"):
        a_provider().read_receipts(callback)


def test_a_token_made_by_a_library_of_others_is_believed() -> None:
    body = status_of()
    for key in KEYS.values():
        assert is_believed(bearing(jwt.encode(claims_of(body), key, algorithm="HS256"), body))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": ""},
        {"alg": None},
        {"alg": ["HS256"]},
        {"alg": "hs256"},
        {"alg": "HS384"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"b64": False},
        {"b64": False, "crit": ["b64"]},
        {"crit": ["x"]},
        {"kid": 7},
    ],
)
def test_a_token_of_another_algorithm_is_forged(header: Mapping[str, Any]) -> None:
    body = status_of()
    token = token_of(claims_of(body), **header)

    assert not is_believed(bearing(token, body))
    assert not is_believed(bearing(f"{token.rpartition('.')[0]}.", body))


@pytest.mark.parametrize("method", ["HS384", "HS512"])
def test_a_token_rightly_signed_with_another_hash_is_forged(method: str) -> None:
    body, key = status_of(), b"a secret of at least 64 bytes, so that the library does not warn of it"
    provider = a_provider(replace(SETTINGS, webhook_keys={"k1": Secret(key)}))

    assert refused_by(provider, bearing(jwt.encode(claims_of(body), key, algorithm=method), body)) is not None
    assert refused_by(provider, bearing(jwt.encode(claims_of(body), key, algorithm="HS256"), body)) is None


def test_the_public_key_of_the_application_signs_nothing() -> None:
    public = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    settings = replace(JWT_SETTINGS, webhook_keys={"k1": Secret(public)})

    assert not is_believed(signed(status_of(), key=public), settings)


@pytest.mark.parametrize("key", [b"short", b"s3cr3t-of-16-byte", b"x" * 200])
def test_a_secret_of_any_length_is_taken_without_a_warning(key: bytes) -> None:
    assert is_believed(signed(status_of(), key=key), replace(SETTINGS, webhook_keys={"k1": Secret(key)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"payload_hash": ...},
        {"payload_hash": None},
        {"payload_hash": ""},
        {"payload_hash": sha256(b"{}").hexdigest()},
        {"payload_hash": sha256(status_of()).hexdigest()[:-1]},
        {"payload_hash": [sha256(status_of()).hexdigest()]},
        {"payload_hash": "\u00fc" * 64},
        {"iat": ...},
        {"iat": None},
        {"iat": f"{NOW:.0f}"},
        {"iat": True},
        {"iat": []},
        {"iat": 1e30},
        {"exp": int(NOW)},
        {"exp": f"{NOW + 60:.0f}"},
        {"exp": None},
        {"nbf": int(NOW) + 301},
        {"nbf": "0"},
        {"api_key": "abcd1235"},
        {"api_key": None},
        {"api_key": [API_KEY]},
    ],
)
def test_a_token_with_wrong_claims_is_forged_though_it_is_signed(changes: Mapping[str, Any]) -> None:
    body = status_of()

    assert not is_believed(signed(body, **changes))


@pytest.mark.parametrize(
    "changes",
    [{"api_key": ...}, {"application_id": ...}, {"jti": ...}, {"exp": int(NOW) + 1}, {"nbf": int(NOW)}, {"iat": NOW}],
)
def test_claims_that_are_not_there_or_right_are_no_obstacle(changes: Mapping[str, Any]) -> None:
    assert is_believed(signed(status_of(), **changes))


def test_a_token_of_another_application_is_forged_where_we_know_ours() -> None:
    callback = signed(status_of(), application_id="another")

    assert not is_believed(callback, JWT_SETTINGS)
    assert is_believed(callback)  # Basic credentials are of the account: any application of it
    assert is_believed(signed(status_of()), JWT_SETTINGS)


@pytest.mark.parametrize(
    ("age_s", "believed"),
    [(-301, False), (-300, True), (0, True), (301, True), (86700, True), (86701, False)],
)
def test_a_callback_is_believed_for_as_long_as_it_may_be_repeated(age_s: int, believed: bool) -> None:  # noqa: FBT001
    assert is_believed(signed(status_of(), iat=int(NOW) - age_s)) is believed


def test_the_window_is_around_the_arrival_and_not_around_the_reading() -> None:
    provider, callback = VonageProvider("one", SETTINGS, now=lambda: NOW + 90_000), signed(status_of())

    assert refused_by(provider, callback) is None
    assert refused_by(provider, replace(callback, received_at=NOW + 90_000)) is DeadReason.SEAL_BROKEN


@pytest.mark.parametrize("scheme", ["", "Basic ", "bearer", "JWT ", "Bearer  ", " Bearer "])
def test_a_token_of_another_scheme_is_forged(scheme: str) -> None:
    body = status_of()

    assert not is_believed(bearing(token_of(claims_of(body)), body, scheme=scheme))


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a.b.c", "\udce9.\udce9.\udce9", "\u00fc.a.b", "e30.e30.", "e30.e30.AAAA"]
)
def test_what_is_no_token_is_forged(token: str) -> None:
    assert not is_believed(bearing(token, status_of()))


def test_a_token_whose_claims_are_no_object_is_forged() -> None:
    for claims in ("[]", '"x"', "7", "null"):
        assert not is_believed(bearing(token_of(orjson.Fragment(claims)), status_of()))


def test_of_repeated_headers_the_first_counts() -> None:
    callback = signed(status_of())
    before, after = CIMultiDict(callback.headers), CIMultiDict({"Authorization": "Bearer a.b.c"})
    after.extend(before)
    before.add("Authorization", "Bearer a.b.c")

    assert is_believed(replace(callback, headers=before))
    assert not is_believed(replace(callback, headers=after))


def test_without_any_key_every_callback_is_forged() -> None:
    assert not is_believed(signed(status_of()), replace(SETTINGS, webhook_keys={}))


def test_the_api_secret_signs_nothing() -> None:
    assert not is_believed(signed(status_of(), key=CREDENTIAL))


def test_a_callback_of_the_sms_api_proves_nothing() -> None:
    text = f"&client-ref={REFERENCE}&status=delivered&timestamp={NOW:.0f}"
    fields = parse_qsl(f"{text}&sig={hmac.digest(KEYS['k1'], text.encode(), 'sha256').hex()}")
    for body in (urlencode(fields).encode(), orjson.dumps(dict(fields))):
        assert not is_believed(a_callback(body, {}))
    assert not is_believed(a_callback(b"", {}, url=f"{CALLBACK_URL}?{urlencode(fields)}", method="GET"))


# The provider's own SDK as the second opinion. It reads the machine's clock, which is later than NOW.


def sdk_believes(token: str, key: bytes = KEYS["k1"]) -> bool:
    try:
        return bool(verify_signature(token, key.decode()))
    except VonageVerifyJwtError:
        return False


def verdicts(token: str, body: bytes) -> tuple[bool, bool]:
    return is_believed(replace(bearing(token, body), received_at=NOW)), sdk_believes(token)


@pytest.mark.parametrize("word", STATES)
def test_the_sdk_believes_what_we_believe(word: str) -> None:
    body = status_of(word)
    for changes in ({}, {"jti": ...}, {"api_key": ...}, {"application_id": ...}):
        assert verdicts(token_of(claims_of(body, **changes)), body) == (True, True)


@pytest.mark.parametrize("place", range(0, 400, 3))
def test_the_sdk_refuses_each_changed_character_of_a_token(place: int) -> None:
    body = status_of()
    token = token_of(claims_of(body))
    place %= len(token)
    for other in "A_.=":
        changed = token[:place] + other + token[place + 1 :]

        assert verdicts(changed, body) == (changed == token, changed == token)


@pytest.mark.parametrize("alg", ["none", "None", "", "hs256", "HS", "S256", "HS384", "RS256", None, ["HS256"]])
def test_the_sdk_refuses_each_algorithm_that_we_refuse(alg: object) -> None:
    body = status_of()

    assert verdicts(token_of(claims_of(body), alg=alg), body) == (False, False)


@given(token=st.text(max_size=100) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_the_sdk_refuses_any_token_that_we_refuse(token: str) -> None:
    assert verdicts(token, b"{}") == (False, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"payload_hash": ...},
        {"payload_hash": sha256(b"another body").hexdigest()},
        {"iat": ...},
        {"iat": int(NOW) - 86_701},
        {"iat": f"{NOW:.0f}"},
        {"api_key": "abcd1235"},
    ],
)
def test_the_sdk_is_laxer_about_the_claims(changes: Mapping[str, Any]) -> None:
    body = status_of()

    assert verdicts(token_of(claims_of(body, **changes)), body) == (False, True)


def test_the_sdk_is_laxer_about_the_body() -> None:
    assert verdicts(token_of(claims_of(status_of())), status_of("rejected")) == (False, True)


def test_the_sdk_refuses_what_has_ended() -> None:
    body = status_of()

    assert verdicts(token_of(claims_of(body, exp=int(NOW) - 1)), body) == (False, False)
