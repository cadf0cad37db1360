"""Infobip SMS v3, https://www.infobip.com/docs/sms/sms-over-api."""

import re
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final, Unpack

import orjson

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
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import HOST_LABEL, Needs
from providers.answers import accepted, inner, is_success, objects, read_answer, read_object, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.blame import Part, blamed
from providers.callbacks import check_signature, receipt_codes, reference_in, state_of
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

DOMAIN: Final = ".api.infobip.com"
LONGEST_VALIDITY_S: Final = 48 * 3600
PAIR: Final = re.compile(rb"[\w.~-]+:[\w.~-]+")  # user and password that stand in a URL as they are
QUESTIONS: Final = {  # each report is given once only, so none is asked for that there could be
    "credential": "/sms/3/reports?limit=1&messageId=ithaca-check",
    "balance": "/account/1/balance",
}
# What the operators of India demand: their field -> ours. They want no template without its entity.
DLT: Final = {"principalEntityId": "dlt_entity_id", "contentTemplateId": "dlt_template_id"}

# Words of error answers, of v3 (`errorCode`) and of what is older (`messageId`).
# https://www.infobip.com/docs/developer-resources/api-fundamentals/handling-errors
ERRORS: Final[Mapping[str, type[ProviderError]]] = {
    **dict.fromkeys(("E400", "BAD_REQUEST"), Refused),  # something in the request: the fields tell what
    **dict.fromkeys(("E401", "E403", "UNAUTHORIZED", "FORBIDDEN"), Misconfigured),
    **dict.fromkeys(("E429", "TOO_MANY_REQUESTS"), Throttled),
    **dict.fromkeys(("E500", "GENERAL_ERROR"), Unavailable),
}

# The fields as errors name them, such as `messages[0].sender`: https://www.infobip.com/docs/api/channels/sms
FIELDS: Final[Mapping[str, Part]] = {
    **dict.fromkeys(("sender", "from"), Part.SENDER),
    **dict.fromkeys(("webhooks", "callbackdata", "notifyurl"), Part.CALLBACK),
    "regional": Part.PROFILE,
    "to": Part.RECIPIENT,
    **dict.fromkeys(("content", "text"), Part.TEXT),
}

# `status.id` of a message that was not taken, beside HTTP status 200.
# https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    **dict.fromkeys(("8", "51", "52"), Rejected),  # no number
    **dict.fromkeys(("10", "14", "87"), Rejected),  # opted out, blocked, blocked as fraud
    **dict.fromkeys(("4", "6", "9", "31"), Undeliverable),  # 6: the network of this number is not covered
    **dict.fromkeys(("11", "13", "19"), RouteRefused),  # sender, sender blocked, no route
    **dict.fromkeys(("12", "17", "18"), Misconfigured),  # no credits, package over, trial account
    "20": RecipientThrottled,  # too many messages to this number
    **dict.fromkeys(("15", "21"), Unavailable),  # expired, system error
    **dict.fromkeys(("24", "25"), Malformed),  # user data header, too long
    "29": AcceptanceUnknown,
}
NAMELESS: Final = "nameless"  # in place of a word, where a result has neither a status name nor its id
DUPLICATE: Final = "23"  # a message with our id was taken before

# `status.groupId`, of the same page: what an id means that is not listed.
TAKEN: Final = frozenset({"0", "1", "3"})
NOT_TAKEN: Final = frozenset({"2", "4", "5"})
GROUP_STATES: Final[Mapping[str, ReceiptState]] = {
    "0": ReceiptState.ENROUTE,
    "1": ReceiptState.ENROUTE,
    "2": ReceiptState.UNDELIVERABLE,
    "4": ReceiptState.EXPIRED,
    "5": ReceiptState.UNDELIVERABLE,  # mostly our account, sender or route
}

# `status.id` of a receipt that is not what its group says.
# https://www.infobip.com/docs/developer-resources/api-fundamentals/message-status-codes
STATES: Final[Mapping[str, ReceiptState]] = {
    "2": ReceiptState.ENROUTE,  # the operator has it, the phone not yet
    "5": ReceiptState.DELIVERED,
    "23": ReceiptState.UNKNOWN,  # says nothing of the message that came first
    "29": ReceiptState.UNKNOWN,  # expired without a word from the operator
    **receipt_codes(REFUSALS),
}

# `error.id` of a failure: permanent, and of the phone or its subscription. Others that are permanent blame the sender,
# the account or the text. https://www.infobip.com/docs/developer-resources/api-fundamentals/error-code-reference
CODES: Final = dict.fromkeys(("1", "9", "11", "12", "565", "573", "629"), ReceiptState.REJECTED)


