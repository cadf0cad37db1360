"""The adapter of the simulated carrier."""

import orjson
import pytest
from multidict import CIMultiDict

from pipeline.errors import InvalidMessage
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings, Secret
from providers.base import Callback
from providers.carrier import CarrierProvider
from tests.providers.contract import CREDENTIAL, SAMPLES, an_sms

SETTINGS = ProviderSettings(adapter="carrier", base_url="https://carrier.test/a/", credential=Secret(CREDENTIAL))


def a_callback(body: bytes, signature: str | None = None) -> Callback:
    headers = CIMultiDict(SAMPLES["carrier"].signed(body))
    if signature is not None:
        headers["X-Carrier-Signature"] = signature
    return Callback(method="POST", url="https://ours.test/receipts/one/token", headers=headers, body=body)


def test_the_request_is_one_json_post_with_the_bearer_token() -> None:
    request = CarrierProvider("one", SETTINGS).build_request(an_sms())

    assert (request.method, request.url) == ("POST", "https://carrier.test/a/v1/messages")
    assert request.headers["Authorization"] == f"Bearer {CREDENTIAL.decode()}"
    assert orjson.loads(request.body) == {
        "to": "+491701234567",
        "text": "482913 is your code.",
        "from": "Ithaca",
        "callback_url": "https://example.test/receipts/x/token",
        "client_reference": "request-0123456789.1",
        "validity_s": 300,
    }


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("enroute", ReceiptState.ENROUTE),
        ("delivered", ReceiptState.DELIVERED),
        ("expired", ReceiptState.EXPIRED),
        ("undelivered", ReceiptState.UNDELIVERABLE),
        ("rejected", ReceiptState.REJECTED),
        ("Delivered", ReceiptState.UNKNOWN),
        ("a word of next year", ReceiptState.UNKNOWN),
    ],
)
def test_the_words_of_receipts_are_understood_and_kept(word: str, state: ReceiptState) -> None:
    body = orjson.dumps({"id": "4b0f", "state": word, "error": "absent"})
    (receipt,) = CarrierProvider("one", SETTINGS).read_receipts(a_callback(body))

    assert (receipt.state, receipt.raw, receipt.code, receipt.message_id) == (state, word, "absent", "4b0f")
    assert receipt.reference is None


@pytest.mark.parametrize("signature", ["", "00", "0" * 64, "ü" * 64])
def test_a_callback_with_another_signature_is_invalid(signature: str) -> None:
    with pytest.raises(InvalidMessage, match="X-Carrier-Signature"):
        CarrierProvider("one", SETTINGS).read_receipts(a_callback(b'{"state":"delivered"}', signature))


def test_the_signature_of_one_body_does_not_fit_another() -> None:
    signature = SAMPLES["carrier"].signed(b'{"state":"undelivered"}')["X-Carrier-Signature"]

    with pytest.raises(InvalidMessage):
        CarrierProvider("one", SETTINGS).read_receipts(a_callback(b'{"state":"delivered"}', signature))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"", b'{"state":7}', b'{"state":null}'])
def test_a_signed_callback_without_a_state_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidMessage, match="state"):
        CarrierProvider("one", SETTINGS).read_receipts(a_callback(body))
