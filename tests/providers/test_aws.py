"""The adapter of AWS End User Messaging SMS."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson
import pytest
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from botocore.loaders import Loader  # type: ignore[import-untyped]
from botocore.model import ServiceModel, Shape  # type: ignore[import-untyped]
from botocore.parsers import create_parser  # type: ignore[import-untyped]
from botocore.regions import EndpointResolver  # type: ignore[import-untyped]
from botocore.serialize import create_serializer  # type: ignore[import-untyped]
from botocore.validate import ParamValidator  # type: ignore[import-untyped]
from multidict import CIMultiDict

from pipeline.errors import (
    DeadReason,
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
from providers import aws
from providers.aws import REFUSALS, STATES, AwsProvider
from providers.seam import Callback, ProviderReceipt
from providers.sns import SUFFIXES, Certificates
from tests.providers.certificates import Authority, an_authority, self_signed
from tests.providers.contract import (
    CREDENTIAL,
    NOW,
    NUMBER,
    TOKEN,
    Refusal,
    Sample,
    Script,
    a_callback,
    a_stub,
    an_sms,
    answers,
    writes,
)
from tests.providers.kinds import JSON, Whose
from tests.providers.test_sns import ARN, TOPIC, Fields, Signatory, a_key, a_pem, a_signatory, a_subscription

OPTIONS: Final = {"key_id": "AKIDEXAMPLE", "region": "eu-west-1", "configuration_set": "otp", "topic_arn": ARN}
SETTINGS: Final = ProviderSettings(adapter="aws", credential=Secret(CREDENTIAL), options=OPTIONS)
FIXED_URL: Final = "https://ours.test/receipts/one"
MODEL: Final = ServiceModel(Loader().load_service_model("pinpoint-sms-voice-v2", "service-2"))
MESSAGE_ID: Final = "862a8790-60c0-4430-9b2b-658bd0000000"

EVENTS: Final = {
    "TEXT_QUEUED": ReceiptState.ENROUTE,
    "TEXT_PENDING": ReceiptState.ENROUTE,
    "TEXT_SENT": ReceiptState.ENROUTE,
    "TEXT_DELIVERED": ReceiptState.DELIVERED,
    "TEXT_SUCCESSFUL": ReceiptState.DELIVERED,
    "TEXT_INVALID": ReceiptState.REJECTED,
    "TEXT_INVALID_MESSAGE": ReceiptState.UNDELIVERABLE,
    "TEXT_UNREACHABLE": ReceiptState.UNDELIVERABLE,
    "TEXT_CARRIER_UNREACHABLE": ReceiptState.UNDELIVERABLE,
    "TEXT_BLOCKED": ReceiptState.UNDELIVERABLE,
    "TEXT_CARRIER_BLOCKED": ReceiptState.UNDELIVERABLE,
    "TEXT_SPAM": ReceiptState.UNDELIVERABLE,
    "TEXT_TTL_EXPIRED": ReceiptState.EXPIRED,
    "TEXT_PROTECT_BLOCKED": ReceiptState.UNDELIVERABLE,
    "TEXT_UNKNOWN": ReceiptState.UNKNOWN,
    "TEXT_OF_NEXT_YEAR": ReceiptState.UNKNOWN,
    "text_delivered": ReceiptState.UNKNOWN,
    "VOICE_COMPLETED": ReceiptState.UNKNOWN,
}

SIGNATORIES: Final = (a_signatory(0, version="1"), a_signatory(1, version="2"))  # an old certificate, and the next
for _one in SIGNATORIES:
    AwsProvider.certificates.keep(_one.url, _one.certificate())


def an_event(word: object, **fields: object) -> bytes:
    """Give an event as AWS's page shows one."""
    event = {
        "eventType": word,
        "eventVersion": "1.0",
        "eventTimestamp": 1686975103470,
        "isFinal": True,
        "originationPhoneNumber": "+12065550152",
        "destinationPhoneNumber": NUMBER,
        "isInternationalSend": False,
        "mcc": "310",
        "mnc": "800",
        "messageId": MESSAGE_ID,
        "messageRequestTimestamp": 1686975103170,
        "messageEncoding": "GSM",
        "messageType": "TRANSACTIONAL",
        "messageStatus": str(word).removeprefix("TEXT_"),
        "messageStatusDescription": "Message has been accepted by phone carrier",
        "context": {"token": TOKEN},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.09582,
        "totalCarrierFee": 0.0,
    }
    return orjson.dumps(event | fields)


def posted(envelope: Fields) -> Callback:
    """Give an envelope as SNS posts it."""
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": str(envelope.get("Type")),
        "x-amz-sns-topic-arn": ARN,
    }
    return a_callback(orjson.dumps(envelope), headers, url=FIXED_URL)


def genuine(body: bytes) -> Sequence[Callback]:
    text = body.decode(errors="replace")
    return [posted(signatory.envelope(Message=text)) for signatory in SIGNATORIES]


def a_refusal(kind: str, reason: str | None = None, fields: Sequence[str] = (), *, prefix: str = "") -> bytes:
    rows = [{"Name": field, "Message": f"{NUMBER} is wrong"} for field in fields]
    answer = {"__type": prefix + kind, "Message": f"no to {NUMBER}", "Reason": reason, "Fields": rows}
    return orjson.dumps({name: value for name, value in answer.items() if value})


