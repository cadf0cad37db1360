"""AWS End User Messaging SMS: https://docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/Welcome.html."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final, Unpack

import orjson

from pipeline.errors import (
    Misconfigured,
    ProviderError,
    Unavailable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import HOST_LABEL, Needs, SenderNeeds
from providers import aws_errors, sns
from providers.answers import accepted, inner, is_success, objects, read_answer, read_object, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.callbacks import receipt_word, reference_in
from providers.fence import failed
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms
from providers.sigv4 import Signer

REFUSALS: Final = aws_errors.REFUSALS

# https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-types.html
STATES: Final[Mapping[str, ReceiptState]] = {
    **dict.fromkeys(("TEXT_QUEUED", "TEXT_PENDING", "TEXT_SENT"), ReceiptState.ENROUTE),
    **dict.fromkeys(("TEXT_DELIVERED", "TEXT_SUCCESSFUL"), ReceiptState.DELIVERED),
    **dict.fromkeys(("TEXT_UNREACHABLE", "TEXT_CARRIER_UNREACHABLE", "TEXT_BLOCKED"), ReceiptState.UNDELIVERABLE),
    "TEXT_TTL_EXPIRED": ReceiptState.EXPIRED,
    # the text, the carrier's filters, and our own rules for countries: another route may have none of it
    **dict.fromkeys(("TEXT_INVALID_MESSAGE", "TEXT_CARRIER_BLOCKED", "TEXT_SPAM"), ReceiptState.UNDELIVERABLE),
    "TEXT_PROTECT_BLOCKED": ReceiptState.UNDELIVERABLE,
    "TEXT_INVALID": ReceiptState.REJECTED,  # the number; there is no code beside an event
    "TEXT_UNKNOWN": ReceiptState.UNKNOWN,
}

# https://docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/API_SendTextMessage.html
SHORTEST_VALIDITY_S: Final = 5
LONGEST_VALIDITY_S: Final = 259_200
INDIA: Final = {"dlt_entity_id": "IN_ENTITY_ID", "dlt_template_id": "IN_TEMPLATE_ID"}

ENOUGH_EVENTS: Final = ("ALL", "TEXT_ALL", "TEXT_DELIVERED")
# SNS waits 15 s for our answer, and a subscription takes two questions; it repeats after a 5xx, never after a 4xx.
# https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
FETCH_LIMIT_S: Final = 5.0


class AwsProvider(HttpProvider):
    """Signature Version 4, one JSON POST per message, receipts through an SNS topic to one fixed address.

    For long-lived access keys: a temporary one has a session token, a second secret, which settings have no place for.
    """

    adapter: ClassVar[str] = "aws"
    needs: ClassVar[Needs] = Needs(
        credential="the secret access key of an IAM user",
        required={
            "key_id": "the access key id that belongs to the secret, AKIA...",
            "region": "the region that sends, such as eu-west-1",
            "configuration_set": "the configuration set with the event destination; without it there are no receipts",
            "topic_arn": "the SNS topic of that event destination, with an HTTPS subscription to /receipts/<name>",
        },
        forms={"region": HOST_LABEL, "configuration_set": r"[A-Za-z0-9_:/-]+"},
        sender=SenderNeeds(letters=r"[A-Za-z0-9_:/+-]+", pool="the id or ARN of a pool", pool_alone=True),
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="seconds, 5 to 259200",
        receipts="SNS topic, one fixed address",
        proof="RSA over the SNS envelope, 65 min; the signed event repeats our token",
        check="credential, spend limit, pools or numbers, event destination",
        rotation="two access keys at once",
    )
    certificates: ClassVar[sns.Certificates] = sns.Certificates()  # all topics of a region have the same ones

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        self._url = f"{self.base_url}/"
        self._topic = sns.read_topic(self.options["topic_arn"])
        self._pools = sorted(set(settings.pools.values()))
        self._signer = Signer(
            self.options["key_id"], self.credential, region=self.options["region"], service="sms-voice"
        )
        self._fetching = asyncio.Lock()

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """Give the address of the region, in the partition of the topic."""
        return f"https://sms-voice.{options['region']}.{sns.read_topic(options['topic_arn']).suffix}"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`SendTextMessage`; the token travels in `Context` (values of up to 800 characters), which events repeat."""
        message: dict[str, Any] = {
            "DestinationPhoneNumber": sms.to,
            "MessageBody": sms.text,
            "MessageType": "TRANSACTIONAL",
            "ConfigurationSetName": self.options["configuration_set"],
            "TimeToLive": min(max(sms.validity_s, SHORTEST_VALIDITY_S), LONGEST_VALIDITY_S),
            "Context": {"token": sms.reference},
        }
        if sender := sms.pool or sms.sender:
            message["OriginationIdentity"] = sender
        if registered := {INDIA[name]: value for name, value in sms.registrations.items() if name in INDIA}:
            message["DestinationCountryParameters"] = registered
        return self._call("SendTextMessage", message)

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`200 {"MessageId": ...}`, or an exception: its type, and `{"Reason", "Fields"}`."""
        answer = read_answer(body)
        if is_success(status) and not aws_errors.type_of(answer, headers):
            return accepted(answer.get("MessageId"))
        raise aws_errors.error_of(answer, status, headers)

    def checks(self) -> Mapping[str, HttpRequest]:
        """Questions about the account. `SendTextMessage` with `DryRun` would need somebody's number to ask about."""
        pools = {f"sender {pool}": self._call("DescribePools", {"PoolIds": [pool]}) for pool in self._pools}
        sets = {"ConfigurationSetNames": [self.options["configuration_set"]]}
        return {
            "credential": self._call("DescribeAccountAttributes", {}),
            "limits": self._call("DescribeSpendLimits", {}),
            **(pools or {"sender": self._call("DescribePhoneNumbers", {})}),
            "receipts": self._call("DescribeConfigurationSets", sets),
        }

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """One list each. A sandbox is no error: it sends, if only to verified numbers."""
        answer = read_answer(body)
        if status != HTTPStatus.OK:
            raise aws_errors.error_of(answer, status, headers)
        if what == "credential":
            return f"account tier {_named(answer, 'AccountAttributes', 'ACCOUNT_TIER', 'Value')}"
        if what == "limits":
            limit = _named(answer, "SpendLimits", "TEXT_MESSAGE_MONTHLY_SPEND_LIMIT", "EnforcedLimit")
            return f"at most {limit} USD a month"
        if what == "receipts":
            return self._read_destinations(answer)
        senders = objects(answer.get("Pools")) or objects(answer.get("PhoneNumbers"))
        return f"{sum(one.get('Status') == 'ACTIVE' for one in senders)} of {len(senders)} active"

    def _read_destinations(self, answer: Mapping[str, Any]) -> str:
        for one in (
            one for row in objects(answer.get("ConfigurationSets")) for one in objects(row.get("EventDestinations"))
        ):
            here = inner(one, "SnsDestination").get("TopicArn") == self._topic.arn
            events = one.get("MatchingEventTypes") if here and one.get("Enabled") is True else None
            if isinstance(events, list) and any(event in ENOUGH_EVENTS for event in events):
                return "events go to the topic"
        raise Misconfigured("no_event_destination")

    async def receive(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """Fetch the certificate if it is new, verify, read; and confirm the subscription of our topic."""
        envelope = sns.read_envelope(callback.body, self._topic)
        await self._fetch_certificate(envelope["SigningCertURL"])
        receipts = self.read_receipts(callback)
        if envelope["Type"] == sns.SUBSCRIPTION:
            await self._get(sns.subscribe_url(envelope, self._topic))
        return receipts

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per notification, none in other envelopes; the certificate must be there already."""
        envelope = sns.read_envelope(callback.body, self._topic)
        sns.verify(envelope, self.certificates.get(envelope["SigningCertURL"]), callback.received_at)
        return (_receipt(envelope),) if envelope["Type"] == sns.NOTIFICATION else ()

    async def _fetch_certificate(self, url: str) -> None:
        """One at a time, so that forged addresses become no flood of ours; what is known does not wait."""
        if self.certificates.get(url):
            return
        try:
            async with asyncio.timeout(FETCH_LIMIT_S), self._fetching:
                if not self.certificates.get(url):
                    self.certificates.keep(url, sns.read_certificate(await self._get(url), self._topic))
        except TimeoutError:
            raise Unavailable("timeout") from None

    async def _get(self, url: str) -> bytes:
        """Ask SNS. Raises Unavailable, so that SNS repeats what we could not take."""
        request = HttpRequest(method="GET", url=url, headers={})
        try:
            status, _, body = await self._exchange(request, None, FETCH_LIMIT_S)
            failure: ProviderError | None = None if status == HTTPStatus.OK else Unavailable(f"http_{status}")
        except Exception as error:  # noqa: BLE001 - as in `send`
            failure = failed(error, None)
        if failure:
            raise failure
        return body

    def _call(self, action: str, parameters: Mapping[str, Any]) -> HttpRequest:
        body = orjson.dumps(parameters)
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"PinpointSMSVoiceV2.{action}"}
        headers = self._signer.sign("POST", self._url, headers, body, now=self.now())
        return HttpRequest(url=self._url, headers=headers, body=body)


def _receipt(envelope: sns.Envelope) -> ProviderReceipt:
    event = read_object(envelope["Message"].encode())
    word = receipt_word(event, "eventType")
    state = STATES.get(word, ReceiptState.UNKNOWN)
    if word == "TEXT_SUCCESSFUL" and event.get("isFinal") is not True:
        state = ReceiptState.ENROUTE  # the carrier has it, and more may be said
    return ProviderReceipt(
        state=state,
        raw=word,
        code=short(event.get("messageStatus")),
        message_id=short(event.get("messageId")),
        reference=reference_in(inner(event, "context"), "token"),
        nonce=envelope["MessageId"],
    )


def _named(answer: Mapping[str, Any], rows: str, name: str, value: str) -> str | None:
    return next((short(row.get(value)) for row in objects(answer.get(rows)) if row.get("Name") == name), None)
