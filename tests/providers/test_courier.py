"""The example: an adapter as none of the real ones is, of which the contract holds all the same."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

import pytest

from pipeline.errors import (
    AcceptanceUnknown,
    Malformed,
    Misconfigured,
    Refused,
    Rejected,
    RouteRefused,
    Throttled,
    Unavailable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings, Secret
from providers.seam import Callback
from tests.providers.contract import CALLBACK_URL, CREDENTIAL, Refusal, Sample, a_callback, an_sms
from tests.providers.courier import CourierProvider
from tests.providers.kinds import TEXT, Whose

SETTINGS = ProviderSettings(adapter="courier", credential=Secret(CREDENTIAL), options={"user": "shop"})
STATES = {
    "SENT": ReceiptState.ENROUTE,
    "DELIVRD": ReceiptState.DELIVERED,
    "EXPIRED": ReceiptState.EXPIRED,
    "UNDELIV": ReceiptState.UNDELIVERABLE,
    "REJECTD": ReceiptState.UNDELIVERABLE,
    "a word of next year": ReceiptState.UNKNOWN,
}


def _genuine(body: bytes) -> Sequence[Callback]:
    return [a_callback(body, {"Content-Type": "application/x-www-form-urlencoded"})]


def _body(status: str, err: str = "") -> bytes:
    return urlencode({"id": "c-7f3a9c", "status": status, "err": err}).encode()


SAMPLE = Sample(
    settings=SETTINGS,
    accepted=b"OK c-7f3a9c",
    message_id="c-7f3a9c",
    refusals=(
        Refusal(status=400, body=b"ERR 105 number invalid", error=Rejected),
        Refusal(status=200, body=b"ERR 106 opted out", error=Rejected),
        Refusal(status=400, body=b"ERR 110 text too long", error=Malformed),
        Refusal(status=400, body=b"ERR 120 sender not registered", error=RouteRefused),
        Refusal(status=401, body=b"ERR 201 bad password", error=Misconfigured),
        Refusal(status=200, body=b"ERR 300 slow down", error=Throttled),
        Refusal(status=400, body=b"ERR 400 bad request", error=Refused),
        Refusal(status=200, body=b"ERR 500 internal", error=Unavailable),
    ),
    body=TEXT,
    unlisted=lambda word: f"ERR {word} never heard of".encode(),
    receipts=(
        *((_body(word), state) for word, state in STATES.items()),
        (_body("UNDELIV", "105"), ReceiptState.REJECTED),
    ),
    genuine=_genuine,
    proof=None,
    whose=Whose.TOKEN,
    covers_body=False,
)


def test_the_request_is_one_form_post() -> None:
    request = CourierProvider("one", SETTINGS).build_request(an_sms())

    assert (request.method, request.url) == ("POST", "https://api.courier.example/send")
    assert dict(parse_qsl(request.body.decode())) == {
        "user": "shop",
        "password": CREDENTIAL.decode(),
        "to": "491701234567",
        "from": "Ithaca",
        "text": "482913 is your code.",
        "dlr_url": CALLBACK_URL,
        "validity": "5",
    }


@pytest.mark.parametrize("body", [b"OK", b"OK ", b"OK\r\n", b"ok c-7f3a9c", b"Queued.", b"c-7f3a9c"])
def test_a_sentence_without_an_id_promises_nothing(body: bytes) -> None:
    with pytest.raises(AcceptanceUnknown, match="no_id"):
        CourierProvider("one", SETTINGS).read_response(200, {}, body)


def test_a_receipt_has_the_number_of_its_error_and_no_reference() -> None:
    (callback,) = _genuine(_body("UNDELIV", "105"))
    (receipt,) = CourierProvider("one", SETTINGS).read_receipts(callback)

    assert (receipt.raw, receipt.code, receipt.message_id, receipt.reference) == ("UNDELIV", "105", "c-7f3a9c", None)