class InfobipProvider(HttpProvider):
    """API key, one JSON POST per message, receipts to the callback URL.

    `webhook_keys` are pairs `user:password`: the first goes into the callback URL, a callback may bring any of them.
    """

    adapter: ClassVar[str] = "infobip"
    needs: ClassVar[Needs] = Needs(
        credential="the API key, with the scope sms:message:send",
        optional_webhook_keys="pairs user:password, the first of which goes into the callback URL",
        optional={"subdomain": f"the first part of your personal host, such as abc123 of abc123{DOMAIN}"},
        forms={"subdomain": rf"{HOST_LABEL}({re.escape(DOMAIN)})?"},
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="seconds",
        receipts="callback URL of each message",
        proof="our token in the callback URL; with webhook_keys (user:password) Basic credentials too; no signature",
        check="credential and its right to send, balance",
        rotation="several API keys at once; two webhook_keys",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        self._url = f"{self.base_url}/sms/3/messages"
        self._headers = {"Authorization": f"App {self.credential.decode()}", "Content-Type": "application/json"}
        if not all(PAIR.fullmatch(key) for key in self.webhook_keys):
            raise SettingsError(f"providers.{name}.webhook_keys: write user:password, of letters, digits and . _ ~ -")
        self._userinfo = f"://{self.webhook_keys[0].decode()}@" if self.webhook_keys else "://"
        self._proofs = [f"Basic {b64encode(key).decode()}" for key in self.webhook_keys]

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """Give the personal host, where the settings name one, else the one that all share."""
        subdomain = options.get("subdomain", "").removesuffix(DOMAIN)
        return f"https://{subdomain}{DOMAIN}" if subdomain else f"https://{DOMAIN[1:]}"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST /sms/3/messages`; the message id is our attempt id, so that a second one is told apart."""
        validity_s = min(max(sms.validity_s, 1), LONGEST_VALIDITY_S)
        message = {
            "destinations": [{"to": sms.to.removeprefix("+"), "messageId": sms.attempt_id}],
            "content": {"text": sms.text},
            "options": {"validityPeriod": {"amount": validity_s, "timeUnit": "SECONDS"}, **_regional(sms)},
            "webhooks": {
                "delivery": {"url": sms.callback_url.replace("://", self._userinfo, 1), "notify": True},
                "contentType": "application/json",
                "callbackData": sms.reference,
            },
        }
        if sms.sender:
            message["sender"] = sms.sender
        return HttpRequest(url=self._url, headers=self._headers, body=orjson.dumps({"messages": [message]}))

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`200 {"messages": [{"messageId", "status"}]}`, where the status may still refuse it, or an error status."""
        answer = read_answer(body)
        if not is_success(status) or answer.get("errorCode") or answer.get("requestError"):
            raise _error(answer, status, headers)
        message = inner(answer, "messages")
        verdict = inner(message, "status")
        word, group = _number(verdict.get("id")), _number(verdict.get("groupId"))
        if word == DUPLICATE or group in TAKEN:
            return accepted(message.get("messageId"))
        if word in REFUSALS or group in NOT_TAKEN:
            raise refused(REFUSALS, [word], status, headers)
        raise AcceptanceUnknown("no_id")

    def checks(self) -> Mapping[str, HttpRequest]:
        """Ask for reports, which needs the very scopes that sending needs, and for the balance, which needs another."""
        questions = QUESTIONS.items()
        return {
            what: HttpRequest(method="GET", url=self.base_url + path, headers=self._headers) for what, path in questions
        }

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """Read reports, or `{"balance", "currency"}`. A key that may not see the balance can be one that may send."""
        answer = read_answer(body)
        if what == "balance" and status == HTTPStatus.FORBIDDEN and _word(answer) in {"E403", "FORBIDDEN"}:
            return "not told: the key is valid and has no scope account-management:manage"
        if status != HTTPStatus.OK:
            raise _error(answer, status, headers)
        if what == "balance":
            return f"{short(answer.get('balance'))} {short(answer.get('currency'))}"
        return "the key may send SMS"

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """`{"results": [...]}`, one receipt each; the reference is what came back as `callbackData`.

        Nothing signs them. Where there are `webhook_keys`, the callback must bring one of them as Basic credentials.
        """
        if self._proofs:
            check_signature("Authorization", callback.headers, self._proofs)
        results = read_object(callback.body).get("results")
        if not isinstance(results, list):
            raise InvalidMessage(DeadReason.INVALID_FIELD, "`results` is missing or no list")
        return tuple(_receipt(result if isinstance(result, dict) else {}) for result in results)


def _regional(sms: Sms) -> dict[str, Any]:
    dlt = {theirs: sms.registrations[ours] for theirs, ours in DLT.items() if ours in sms.registrations}
    return {"regional": {"indiaDlt": dlt}} if "principalEntityId" in dlt else {}


def _error(answer: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> ProviderError:
    return refused(ERRORS, [_word(answer)], status, headers, blamed(FIELDS, _fields(answer)))


def _word(answer: Mapping[str, Any]) -> str | None:
    return short(answer.get("errorCode")) or short(_older(answer).get("messageId"))


def _older(answer: Mapping[str, Any]) -> dict[str, Any]:
    return inner(inner(answer, "requestError"), "serviceException")


def _fields(answer: Mapping[str, Any]) -> list[object]:
    """Give the fields that an error names, in the new form or, as names of what is wrong with each, in the old one."""
    violations = [violation.get("property") for violation in objects(answer.get("violations"))]
    return [*violations, *inner(_older(answer), "validationErrors")]


def _receipt(result: Mapping[str, Any]) -> ProviderReceipt:
    """Read one result of up to 100. What is not one fits no attempt, and takes nothing from those beside it."""
    status, error = inner(result, "status"), _number(inner(result, "error").get("id"))
    word, group = _number(status.get("id")), _number(status.get("groupId"))
    return ProviderReceipt(
        state=state_of(*((word, STATES) if word in STATES else (group, GROUP_STATES)), error, CODES),
        raw=short(status.get("name")) or word or NAMELESS,
        code=None if error in {"", "0"} else error,
        message_id=short(result.get("messageId")),
        reference=reference_in(result, "callbackData"),
    )


def _number(value: object) -> str:
    """Give a status or error id as text, or nothing: a longer number may be a phone's or a one-time code."""
    return str(value) if type(value) is int and 0 <= value < 100_000 else ""  # noqa: PLR2004