SAMPLE = Sample(
    settings=SETTINGS,
    accepted=orjson.dumps({"MessageId": MESSAGE_ID}),
    message_id=MESSAGE_ID,
    refusals=(
        Refusal(status=400, body=a_refusal("ThrottlingException"), error=Throttled),
        Refusal(status=400, body=a_refusal("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT"), error=Rejected),
        Refusal(status=400, body=a_refusal("ConflictException", "A_REASON_OF_NEXT_YEAR"), error=Undeliverable),
        Refusal(
            status=400,
            body=a_refusal("ValidationException", "SENDER_ID_NOT_REGISTERED"),
            error=RouteRefused,
        ),
        Refusal(
            status=400,
            body=a_refusal("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"),
            error=Misconfigured,
        ),
        Refusal(status=400, body=a_refusal("ValidationException", "MISSING_PARAMETER"), error=Refused),
        Refusal(
            status=400,
            body=a_refusal("ValidationException", "INVALID_PARAMETER", ["MessageBody"]),
            error=Malformed,
        ),
        Refusal(status=400, body=a_refusal("RequestAbortedException"), error=Unavailable),
        Refusal(status=500, body=a_refusal("InternalServerException"), error=Unavailable),
    ),
    body=JSON,
    unlisted=a_refusal,
    receipts=tuple((an_event(word), state) for word, state in EVENTS.items()),
    genuine=genuine,
    proof=None,  # the signature is inside the body: the tests below do what the contract does with a header
    whose=Whose.REFERENCE,
)


def a_provider_of(**options: str) -> AwsProvider:
    return AwsProvider("one", replace(SETTINGS, options=OPTIONS | options), now=lambda: NOW)


def sent(**changes: object) -> dict[str, Any]:
    request = a_provider_of().build_request(msgspec.structs.replace(an_sms(), **changes))
    message = orjson.loads(request.body)
    assert isinstance(message, dict)
    return message


# --- sending


def test_the_request_is_one_signed_json_post() -> None:
    request = a_provider_of().build_request(an_sms())

    assert (request.method, request.url) == ("POST", "https://sms-voice.eu-west-1.amazonaws.com/")
    assert {name: value for name, value in request.headers.items() if name != "Authorization"} == {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage",
        "X-Amz-Date": "20241027T033320Z",
    }
    assert orjson.loads(request.body) == {
        "DestinationPhoneNumber": NUMBER,
        "OriginationIdentity": "Ithaca",
        "MessageBody": "482913 is your code.",
        "MessageType": "TRANSACTIONAL",
        "ConfigurationSetName": "otp",
        "TimeToLive": 300,
        "Context": {"token": TOKEN},
    }


@pytest.mark.parametrize("base_url", ["", "http://127.0.0.1:8099", "https://vpce-1.sms-voice.test:8443"])
def test_the_request_is_signed_as_botocore_signs_it(base_url: str) -> None:
    provider = AwsProvider("one", replace(SETTINGS, base_url=base_url))
    request = provider.build_request(an_sms())
    theirs = AWSRequest("POST", request.url, _unsigned(request.headers), request.body)
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", CREDENTIAL.decode()), "sms-voice", "eu-west-1")
    theirs.context["timestamp"] = request.headers["X-Amz-Date"]
    theirs.headers["X-Amz-Date"] = request.headers["X-Amz-Date"]
    signature = signer.signature(signer.string_to_sign(theirs, signer.canonical_request(theirs)), theirs)

    assert request.headers["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(theirs)}, "
        f"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
    )


def _unsigned(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in {"Authorization", "X-Amz-Date"}}


async def test_the_host_that_is_signed_is_the_host_that_is_sent() -> None:
    async with a_stub(answers(200, SAMPLE.accepted)) as stub:
        provider = AwsProvider("one", replace(SETTINGS, base_url=stub.url))
        await provider.send(an_sms())
        await provider.close()
    head, _, body = stub.requests[0].partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    signed = headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    theirs = AWSRequest("POST", f"http://{headers['Host']}/", {name: headers[name.title()] for name in signed}, body)
    theirs.context["timestamp"] = headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", CREDENTIAL.decode()), "sms-voice", "eu-west-1")

    assert signed == ["content-type", "host", "x-amz-date", "x-amz-target"]
    assert headers["Authorization"].endswith(
        signer.signature(signer.string_to_sign(theirs, signer.canonical_request(theirs)), theirs)
    )


def test_a_pool_goes_before_a_sender_and_neither_is_needed() -> None:
    assert sent(pool="pool-1")["OriginationIdentity"] == "pool-1"
    assert "OriginationIdentity" not in sent(sender=None)


@pytest.mark.parametrize(
    ("validity_s", "ttl"), [(-1, 5), (4, 5), (5, 5), (600, 600), (259_200, 259_200), (10**6, 259_200)]
)
def test_the_validity_stays_within_the_range_of_aws(validity_s: int, ttl: int) -> None:
    assert sent(validity_s=validity_s)["TimeToLive"] == ttl


