"""What the exceptions of AWS mean, in whichever of their forms."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.errors import (
    Misconfigured,
    ProviderError,
    Refused,
    Rejected,
    RouteRefused,
    Throttled,
    Unavailable,
    Undeliverable,
)
from providers.answers import objects, refused
from providers.blame import Part, blamed

# The `Reason` of an exception, which says more than its type and goes first, and its type. InternalServerException is a
# 500, where the status decides. Of the common errors several come with 400, and each service has its own spelling.
# https://docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/API_SendTextMessage.html
# https://docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/CommonErrors.html
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html
_WORDS: Final[Mapping[type[ProviderError], str]] = {
    Rejected: "DESTINATION_PHONE_NUMBER_OPTED_OUT DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE",
    RouteRefused: (
        "DESTINATION_COUNTRY_BLOCKED DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION COUNTRY_NOT_ENABLED "
        "NO_ORIGINATION_IDENTITIES_FOUND RESOURCE_NOT_ACTIVE NUMBER_CAPABILITIES_MISMATCH MESSAGE_TYPE_MISMATCH "
        "SENDER_ID_NOT_REGISTERED SENDER_ID_NOT_SUPPORTED SENDER_ID_REQUIRES_REGISTRATION PRICE_OVER_THRESHOLD "
        "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY INTERNATIONAL_SENDING_NOT_SUPPORTED RESOURCE_NOT_ACCESSIBLE "
        "ResourceNotFoundException"  # the sender, the pool or the configuration set
    ),
    Misconfigured: (
        "DESTINATION_PHONE_NUMBER_NOT_VERIFIED CHANNEL_NOT_ENABLED "  # the sandbox; SMS is switched off
        "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT INSUFFICIENT_ACCOUNT_REPUTATION ACCOUNT_DISABLED "
        "ServiceQuotaExceededException AccessDenied AccessDeniedException NotAuthorized OptInRequired "
        "UnrecognizedClient UnrecognizedClientException InvalidAccessKeyId InvalidClientTokenId "
        "IncompleteSignature IncompleteSignatureException InvalidSignatureException SignatureDoesNotMatch "
        "MissingAuthenticationToken MissingAuthenticationTokenException ExpiredToken ExpiredTokenException "
        "RequestExpired RequestTimeTooSkewed"  # the clock of this machine
    ),
    Undeliverable: "ConflictException",  # a reason of next year: something here is in the way of this message
    Throttled: (
        "Throttling ThrottlingException ThrottledException TooManyRequestsException RequestLimitExceeded "
        "RequestThrottled RequestThrottledException SlowDown"
    ),
    Unavailable: "RequestAbortedException InternalFailure InternalError ServiceUnavailable ServiceUnavailableException",
    # Something in the request: `Fields` tell what.
    Refused: (
        "ValidationException FIELD_VALIDATION_FAILED INVALID_PARAMETER INVALID_REQUEST MISSING_PARAMETER "
        "PARAMETERS_CANNOT_BE_USED_TOGETHER"
    ),
}
REFUSALS: Final = {word: kind for kind, words in _WORDS.items() for word in words.split()}

# https://docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/API_SendTextMessage.html, in small letters.
FIELDS: Final[Mapping[str, Part]] = {
    "originationidentity": Part.SENDER,
    "context": Part.CALLBACK,
    **dict.fromkeys(("configurationsetname", "destinationcountryparameters"), Part.PROFILE),
    "destinationphonenumber": Part.RECIPIENT,
    "messagebody": Part.TEXT,
}
ERROR_TYPE: Final = "x-amzn-ErrorType"


def error_of(answer: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> ProviderError:
    """Give the error of an exception. Its reason stands before its type, which says less."""
    fields = [row.get("Name") for row in objects(answer.get("Fields"))]
    return refused(REFUSALS, [answer.get("Reason"), type_of(answer, headers)], status, headers, blamed(FIELDS, fields))


def type_of(answer: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Give the type of an exception, wherever it stands, without what may stand around it: `namespace#Type:address`.

    https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization
    """
    places = (headers.get(ERROR_TYPE), answer.get("__type"), answer.get("code"))
    named = next((place for place in places if isinstance(place, str) and place), "")
    return named.partition(":")[0].rpartition("#")[2]
