"""The adapter of Infobip SMS v3."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import orjson
import pytest

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
from providers.infobip import InfobipProvider
from providers.seam import Callback
from tests.providers.contract import CALLBACK_URL, CREDENTIAL, NOW, NUMBER, TOKEN, Refusal, Sample, a_callback, an_sms
from tests.providers.kinds import JSON, Whose

PAIRS = ("ithaca:new-password_1", "ithaca:old.password~2")
PLAIN = ProviderSettings(adapter="infobip", credential=Secret(CREDENTIAL))
SETTINGS = replace(PLAIN, webhook_keys={f"k{at}": Secret(pair.encode()) for at, pair in enumerate(PAIRS)})
MESSAGE_ID = "request-0123456789.1"


def _basic(pair: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _genuine(body: bytes) -> Sequence[Callback]:
    return [a_callback(body, _basic(pair)) for pair in PAIRS]


def _answer(group: object, number: object, *, message_id: object = MESSAGE_ID) -> bytes:
    status = {"groupId": group, "groupName": "G", "id": number, "name": "N", "description": NUMBER}
    message = {"messageId": message_id, "destination": NUMBER, "status": status, "details": {"messageCount": 1}}
    return orjson.dumps({"bulkId": "2034072219640523072", "messages": [message]})


def _older(word: str) -> bytes:
    return orjson.dumps({"requestError": {"serviceException": {"messageId": word, "text": NUMBER}}})


def _newer(word: object, *properties: object) -> bytes:
    violations = [{"property": one, "violation": f"{NUMBER} in words"} for one in properties]
    return orjson.dumps({"errorCode": word, "description": NUMBER, "violations": violations, "resources": []})


def _result(number: int, group: int, name: object, error: int = 0, **changes: object) -> dict[str, Any]:
    return {
        "bulkId": "2034072219640523072",
        "messageId": MESSAGE_ID,
        "to": NUMBER[1:],
        "sentAt": "2023-01-01T10:00:00.000+0000",
        "doneAt": "2023-01-01T10:00:02.000+0000",
        "messageCount": 1,
        "mccMnc": "26201",
        "callbackData": TOKEN,
        "price": {"pricePerMessage": 0.07, "currency": "EUR"},
        "status": {"groupId": group, "groupName": "G", "id": number, "name": name, "description": "words"},
        "error": {"groupId": 1 if error else 0, "id": error, "name": "EC", "permanent": False},
        **changes,
    }


def _body(*results: object) -> bytes:
    return orjson.dumps({"results": results})


# id, group, name -> state, of the provider's page
STATES: Sequence[tuple[int, int, str, ReceiptState]] = (
    (3, 1, "PENDING_WAITING_DELIVERY", ReceiptState.ENROUTE),
    (7, 1, "PENDING_ENROUTE", ReceiptState.ENROUTE),
    (26, 1, "PENDING_ACCEPTED", ReceiptState.ENROUTE),
    (2, 3, "DELIVERED_TO_OPERATOR", ReceiptState.ENROUTE),
    (5, 3, "DELIVERED_TO_HANDSET", ReceiptState.DELIVERED),
    (4, 2, "UNDELIVERABLE_REJECTED_OPERATOR", ReceiptState.UNDELIVERABLE),
    (9, 2, "UNDELIVERABLE_NOT_DELIVERED", ReceiptState.UNDELIVERABLE),
    (31, 2, "UNDELIVERABLE_NOT_SENT", ReceiptState.UNDELIVERABLE),
    (15, 4, "EXPIRED_EXPIRED", ReceiptState.EXPIRED),
    (29, 4, "EXPIRED_DLR_UNKNOWN", ReceiptState.UNKNOWN),
    (87, 4, "SIGNALS_BLOCKED", ReceiptState.REJECTED),
    (87, 5, "SIGNALS_BLOCKED", ReceiptState.REJECTED),
    (6, 5, "REJECTED_NETWORK", ReceiptState.UNDELIVERABLE),
    (8, 5, "REJECTED_PREFIX_MISSING", ReceiptState.REJECTED),
    (10, 5, "REJECTED_DND", ReceiptState.REJECTED),
    (11, 5, "REJECTED_SOURCE", ReceiptState.UNDELIVERABLE),
    (12, 5, "REJECTED_NOT_ENOUGH_CREDITS", ReceiptState.UNDELIVERABLE),
    (13, 5, "REJECTED_SENDER", ReceiptState.UNDELIVERABLE),
    (14, 5, "REJECTED_DESTINATION_BLOCKLISTED", ReceiptState.REJECTED),
    (17, 5, "REJECTED_PREPAID_PACKAGE_EXPIRED", ReceiptState.UNDELIVERABLE),
    (18, 5, "REJECTED_DESTINATION_NOT_REGISTERED", ReceiptState.UNDELIVERABLE),
    (19, 5, "REJECTED_ROUTE_NOT_AVAILABLE", ReceiptState.UNDELIVERABLE),
    (20, 5, "REJECTED_FLOODING_FILTER", ReceiptState.UNDELIVERABLE),
    (21, 5, "REJECTED_SYSTEM_ERROR", ReceiptState.UNDELIVERABLE),
    (23, 5, "REJECTED_DUPLICATE_MESSAGE_ID", ReceiptState.UNKNOWN),
    (24, 5, "REJECTED_INVALID_UDH", ReceiptState.UNDELIVERABLE),
    (25, 5, "REJECTED_MESSAGE_TOO_LONG", ReceiptState.UNDELIVERABLE),
    (51, 5, "MISSING_TO", ReceiptState.REJECTED),
    (52, 5, "REJECTED_DESTINATION", ReceiptState.REJECTED),
    (100, 5, "UNDELIVERABLE_REJECTED_PLATFORM", ReceiptState.UNDELIVERABLE),
    (700, 0, "A_WORD_OF_NEXT_YEAR", ReceiptState.ENROUTE),
    (700, 2, "A_WORD_OF_NEXT_YEAR", ReceiptState.UNDELIVERABLE),
    (700, 5, "A_WORD_OF_NEXT_YEAR", ReceiptState.UNDELIVERABLE),
    (700, 3, "A_WORD_OF_NEXT_YEAR", ReceiptState.UNKNOWN),  # delivered to whom?
    (700, 9, "A_WORD_OF_NEXT_YEAR", ReceiptState.UNKNOWN),
    (123_456, 9, "A" * 99, ReceiptState.UNKNOWN),
)

REFUSED: Mapping[int, tuple[int, type[ProviderError]]] = {
    4: (2, Undeliverable),
    6: (5, Undeliverable),
    8: (5, Rejected),
    9: (2, Undeliverable),
    10: (5, Rejected),
    11: (5, RouteRefused),
    12: (5, Misconfigured),
    13: (5, RouteRefused),
    14: (5, Rejected),
    15: (4, Unavailable),
    17: (5, Misconfigured),
    18: (5, Misconfigured),
    19: (5, RouteRefused),
    20: (5, RecipientThrottled),
    21: (5, Unavailable),
    24: (5, Malformed),
    25: (5, Malformed),
    29: (4, AcceptanceUnknown),
    31: (2, Undeliverable),
    51: (5, Rejected),
    52: (5, Rejected),
    87: (5, Rejected),
    100: (5, Refused),
    701: (2, Refused),
    702: (4, Refused),
    703: (5, Refused),
}

SAMPLE = Sample(
    settings=SETTINGS,
    accepted=_answer(1, 26),
    message_id=MESSAGE_ID,
    refusals=(
        Refusal(status=200, body=_answer(5, 52), error=Rejected),
        Refusal(status=200, body=_answer(2, 4), error=Undeliverable),
        Refusal(status=200, body=_answer(5, 19), error=RouteRefused),
        Refusal(status=200, body=_answer(5, 12), error=Misconfigured),
        Refusal(status=200, body=_answer(5, 20), error=RecipientThrottled),
        Refusal(status=200, body=_answer(5, 21), error=Unavailable),
        Refusal(status=200, body=_answer(5, 25), error=Malformed),
        Refusal(status=200, body=_answer(4, 29), error=AcceptanceUnknown),
        Refusal(status=400, body=_newer("E400"), error=Refused),
        Refusal(status=400, body=_newer("E400", "messages[0].content.text"), error=Malformed),
        Refusal(status=401, body=_newer("E401"), error=Misconfigured),
        Refusal(status=403, body=_newer("E403"), error=Misconfigured),
        Refusal(status=429, body=_newer("E429"), error=Throttled),
        Refusal(status=500, body=_newer("E500"), error=Unavailable),
    ),
    body=JSON,
    unlisted=_newer,
    receipts=tuple((_body(_result(number, group, name)), state) for number, group, name, state in STATES),
    genuine=_genuine,
    proof="Authorization",
    whose=Whose.REFERENCE,
    covers_body=False,  # Basic credentials prove who calls and nothing of what
    spec="infobip_sms_v3.json",
    check_specs=("infobip_sms_v3.json", "infobip_account.json"),
)


def _provider(settings: ProviderSettings = PLAIN) -> InfobipProvider:
    return InfobipProvider("one", settings, now=lambda: NOW)


def _sent(settings: ProviderSettings = PLAIN, **changes: Any) -> Any:
    sms = msgspec.structs.replace(an_sms(), **changes)
    return orjson.loads(_provider(settings).build_request(sms).body)["messages"][0]


def test_the_request_is_one_json_post_with_the_api_key() -> None:
    request = _provider().build_request(an_sms())

    assert (request.method, request.url) == ("POST", "https://api.infobip.com/sms/3/messages")
    assert request.headers == {"Authorization": f"App {CREDENTIAL.decode()}", "Content-Type": "application/json"}
    assert orjson.loads(request.body) == {
        "messages": [
            {
                "sender": "Ithaca",
                "destinations": [{"to": "491701234567", "messageId": "request-0123456789.1"}],
                "content": {"text": "482913 is your code."},
                "options": {"validityPeriod": {"amount": 300, "timeUnit": "SECONDS"}},
                "webhooks": {
                    "delivery": {"url": CALLBACK_URL, "notify": True},
                    "contentType": "application/json",
                    "callbackData": TOKEN,
                },
            }
        ]
    }


@pytest.mark.parametrize(
    ("subdomain", "url"),
    [
        (None, "https://api.infobip.com"),
        ("abc123", "https://abc123.api.infobip.com"),
        ("abc123.api.infobip.com", "https://abc123.api.infobip.com"),  # as the portal shows it
    ],
)
def test_an_account_has_a_host_of_its_own(subdomain: str | None, url: str) -> None:
    settings = replace(PLAIN, options={"subdomain": subdomain} if subdomain else {})

    assert _provider(settings).base_url == url


def test_a_message_without_a_sender_leaves_it_to_the_account() -> None:
    assert "sender" not in _sent(sender=None)


@pytest.mark.parametrize(
    ("validity_s", "amount"), [(-3, 1), (0, 1), (1, 1), (59, 59), (172_800, 172_800), (999_999, 172_800)]
)
def test_the_validity_is_of_seconds_up_to_two_days(validity_s: int, amount: int) -> None:
    assert _sent(validity_s=validity_s)["options"]["validityPeriod"] == {"amount": amount, "timeUnit": "SECONDS"}


@pytest.mark.parametrize(
    ("registrations", "regional"),
    [
        (
            {"dlt_entity_id": "1101", "dlt_template_id": "1107"},
            {"indiaDlt": {"principalEntityId": "1101", "contentTemplateId": "1107"}},
        ),
        ({"dlt_entity_id": "1101"}, {"indiaDlt": {"principalEntityId": "1101"}}),
        ({"dlt_template_id": "1107"}, None),  # the entity is required
        ({"campaign_id": "C1"}, None),  # their campaign is one of statistics
        ({}, None),
    ],
)
def test_the_registration_of_india_goes_along(registrations: Mapping[str, str], regional: object) -> None:
    assert _sent(registrations=registrations)["options"].get("regional") == regional


def test_the_first_webhook_key_stands_in_the_callback_url() -> None:
    url = _sent(SETTINGS)["webhooks"]["delivery"]["url"]

    assert url == f"https://ithaca:new-password_1@ours.test/receipts/one/{TOKEN}"


@pytest.mark.parametrize("key", [b"", b"password", b"user:", b":password", b"a:b:c", b"a:b@c", b"a:b/c", b"a:\xc3\xbc"])
def test_a_webhook_key_that_is_no_plain_pair_is_refused_at_the_start(key: bytes) -> None:
    settings = replace(PLAIN, webhook_keys={"k0": Secret(PAIRS[0].encode()), "k1": Secret(key)})

    with pytest.raises(SettingsError, match=r"providers\.one\.webhook_keys: write user:password"):
        _provider(settings)


@pytest.mark.parametrize(("group", "number"), [(0, 0), (1, 3), (1, 7), (1, 26), (1, 799), (3, 2), (3, 5)])
def test_a_message_of_a_good_group_is_accepted(group: int, number: int) -> None:
    assert _provider().read_response(200, {}, _answer(group, number)).message_id == MESSAGE_ID


def test_a_message_with_an_id_that_was_used_before_is_the_one_accepted_before() -> None:
    assert _provider().read_response(200, {}, _answer(5, 23)).message_id == MESSAGE_ID


@pytest.mark.parametrize("number", REFUSED)
def test_a_200_can_refuse_by_the_id_of_its_status(number: int) -> None:
    group, error = REFUSED[number]
    with pytest.raises(ProviderError) as raised:
        _provider().read_response(200, {}, _answer(group, number))

    assert (type(raised.value), raised.value.code) == (error, str(number))


@pytest.mark.parametrize(
    "body",
    [
        _answer(1, 26, message_id=None),
        _answer(1, 26, message_id=""),
        _answer(5, 23, message_id=None),
        _answer(None, None),
        _answer(9, 700),
        _answer("1", "26"),
        _answer(True, True),
        b'{"messages":[]}',
        b'{"messages":[[]]}',
        b'{"messages":{"0":{}}}',
        b'{"messages":[{"messageId":"x"}]}',
        b'{"messages":[{"messageId":"x","status":[1]}]}',
        b'{"messageId":"x","status":{"groupId":1,"id":26}}',
    ],
)
def test_a_200_without_an_id_and_a_good_group_promises_nothing(body: bytes) -> None:
    with pytest.raises(AcceptanceUnknown, match="no_id"):
        _provider().read_response(200, {}, body)


def test_a_number_in_place_of_a_status_id_stays_out_of_the_error() -> None:
    with pytest.raises(Refused) as raised:
        _provider().read_response(200, {}, _answer(5, int(NUMBER)))

    assert raised.value.code == "http_200"


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (400, _newer("E400"), Refused, "E400"),
        (200, _newer("E400"), Refused, "E400"),
        (200, _newer("E401"), Misconfigured, "E401"),
        (200, b'{"requestError":{}}', AcceptanceUnknown, "no_id"),
        (200, b'{"requestError":{"policyException":{}}}', Refused, "http_200"),
        (401, _newer("E401"), Misconfigured, "E401"),
        (403, _newer("E403"), Misconfigured, "E403"),
        (429, _newer("E429"), Throttled, "E429"),
        (400, _newer("E500"), Unavailable, "E500"),
        (500, _newer("E500"), Unavailable, "http_500"),  # beside a 5xx words say nothing
        (503, _newer("E400"), Unavailable, "http_503"),
        (502, _newer("E400"), AcceptanceUnknown, "http_502"),
        (400, _older("BAD_REQUEST"), Refused, "BAD_REQUEST"),
        (401, _older("UNAUTHORIZED"), Misconfigured, "UNAUTHORIZED"),
        (403, _older("FORBIDDEN"), Misconfigured, "FORBIDDEN"),
        (429, _older("TOO_MANY_REQUESTS"), Throttled, "TOO_MANY_REQUESTS"),
        (500, _older("GENERAL_ERROR"), Unavailable, "http_500"),
        (400, _older("GENERAL_ERROR"), Unavailable, "GENERAL_ERROR"),
        (404, _older("NOT_FOUND"), Misconfigured, "NOT_FOUND"),
        (400, _newer("E499"), Refused, "E499"),
        (400, b'{"requestError":[]}', Refused, "http_400"),
        (400, b'{"requestError":{"serviceException":7}}', Refused, "http_400"),
        (400, _answer(1, 26), Refused, "http_400"),  # a good status beside a bad one
    ],
)
def test_an_error_status_is_of_the_new_or_of_the_old_form(
    status: int, body: bytes, error: type[ProviderError], code: str
) -> None:
    with pytest.raises(ProviderError) as raised:
        _provider().read_response(status, {}, body)

    assert (type(raised.value), raised.value.code) == (error, code)


@pytest.mark.parametrize(
    ("properties", "kind"),
    [
        (["messages[0].sender"], RouteRefused),
        (["messages[0].from"], RouteRefused),
        (["messages[0].webhooks.delivery.url"], RouteRefused),
        (["messages[0].webhooks.callbackData"], RouteRefused),
        (["messages[0].options.regional.indiaDlt.principalEntityId"], RouteRefused),
        (["messages[0].destinations[0].to"], Rejected),
        (["messages[0].content"], Malformed),
        (["messages[0].options.validityPeriod.amount", "MESSAGES[0].SENDER"], RouteRefused),
        (["messages[0].destinations[0].messageId"], Refused),
        ([None, 7, {}], Refused),
    ],
)
def test_a_bad_request_is_of_the_field_that_is_violated(properties: list[object], kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as raised:
        _provider().read_response(400, {}, _newer("E400", *properties))

    assert (type(raised.value), raised.value.code) == (kind, "E400")


def test_a_bad_request_of_the_old_form_names_its_fields_too() -> None:
    wrong = {"messages[0].from": ["is too long"], "messages[0].destinations[0].to": ["is none"]}
    exception = {"messageId": "BAD_REQUEST", "text": "Bad Request", "validationErrors": wrong}
    with pytest.raises(RouteRefused, match="BAD_REQUEST"):
        _provider().read_response(400, {}, orjson.dumps({"requestError": {"serviceException": exception}}))


def test_the_wait_that_goes_with_429_is_kept() -> None:
    with pytest.raises(Throttled) as raised:
        _provider().read_response(429, {"Retry-After": "9"}, _newer("E429"))

    assert raised.value.retry_after_s == 9


def test_the_checks_are_two_reads_that_take_no_report_from_anybody() -> None:
    checks = _provider().checks()

    assert {what: (check.method, check.url, check.body) for what, check in checks.items()} == {
        "credential": ("GET", "https://api.infobip.com/sms/3/reports?limit=1&messageId=ithaca-check", b""),
        "balance": ("GET", "https://api.infobip.com/account/1/balance", b""),
    }
    assert all(check.headers["Authorization"] == f"App {CREDENTIAL.decode()}" for check in checks.values())


def test_reports_that_may_be_read_prove_the_right_to_send() -> None:
    assert _provider().read_check("credential", 200, {}, b'{"results":[]}') == "the key may send SMS"


@pytest.mark.parametrize(("status", "word"), [(401, "E401"), (403, "E403")])
def test_reports_that_may_not_be_read_prove_that_nothing_can_be_sent(status: int, word: str) -> None:
    with pytest.raises(Misconfigured, match=word):
        _provider().read_check("credential", status, {}, _newer(word))


def test_the_balance_is_told_with_its_currency() -> None:
    assert _provider().read_check("balance", 200, {}, b'{"balance":47.79134,"currency":"EUR"}') == "47.79134 EUR"


@pytest.mark.parametrize("body", [_older("FORBIDDEN"), _newer("E403")])
def test_a_key_that_may_not_see_the_balance_is_a_good_one(body: bytes) -> None:
    detail = _provider().read_check("balance", 403, {}, body)

    assert detail == "not told: the key is valid and has no scope account-management:manage"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, _older("UNAUTHORIZED"), Misconfigured),
        (403, b"<html>not from here</html>", Misconfigured),  # not the provider's own word
        (401, _older("FORBIDDEN"), Misconfigured),
        (429, _older("TOO_MANY_REQUESTS"), Throttled),
        (500, _older("GENERAL_ERROR"), Unavailable),
    ],
)
def test_a_balance_that_cannot_be_had_is_an_error(status: int, body: bytes, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        _provider().read_check("balance", status, {}, body)


def test_a_receipt_has_the_error_the_id_and_the_reference() -> None:
    callback = _genuine(_body(_result(9, 2, "UNDELIVERABLE_NOT_DELIVERED", error=27)))[0]
    (receipt,) = _provider(SETTINGS).read_receipts(callback)

    assert (receipt.raw, receipt.code, receipt.message_id, receipt.reference, receipt.nonce) == (
        "UNDELIVERABLE_NOT_DELIVERED",
        "27",
        MESSAGE_ID,
        TOKEN,
        None,
    )


@pytest.mark.parametrize("error", [None, [], {}, {"id": 0}, {"id": "27"}, {"id": -1}, {"id": int(NUMBER)}])
def test_no_error_is_no_code(error: object) -> None:
    result = {**_result(5, 3, "DELIVERED_TO_HANDSET"), "error": error}
    (receipt,) = _provider().read_receipts(a_callback(_body(result), {}))

    assert receipt.code is None


@pytest.mark.parametrize("error", [1, 5, 6, 9, 11, 12, 27, 31, 32, 33, 34, 256, 368, 433, 561, 565, 573, 603, 607, 629])
def test_the_error_of_a_receipt_is_its_code(error: int) -> None:
    callback = a_callback(_body(_result(9, 2, "UNDELIVERABLE_NOT_DELIVERED", error=error)), {})
    (receipt,) = _provider().read_receipts(callback)

    assert receipt.code == str(error)


@pytest.mark.parametrize("error", [1, 9, 11, 12, 565, 573, 629, 5, 6, 13, 27, 31, 32, 34, 256, 368, 433, 561, 603, 607])
@pytest.mark.parametrize(("number", "group"), [(4, 2), (9, 2), (31, 2), (19, 5), (700, 5)])
def test_a_failure_is_rejected_only_where_its_error_blames_the_recipient(number: int, group: int, error: int) -> None:
    (receipt,) = _provider().read_receipts(a_callback(_body(_result(number, group, "N", error=error)), {}))

    of_recipient = error in {1, 9, 11, 12, 565, 573, 629}  # permanent, of the phone or its subscription
    assert receipt.state is (ReceiptState.REJECTED if of_recipient else ReceiptState.UNDELIVERABLE)


def test_one_callback_can_hold_several_receipts() -> None:
    body = _body(
        _result(2, 3, "DELIVERED_TO_OPERATOR", messageId="a", callbackData="one"),
        _result(5, 3, "DELIVERED_TO_HANDSET", messageId="b", callbackData="two"),
    )
    receipts = _provider().read_receipts(a_callback(body, {}))

    assert [(one.state, one.message_id, one.reference) for one in receipts] == [
        (ReceiptState.ENROUTE, "a", "one"),
        (ReceiptState.DELIVERED, "b", "two"),
    ]


@pytest.mark.parametrize("reference", [None, 7, ["x"], {"x": 1}])
def test_a_receipt_without_its_reference_fits_no_attempt(reference: object) -> None:
    body = _body(_result(5, 3, "DELIVERED_TO_HANDSET", callbackData=reference))
    (receipt,) = _provider().read_receipts(a_callback(body, {}))

    assert receipt.reference == ""


@pytest.mark.parametrize("strange", [7, None, [], {}, "DELIVERED", {"status": "DELIVERED"}, {"status": []}])
def test_what_is_no_result_fits_no_attempt_and_takes_nothing_from_those_beside_it(strange: object) -> None:
    body = _body(strange, _result(5, 3, "DELIVERED_TO_HANDSET"), strange)
    first, second, third = _provider().read_receipts(a_callback(body, {}))

    assert (second.state, second.reference) == (ReceiptState.DELIVERED, TOKEN)
    for one in (first, third):
        assert (one.state, one.raw, one.reference) == (ReceiptState.UNKNOWN, "nameless", "")


@pytest.mark.parametrize("name", [None, "", [], {}])
def test_a_result_without_a_name_is_told_by_its_id(name: object) -> None:
    (receipt,) = _provider().read_receipts(a_callback(_body(_result(5, 3, name)), {}))

    assert (receipt.state, receipt.raw) == (ReceiptState.DELIVERED, "5")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "results"),
        (b"{}", "results"),
        (b"[]", "results"),
        (b'{"results":{}}', "results"),
        (b'<results><result messageId="x"/></results>', "results"),
    ],
)
def test_a_callback_without_results_is_invalid(body: bytes, what: str) -> None:
    for callback in _genuine(body):
        with pytest.raises(InvalidMessage, match=what) as raised:
            _provider(SETTINGS).read_receipts(callback)
        assert raised.value.reason is DeadReason.INVALID_FIELD


def test_a_receipt_moved_to_another_address_still_says_whose_it_is() -> None:
    callback = _genuine(_body(_result(5, 3, "DELIVERED_TO_HANDSET")))[0]
    (receipt,) = _provider(SETTINGS).read_receipts(replace(callback, url=callback.url.replace(".1.one.", ".2.one.")))

    assert receipt.reference == TOKEN


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": "Basic "},
        {"Authorization": PAIRS[0]},
        {"Authorization": f"Basic {PAIRS[0]}"},
        {"Authorization": f"App {CREDENTIAL.decode()}"},
        {"Authorization": _basic(PAIRS[0])["Authorization"].replace("Basic", "Bearer")},
        {"Authorization": _basic(PAIRS[0])["Authorization"] + "="},
        {"Authorization": _basic(PAIRS[0])["Authorization"][:-2]},
        {"Authorization": _basic(PAIRS[0])["Authorization"].swapcase()},
        {"Authorization": "\u00fc" * 40},
        {"X-Authorization": _basic(PAIRS[0])["Authorization"]},
        _basic("ithaca:"),
        _basic(":new-password_1"),
        _basic("Ithaca:new-password_1"),
        _basic("ithaca:new-password_1 "),
    ],
)
def test_with_webhook_keys_a_callback_without_one_of_them_is_forged(headers: Mapping[str, str]) -> None:
    body = _body(_result(5, 3, "DELIVERED_TO_HANDSET"))

    with pytest.raises(InvalidMessage, match="Authorization") as raised:
        _provider(SETTINGS).read_receipts(a_callback(body, headers))
    assert raised.value.reason is DeadReason.SEAL_BROKEN


def test_a_forged_callback_is_not_even_read() -> None:
    with pytest.raises(InvalidMessage) as raised:
        _provider(SETTINGS).read_receipts(a_callback(b"not JSON", {}))
    assert raised.value.reason is DeadReason.SEAL_BROKEN


@pytest.mark.parametrize("headers", [{}, _basic("any:body"), {"Authorization": "Bearer x"}])
def test_without_webhook_keys_our_token_alone_is_the_proof(headers: Mapping[str, str]) -> None:
    (receipt,) = _provider().read_receipts(a_callback(_body(_result(5, 3, "DELIVERED_TO_HANDSET")), headers))

    assert (receipt.state, receipt.reference) == (ReceiptState.DELIVERED, TOKEN)