def test_the_registration_of_india_goes_along() -> None:
    registrations = {"dlt_entity_id": "1001", "dlt_template_id": "1002", "campaign_id": "C1"}

    assert sent(registrations=registrations)["DestinationCountryParameters"] == {
        "IN_ENTITY_ID": "1001",
        "IN_TEMPLATE_ID": "1002",
    }
    assert "DestinationCountryParameters" not in sent(registrations={"campaign_id": "C1"})


def everything() -> dict[str, Any]:
    return sent(
        reference="t1." + "a" * 127,
        pool="pool-0123456789abcdef0123456789abcdef",
        registrations={"dlt_entity_id": "1" * 19, "dlt_template_id": "1" * 19},
    )


@pytest.mark.parametrize("message", [sent(), everything()])
def test_the_message_fits_the_service_model_of_aws(message: dict[str, Any]) -> None:
    shape = MODEL.operation_model("SendTextMessage").input_shape

    assert not ParamValidator().validate(message, shape).has_errors()
    _fits(message, shape)


def test_botocore_writes_the_same_request() -> None:
    theirs = create_serializer("json").serialize_to_request(sent(), MODEL.operation_model("SendTextMessage"))
    ours = a_provider_of().build_request(an_sms())

    assert orjson.loads(theirs["body"]) == orjson.loads(ours.body)
    assert theirs["headers"].items() <= _unsigned(ours.headers).items()
    assert (theirs["method"], theirs["url_path"]) == ("POST", "/")
    assert MODEL.signing_name == "sms-voice"


@pytest.mark.parametrize("what", ["credential", "limits", "sender", "receipts"])
def test_the_checks_fit_the_service_model_of_aws(what: str) -> None:
    request = a_provider_of().checks()[what]
    operation = MODEL.operation_model(request.headers["X-Amz-Target"].removeprefix("PinpointSMSVoiceV2."))

    assert not ParamValidator().validate(orjson.loads(request.body), operation.input_shape).has_errors()
    _fits(orjson.loads(request.body), operation.input_shape)


def _fits(value: Any, shape: Shape) -> None:
    """Check what botocore leaves to the service: lengths, ranges, patterns, words."""
    rules = shape.metadata
    if shape.type_name == "structure":
        for name, member in value.items():
            _fits(member, shape.members[name])
    elif shape.type_name == "map":
        assert len(value) <= rules["max"]
        for name, member in value.items():
            _fits(name, shape.key)
            _fits(member, shape.value)
    elif shape.type_name == "list":
        for member in value:
            _fits(member, shape.member)
    elif shape.type_name == "string":
        assert value in rules.get("enum", [value])
        assert rules.get("min", 0) <= len(value) <= rules.get("max", 10**6)
        assert re.fullmatch(rules.get("pattern", ".*"), value, re.DOTALL)
    else:
        assert rules.get("min", value) <= value <= rules.get("max", value)


def test_the_home_of_every_region_is_the_one_that_botocore_knows() -> None:
    resolver = EndpointResolver(Loader().load_data("endpoints"))
    homes = [(name, region) for name in SUFFIXES for region in resolver.get_available_endpoints("sms-voice", name)]

    assert len(homes) > 30
    for partition, region in homes:
        host = resolver.construct_endpoint("sms-voice", region, partition)["hostname"]
        options = {"region": region, "topic_arn": f"arn:{partition}:sns:{region}:123456789012:t"}
        assert AwsProvider.home(options) == f"https://{host}"


def test_a_topic_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="topic_arn"):
        a_provider_of(topic_arn="sms-events")


# --- refusals

