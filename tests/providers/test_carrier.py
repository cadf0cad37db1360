"""The adapter of the simulated carrier."""

import hmac
from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from pipeline.errors import (
    InvalidMessage,
    Malformed,
    Misconfigured,
    Refused,
    Rejected,
    RouteRefused,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings, Secret
from providers.carrier import REFUSALS, CarrierProvider
from providers.seam import Callback
from tests.providers.contract import CALLBACK_URL, CREDENTIAL, TOKEN, Refusal, Sample, a_callback, an_sms
from tests.providers.kinds import JSON, Whose

SETTINGS = ProviderSettings(adapter="carrier", base_url="https://carrier.test/a", credential=Secret(CREDENTIAL))
STATES = {
    "enroute": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "expired": ReceiptState.EXPIRED,
    "undelivered": ReceiptState.UNDELIVERABLE,
    "rejected": ReceiptState.UNDELIVERABLE,
    "Delivered": ReceiptState.UNKNOWN,
    "a word of next year": ReceiptState.UNKNOWN,
}


def _genuine(body: bytes) -> Sequence[Callback]:
    return [a_callback(body, {"X-Carrier-Signature": hmac.digest(CREDENTIAL, body, "sha256").hex()})]


def _body(state: object, error: str = "absent") -> bytes:
    return orjson.dumps({"id": "4b0f", "state": state, "error": error, "reference": TOKEN})


SAMPLE = Sample(
    settings=SETTINGS,
    accepted=b'{"id":"4b0f"}',
    message_id="4b0f",
    refusals=(
        Refusal(status=422, body=b'{"error":"invalid_number"}', error=Rejected),
        Refusal(status=422, body=b'{"error":"not_reachable_from_here"}', error=Undeliverable),
        Refusal(status=422, body=b'{"error":"country_refused"}', error=RouteRefused),
        Refusal(status=402, body=b'{"error":"no_funds"}', error=Misconfigured),
        Refusal(status=422, body=b'{"error":"bad_text"}', error=Malformed),
        Refusal(status=400, body=b'{"error":"bad_request"}', error=Refused),
        Refusal(status=201, body=b'{"id":"4b0f","error":"invalid_number"}', error=Rejected),
    ),
    body=JSON,
    unlisted=lambda word: orjson.dumps({"error": word}),
    receipts=tuple((_body(word), state) for word, state in STATES.items()),
    genuine=_genuine,
    proof="X-Carrier-Signature",
    whose=Whose.REFERENCE,
)


def test_the_request_is_one_json_post_with_the_bearer_token() -> None:
    request = CarrierProvider("one", SETTINGS).build_request(an_sms())

    assert (request.method, request.url) == ("POST", "https://carrier.test/a/v1/messages")
    assert request.headers["Authorization"] == f"Bearer {CREDENTIAL.decode()}"
    assert orjson.loads(request.body) == {
        "to": "+491701234567",
        "text": "482913 is your code.",
        "from": "Ithaca",
        "callback_url": CALLBACK_URL,
        "client_reference": "request-0123456789.1",
        "validity_s": 300,
    }


def test_a_receipt_has_the_error_the_id_and_the_reference() -> None:
    (callback,) = _genuine(_body("undelivered"))
    (receipt,) = CarrierProvider("one", SETTINGS).read_receipts(callback)

    assert (receipt.raw, receipt.code, receipt.message_id, receipt.reference) == (
        "undelivered",
        "absent",
        "4b0f",
        TOKEN,
    )


@pytest.mark.parametrize("word", ["undelivered", "rejected"])
@pytest.mark.parametrize("error", [*REFUSALS, "absent"])
def test_a_failure_is_rejected_only_where_its_error_blames_the_recipient(word: str, error: str) -> None:
    (callback,) = _genuine(_body(word, error))
    (receipt,) = CarrierProvider("one", SETTINGS).read_receipts(callback)

    of_recipient = error in {"invalid_number", "opted_out", "blocked_as_fraud"}
    assert receipt.state is (ReceiptState.REJECTED if of_recipient else ReceiptState.UNDELIVERABLE)


def test_the_signature_of_one_body_does_not_fit_another() -> None:
    (callback,) = _genuine(_body("undelivered"))

    with pytest.raises(InvalidMessage, match="X-Carrier-Signature"):
        CarrierProvider("one", SETTINGS).read_receipts(replace(callback, body=_body("delivered")))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"", _body(7), _body(None)])
def test_a_signed_callback_without_a_state_is_invalid(body: bytes) -> None:
    (callback,) = _genuine(body)

    with pytest.raises(InvalidMessage, match="state"):
        CarrierProvider("one", SETTINGS).read_receipts(callback)