CONFLICT, VALIDATION = "ConflictException", "ValidationException"
TABLE: Final[Sequence[tuple[str, str | None, type[ProviderError]]]] = (
    ("ThrottlingException", None, Throttled),
    (CONFLICT, "DESTINATION_PHONE_NUMBER_OPTED_OUT", Rejected),
    (CONFLICT, "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE", Rejected),
    (CONFLICT, "DESTINATION_PHONE_NUMBER_NOT_VERIFIED", Misconfigured),
    (CONFLICT, "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", RouteRefused),
    (CONFLICT, "NO_ORIGINATION_IDENTITIES_FOUND", RouteRefused),
    (CONFLICT, "RESOURCE_NOT_ACTIVE", RouteRefused),
    (CONFLICT, "NUMBER_CAPABILITIES_MISMATCH", RouteRefused),
    (CONFLICT, "MESSAGE_TYPE_MISMATCH", RouteRefused),
    (VALIDATION, "DESTINATION_COUNTRY_BLOCKED", RouteRefused),
    (VALIDATION, "COUNTRY_NOT_ENABLED", RouteRefused),
    (VALIDATION, "SENDER_ID_NOT_REGISTERED", RouteRefused),
    (VALIDATION, "SENDER_ID_NOT_SUPPORTED", RouteRefused),
    (VALIDATION, "SENDER_ID_REQUIRES_REGISTRATION", RouteRefused),
    (VALIDATION, "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY", RouteRefused),
    (VALIDATION, "INTERNATIONAL_SENDING_NOT_SUPPORTED", RouteRefused),
    (VALIDATION, "CHANNEL_NOT_ENABLED", Misconfigured),
    (VALIDATION, "PRICE_OVER_THRESHOLD", RouteRefused),
    ("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", Misconfigured),
    ("AccessDeniedException", "INSUFFICIENT_ACCOUNT_REPUTATION", Misconfigured),
    ("AccessDeniedException", "ACCOUNT_DISABLED", Misconfigured),
    ("AccessDeniedException", None, Misconfigured),
    ("ResourceNotFoundException", None, RouteRefused),
    ("UnrecognizedClientException", None, Misconfigured),
    ("InvalidSignatureException", None, Misconfigured),
    ("ExpiredToken", None, Misconfigured),
    ("ExpiredTokenException", None, Misconfigured),
    ("IncompleteSignature", None, Misconfigured),
    ("IncompleteSignatureException", None, Misconfigured),
    ("MissingAuthenticationToken", None, Misconfigured),
    ("MissingAuthenticationTokenException", None, Misconfigured),
    ("InvalidClientTokenId", None, Misconfigured),
    ("InvalidAccessKeyId", None, Misconfigured),
    ("UnrecognizedClient", None, Misconfigured),
    ("SignatureDoesNotMatch", None, Misconfigured),
    ("AccessDenied", None, Misconfigured),
    ("NotAuthorized", None, Misconfigured),
    ("OptInRequired", None, Misconfigured),
    ("RequestExpired", None, Misconfigured),
    ("RequestTimeTooSkewed", None, Misconfigured),
    ("Throttling", None, Throttled),
    ("ThrottledException", None, Throttled),
    ("TooManyRequestsException", None, Throttled),
    ("RequestLimitExceeded", None, Throttled),
    ("RequestThrottled", None, Throttled),
    ("RequestThrottledException", None, Throttled),
    ("SlowDown", None, Throttled),
    ("RequestAbortedException", None, Unavailable),
    ("InternalFailure", None, Unavailable),
    ("InternalError", None, Unavailable),
    ("ServiceUnavailable", None, Unavailable),
    ("ServiceUnavailableException", None, Unavailable),
    (VALIDATION, "RESOURCE_NOT_ACCESSIBLE", RouteRefused),
    (VALIDATION, "FIELD_VALIDATION_FAILED", Refused),
    (VALIDATION, "INVALID_PARAMETER", Refused),
    (VALIDATION, "INVALID_REQUEST", Refused),
    (VALIDATION, "MISSING_PARAMETER", Refused),
    (VALIDATION, "PARAMETERS_CANNOT_BE_USED_TOGETHER", Refused),
)


def refused(status: int, body: bytes, **headers: str) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        a_provider_of().read_response(status, CIMultiDict(headers), body)
    return raised.value


@pytest.mark.parametrize("prefix", ["", "com.amazonaws.pinpointsmsvoicev2#", "com.amazon.coral.service#"])
@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize(("kind", "reason", "error"), TABLE)
def test_every_documented_error_has_its_class(
    kind: str, reason: str | None, error: type[ProviderError], status: int, prefix: str
) -> None:
    found = refused(status, a_refusal(kind, reason, prefix=prefix))

    assert (type(found), found.code) == (error, reason or kind)


def test_no_word_is_in_the_table_that_the_tests_do_not_state() -> None:
    stated = {word for kind, reason, _ in TABLE for word in (kind, reason) if word}

    assert set(REFUSALS) == stated | {CONFLICT, VALIDATION}


@pytest.mark.parametrize("reason", ["INVALID_PARAMETER", "FIELD_VALIDATION_FAILED"])
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (["MessageBody", "DestinationPhoneNumber"], Rejected),
        (["destinationPhoneNumber"], Rejected),
        (["OriginationIdentity"], RouteRefused),
        (["ConfigurationSetName"], RouteRefused),
        (["DestinationPhoneNumber", "originationIdentity"], RouteRefused),
        (["DestinationCountryParameters"], RouteRefused),
        (["MessageBody"], Malformed),
        (["TimeToLive"], Refused),
        ([], Refused),
    ],
)
def test_a_field_that_is_refused_tells_what_is_wrong(
    reason: str, fields: Sequence[str], error: type[ProviderError]
) -> None:
    found = refused(400, a_refusal(VALIDATION, reason, fields))

    assert (type(found), found.code) == (error, reason)


NAMESPACE, ADDRESS = "com.amazonaws.pinpointsmsvoicev2#", ":http://internal.amazon.com/coral/com.amazon.validate/"


@pytest.mark.parametrize("before", ["", NAMESPACE])
@pytest.mark.parametrize("behind", ["", ADDRESS, f"{ADDRESS}#a"])
def test_the_type_is_understood_wherever_it_stands(before: str, behind: str) -> None:
    written = f"{before}ThrottlingException{behind}"
    forms = (
        refused(400, b"", **{"X-Amzn-Errortype": written}),
        refused(400, orjson.dumps({"code": written})),
        refused(400, orjson.dumps({"__type": written})),
        refused(200, orjson.dumps({"__type": written})),
        refused(400, orjson.dumps({"__type": "x#ValidationException"}), **{"x-amzn-errortype": written}),
    )

    assert {(type(form), form.code) for form in forms} == {(Throttled, "ThrottlingException")}


def test_another_reason_that_names_the_number_keeps_its_own_class() -> None:
    error = refused(400, a_refusal(VALIDATION, "SENDER_ID_NOT_SUPPORTED", ["DestinationPhoneNumber"]))

    assert type(error) is RouteRefused


def test_a_reason_of_next_year_means_what_its_type_means() -> None:
    kinds = {CONFLICT: Undeliverable, VALIDATION: Refused, "ServiceQuotaExceededException": Misconfigured}
    for kind, error in kinds.items():
        found = refused(400, a_refusal(kind, "OF_NEXT_YEAR"))

        assert (type(found), found.code) == (error, kind)


@pytest.mark.parametrize("value", [7, [], {}, ["RESOURCE_NOT_ACTIVE"], None, True])
def test_words_that_are_no_words_leave_it_to_the_status(value: object) -> None:
    body = orjson.dumps({"__type": value, "Reason": value, "Fields": value})

    assert (type(refused(400, body)), refused(400, body).code) == (Refused, "http_400")


def test_every_error_of_the_service_model_is_in_the_tests() -> None:
    kinds = {shape.name for shape in MODEL.operation_model("SendTextMessage").error_shapes}
    reasons = {name: set(MODEL.shape_for(name).enum) for name in MODEL.shape_names if name.endswith("ExceptionReason")}

    assert kinds == {kind for kind in kinds if kind in REFUSALS} | {"InternalServerException"}
    for kind, reason, _ in TABLE:
        if reason:
            assert [name for name, words in reasons.items() if reason in words] == [f"{kind}Reason"]


def test_botocore_reads_the_same_type() -> None:
    parser = create_parser("json")
    for kind, reason, _ in TABLE:
        body = a_refusal(kind, reason, prefix="com.amazonaws.pinpointsmsvoicev2#")
        theirs = parser.parse({"status_code": 400, "headers": {}, "body": body}, None)

        assert theirs["Error"]["Code"] == kind


# --- receipts


def received(callback: Callback, provider: AwsProvider | None = None) -> ProviderReceipt:
    (receipt,) = (provider or a_provider_of()).read_receipts(callback)
    return receipt


def test_a_receipt_has_the_status_the_id_the_reference_and_the_nonce() -> None:
    (callback, _) = genuine(an_event("TEXT_CARRIER_BLOCKED"))

    assert received(callback) == ProviderReceipt(
        state=ReceiptState.UNDELIVERABLE,
        raw="TEXT_CARRIER_BLOCKED",
        code="CARRIER_BLOCKED",
        message_id=MESSAGE_ID,
        reference=TOKEN,
        nonce="22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    )


def test_every_event_of_the_service_model_has_its_state() -> None:
    events = {word for word in MODEL.shape_for("EventType").enum if word.startswith("TEXT_")} - {"TEXT_ALL"}

    assert events == set(STATES)
    assert {word: EVENTS[word] for word in STATES} == STATES


@pytest.mark.parametrize("final", [False, None, "true", 1])
def test_success_that_is_not_final_is_under_way(final: object) -> None:
    (callback, _) = genuine(an_event("TEXT_SUCCESSFUL", isFinal=final))

    assert received(callback).state is ReceiptState.ENROUTE


def test_delivered_is_delivered_without_being_final() -> None:
    (callback, _) = genuine(an_event("TEXT_DELIVERED", isFinal=False))

    assert received(callback).state is ReceiptState.DELIVERED


@pytest.mark.parametrize("context", [None, {}, [], "token", {"token": None}, {"token": 7}, {"Token": TOKEN}])
def test_a_receipt_without_our_token_fits_no_attempt(context: object) -> None:
    (callback, _) = genuine(an_event("TEXT_DELIVERED", context=context))

    assert received(callback).reference == ""


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"text", an_event(None), an_event(7), an_event("")])
def test_a_signed_message_that_is_no_event_is_invalid(body: bytes) -> None:
    for callback in genuine(body):
        with pytest.raises(InvalidMessage) as raised:
            a_provider_of().read_receipts(callback)

        assert raised.value.reason is DeadReason.INVALID_FIELD


def test_a_confirmation_gives_no_receipts() -> None:
    for kind in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        assert a_provider_of().read_receipts(posted(a_subscription(SIGNATORIES[0], Type=kind))) == ()


def test_no_flipped_bit_gives_another_receipt() -> None:
    for callback in genuine(an_event("TEXT_DELIVERED")):
        expected, body, survived = received(callback), callback.body, 0
        for place in range(len(body)):
            for bit in (1, 32):
                flipped = bytes([*body[:place], body[place] ^ bit, *body[place + 1 :]])
                try:
                    assert received(replace(callback, body=flipped)) == expected
                except InvalidMessage:
                    continue
                survived += 1

        assert survived < 0.2 * len(body)  # only in `UnsubscribeURL`, which nobody reads and nothing signs


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_a_cut_envelope_is_forged(size: int) -> None:
    for callback in genuine(an_event("TEXT_DELIVERED")):
        with pytest.raises(InvalidMessage):
            a_provider_of().read_receipts(replace(callback, body=callback.body[:size]))


def test_the_event_alone_is_forged_because_raw_delivery_signs_nothing() -> None:
    with pytest.raises(InvalidMessage, match="raw delivery") as raised:
        a_provider_of().read_receipts(a_callback(an_event("TEXT_DELIVERED"), {}, url=FIXED_URL))

    assert raised.value.reason is DeadReason.SEAL_BROKEN


def test_a_receipt_belongs_to_the_attempt_in_its_event_wherever_it_arrives() -> None:
    for callback in genuine(an_event("TEXT_DELIVERED")):
        for url in ("https://ours.test/receipts/one", "https://ours.test/receipts/one/t1.other.2.one.DE.0.0.0"):
            assert received(replace(callback, url=url)).reference == TOKEN


def test_an_event_cannot_be_moved_into_another_envelope() -> None:
    envelope = SIGNATORIES[0].envelope(Message=an_event("TEXT_UNREACHABLE").decode())

    with pytest.raises(InvalidMessage, match="Signature"):
        a_provider_of().read_receipts(posted(envelope | {"Message": an_event("TEXT_DELIVERED").decode()}))


def test_an_envelope_of_another_topic_or_region_is_forged() -> None:
    (callback, _) = genuine(an_event("TEXT_DELIVERED"))
    for arn in (f"{ARN}-2", ARN.replace("eu-west-1", "eu-west-2")):
        with pytest.raises(InvalidMessage, match="TopicArn"):
            a_provider_of(topic_arn=arn).read_receipts(callback)


def test_a_certificate_that_was_not_fetched_proves_nothing() -> None:
    stranger = a_signatory(2)

    with pytest.raises(InvalidMessage, match="SigningCertURL") as raised:
        a_provider_of().read_receipts(posted(stranger.envelope(Message=an_event("TEXT_DELIVERED").decode())))
    assert raised.value.reason is DeadReason.SEAL_BROKEN


def test_an_old_envelope_is_forged() -> None:
    (callback, _) = genuine(an_event("TEXT_DELIVERED"))

    assert received(replace(callback, received_at=NOW + 3_899))
    with pytest.raises(InvalidMessage, match="Timestamp"):
        a_provider_of().read_receipts(replace(callback, received_at=NOW + 3_901))


# --- what is fetched: SNS is a server of ours here, every other rule is the product's


@asynccontextmanager
async def near(origin: str, authority: Authority) -> AsyncIterator[AwsProvider]:
    """Give an adapter whose SNS is at `origin`, and that knows no certificate yet."""

    class Near(AwsProvider):
        certificates = Certificates()

    provider = Near("one", SETTINGS, tls=ssl.create_default_context(cadata=authority.pem()))
    provider._topic = msgspec.structs.replace(TOPIC, origin=origin)
    try:
        yield provider
    finally:
        await provider.close()


def at(origin: str, signatory: Signatory) -> Signatory:
    return replace(signatory, url=f"{origin}/{signatory.url.rpartition('/')[2]}")


def delivered(signatory: Signatory, **fields: object) -> Callback:
    return posted(signatory.envelope(Message=an_event("TEXT_DELIVERED").decode(), **fields))


def serves(pem: bytes) -> Script:
    return answers(200, pem, content_type="application/x-pem-file")


async def test_a_certificate_is_fetched_once(tmp_path: Path) -> None:
    authority = an_authority()
    async with (
        a_stub(serves(SIGNATORIES[1].pem), tls=authority.server(tmp_path)) as stub,
        near(stub.url, authority) as provider,
    ):
        callback = delivered(at(stub.url, SIGNATORIES[1]))
        for _ in range(3):
            (receipt,) = await provider.receive(callback)

        assert (receipt.state, receipt.reference) == (ReceiptState.DELIVERED, TOKEN)
        assert len(stub.requests) == 1
        assert stub.requests[0].startswith(b"GET /SimpleNotificationService-00000000000000000000000000000001.pem HTTP")
        assert b"authorization" not in stub.requests[0].lower()


async def test_callbacks_that_arrive_together_fetch_one_certificate(tmp_path: Path) -> None:
    authority = an_authority()
    async with (
        a_stub(serves(SIGNATORIES[1].pem), tls=authority.server(tmp_path)) as stub,
        near(stub.url, authority) as provider,
    ):
        callback = delivered(at(stub.url, SIGNATORIES[1]))
        receipts = await asyncio.gather(*(provider.receive(callback) for _ in range(20)))

        assert [len(found) for found in receipts] == [1] * 20
        assert len(stub.requests) == 1


async def test_a_subscription_to_our_topic_is_confirmed_once_it_is_proved(tmp_path: Path) -> None:
    authority = an_authority()
    async with (
        a_stub(serves(SIGNATORIES[1].pem), tls=authority.server(tmp_path)) as stub,
        near(stub.url, authority) as provider,
    ):
        signatory = at(stub.url, SIGNATORIES[1])
        url = f"{stub.url}/?Action=ConfirmSubscription&TopicArn={ARN}&Token=2336412f37f"

        assert await provider.receive(posted(a_subscription(signatory, SubscribeURL=url))) == ()
        assert [request.split(b" HTTP")[0] for request in stub.requests] == [
            f"GET /{signatory.url.rpartition('/')[2]}".encode(),
            f"GET /?Action=ConfirmSubscription&TopicArn={ARN}&Token=2336412f37f".encode(),
        ]


@pytest.mark.parametrize(
    "change",
    [
        {"Token": "another"},
        {"SubscribeURL": "https://evil.test/?Action=ConfirmSubscription"},
        {"Type": "UnsubscribeConfirmation"},
        {"TopicArn": f"{ARN}-2"},
    ],
)
async def test_nothing_is_confirmed_that_sns_has_not_signed_for_our_topic(change: Fields, tmp_path: Path) -> None:
    authority = an_authority()
    async with (
        a_stub(serves(SIGNATORIES[1].pem), tls=authority.server(tmp_path)) as stub,
        near(stub.url, authority) as provider,
    ):
        envelope = a_subscription(at(stub.url, SIGNATORIES[1]), SubscribeURL=f"{stub.url}/?Action=ConfirmSubscription")
        with pytest.raises(InvalidMessage):
            await provider.receive(posted(envelope | change))

        assert not any(b"ConfirmSubscription" in request for request in stub.requests)


async def test_an_unsubscription_is_not_undone(tmp_path: Path) -> None:
    authority = an_authority()
    async with (
        a_stub(serves(SIGNATORIES[1].pem), tls=authority.server(tmp_path)) as stub,
        near(stub.url, authority) as provider,
    ):
        envelope = a_subscription(at(stub.url, SIGNATORIES[1]), Type="UnsubscribeConfirmation")

        assert await provider.receive(posted(envelope)) == ()
        assert len(stub.requests) == 1  # the certificate


async def test_a_subscription_that_sns_does_not_take_is_repeated(tmp_path: Path) -> None:
    authority = an_authority()
    async with (
        a_stub(answers(500, b""), tls=authority.server(tmp_path)) as stub,
        near(stub.url, authority) as provider,
    ):
        signatory = at(stub.url, SIGNATORIES[1])
        provider.certificates.keep(signatory.url, signatory.certificate())
        envelope = a_subscription(signatory, SubscribeURL=f"{stub.url}/?Action=ConfirmSubscription")
        with pytest.raises(Unavailable, match="http_500"):
            await provider.receive(posted(envelope))


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (answers(404, b""), "http_404"),
        (answers(503, b""), "http_503"),
        (answers(302, b"", "Location: /elsewhere.pem"), "http_302"),
        (answers(204, b""), "http_204"),
        (writes(b"SSH-2.0-OpenSSH_9.6\r\n", close=True), "not_http"),
        (writes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", close=True), "truncated"),
        (writes(b"", hang=True), "timeout"),
    ],
)
async def test_a_certificate_that_cannot_be_had_now_lets_sns_repeat(
    script: Script, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "FETCH_LIMIT_S", 0.5)
    authority = an_authority()
    async with a_stub(script, tls=authority.server(tmp_path)) as stub, near(stub.url, authority) as provider:
        with pytest.raises(Unavailable) as raised:
            await provider.receive(delivered(at(stub.url, SIGNATORIES[1])))

        assert raised.value.code == code
        assert raised.value.__context__ is None
        assert len(stub.requests) == 1


async def test_a_certificate_over_untrusted_tls_is_not_fetched(tmp_path: Path) -> None:
    async with (
        a_stub(serves(SIGNATORIES[1].pem), tls=self_signed(tmp_path)) as stub,
        near(stub.url, an_authority()) as provider,
    ):
        with pytest.raises(Unavailable, match="tls_failed"):
            await provider.receive(delivered(at(stub.url, SIGNATORIES[1])))

        assert stub.requests == []


@pytest.mark.parametrize(
    "script",
    [
        serves(b"<html>"),
        serves(a_pem(a_key(1), common="evil.test", names=["evil.test"])),
        serves(b" " * 70_000 + SIGNATORIES[1].pem),  # beyond what is read of an answer
        writes(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"7" * 200_000, hang=True),
        serves(a_pem(a_key(1), days=(-10, -1))),
        serves(SIGNATORIES[0].pem),  # good, but not of this signature
    ],
)
async def test_what_is_no_certificate_of_this_envelope_proves_nothing(script: Script, tmp_path: Path) -> None:
    authority = an_authority()
    async with a_stub(script, tls=authority.server(tmp_path)) as stub, near(stub.url, authority) as provider:
        with pytest.raises(InvalidMessage) as raised:
            await provider.receive(delivered(at(stub.url, SIGNATORIES[1])))

        assert raised.value.reason is DeadReason.SEAL_BROKEN


@pytest.mark.parametrize(
    "change",
    [
        {"TopicArn": f"{ARN}-2"},
        {"SigningCertURL": "https://evil.test/a.pem"},
        {"SigningCertURL": "https://localhost@evil.test/a.pem"},
        {"Signature": None},
    ],
)
async def test_nothing_is_fetched_for_an_envelope_that_cannot_be_ours(change: Fields, tmp_path: Path) -> None:
    authority = an_authority()
    async with (
        a_stub(serves(SIGNATORIES[1].pem), tls=authority.server(tmp_path)) as stub,
        near(stub.url, authority) as provider,
    ):
        envelope = at(stub.url, SIGNATORIES[1]).envelope()
        with pytest.raises(InvalidMessage):
            await provider.receive(posted(envelope | change))

        assert stub.requests == []


async def test_a_known_certificate_does_not_wait_for_one_that_hangs(tmp_path: Path) -> None:
    authority = an_authority()
    async with (
        a_stub(writes(b"", hang=True), tls=authority.server(tmp_path)) as stub,
        near(stub.url, authority) as provider,
    ):
        known, forged = at(stub.url, SIGNATORIES[1]), at(stub.url, a_signatory(2))
        provider.certificates.keep(known.url, known.certificate())
        hanging = asyncio.create_task(provider.receive(delivered(forged)))
        await stub.arrived.wait()

        assert len(await provider.receive(delivered(known))) == 1
        assert not hanging.done()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging


async def test_who_waits_too_long_for_another_fetch_is_told_to_repeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = an_authority()
    async with (
        a_stub(writes(b"", hang=True), tls=authority.server(tmp_path)) as stub,
        near(stub.url, authority) as provider,
    ):
        first = asyncio.create_task(provider.receive(delivered(at(stub.url, a_signatory(2)))))
        await stub.arrived.wait()
        monkeypatch.setattr(aws, "FETCH_LIMIT_S", 0.05)
        with pytest.raises(Unavailable, match="timeout"):
            await provider.receive(delivered(at(stub.url, SIGNATORIES[1])))

        assert len(stub.requests) == 1
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


# --- checks


def said(what: str, answer: object, *, pools: Mapping[str, str] | None = None) -> str:
    provider = AwsProvider("one", replace(SETTINGS, pools=pools or {}))
    return provider.read_check(what, 200, {}, orjson.dumps(answer))


def a_set(*destinations: object) -> object:
    return {"ConfigurationSets": [{"ConfigurationSetName": "otp", "EventDestinations": list(destinations)}]}


def a_destination(*events: str, enabled: bool = True, arn: str = ARN) -> object:
    return {"Enabled": enabled, "MatchingEventTypes": events, "SnsDestination": {"TopicArn": arn}}


def test_the_checks_ask_about_the_account_the_senders_and_the_events() -> None:
    pools = {"DE": "pool-b", "*": "pool-a", "FR": "pool-a"}
    checks = AwsProvider("one", replace(SETTINGS, pools=pools)).checks()

    assert {what: orjson.loads(request.body) for what, request in checks.items()} == {
        "credential": {},
        "limits": {},
        "sender pool-a": {"PoolIds": ["pool-a"]},
        "sender pool-b": {"PoolIds": ["pool-b"]},
        "receipts": {"ConfigurationSetNames": ["otp"]},
    }
    assert {request.headers["X-Amz-Target"].partition(".")[2] for request in checks.values()} == {
        "DescribeAccountAttributes",
        "DescribeSpendLimits",
        "DescribePools",
        "DescribeConfigurationSets",
    }


def test_the_answers_to_the_checks_are_told() -> None:
    tier = {"AccountAttributes": [{"Name": "ACCOUNT_TIER", "Value": "SANDBOX"}]}
    limits = [{"Name": "VOICE_MESSAGE_MONTHLY_SPEND_LIMIT", "EnforcedLimit": 7}]
    limits.append({"Name": "TEXT_MESSAGE_MONTHLY_SPEND_LIMIT", "EnforcedLimit": 100})

    assert said("credential", tier) == "account tier SANDBOX"
    assert said("limits", {"SpendLimits": limits}) == "at most 100 USD a month"
    assert said("sender", {"PhoneNumbers": [{"Status": "ACTIVE"}, {"Status": "PENDING"}]}) == "1 of 2 active"
    assert said("sender pool-a", {"Pools": [{"Status": "ACTIVE"}]}) == "1 of 1 active"


@pytest.mark.parametrize("events", [("ALL",), ("TEXT_ALL",), ("TEXT_SENT", "TEXT_DELIVERED")])
def test_events_that_reach_our_topic_are_seen(events: Sequence[str]) -> None:
    assert said("receipts", a_set(a_destination("ALL", arn="x"), a_destination(*events))) == "events go to the topic"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"ConfigurationSets": None},
        {"ConfigurationSets": [None, {}]},
        a_set(),
        a_set(None, {}),
        a_set(a_destination("ALL", enabled=False)),
        a_set(a_destination("ALL", arn=f"{ARN}-2")),
        a_set(a_destination("TEXT_SENT", "VOICE_ALL")),
        a_set(a_destination()),
        a_set({"Enabled": True, "MatchingEventTypes": [[], {}], "SnsDestination": {"TopicArn": ARN}}),
    ],
)
def test_a_configuration_set_without_events_to_our_topic_is_a_fault(answer: object) -> None:
    with pytest.raises(Misconfigured, match="no_event_destination"):
        said("receipts", answer)


@pytest.mark.parametrize("what", ["credential", "limits", "sender"])
@pytest.mark.parametrize(
    "answer", [{}, [], {"AccountAttributes": 7, "SpendLimits": {}, "PhoneNumbers": "x", "Pools": [7]}]
)
def test_a_strange_answer_to_a_check_is_no_defect(what: str, answer: object) -> None:
    assert said(what, answer)


def test_a_pool_that_is_not_there_is_a_matter_of_the_route() -> None:
    with pytest.raises(RouteRefused, match="ResourceNotFoundException"):
        a_provider_of().read_check("sender pool-a", 400, {}, a_refusal("ResourceNotFoundException"))
