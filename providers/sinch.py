"""Sinch SMS (XMS), https://developers.sinch.com/docs/sms/api-reference/sms."""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar, Final, Unpack
from urllib.parse import quote

import orjson

from pipeline.errors import Malformed, Misconfigured, ProviderError, Refused, RouteRefused, Undeliverable
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import HOST_LABEL, Needs
from providers.answers import accepted, is_success, read_answer, read_object, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.blame import Part, blamed_in_words
from providers.callbacks import check_signature, forged, is_timely, receipt_word, reference_in, state_of
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

# https://developers.sinch.com/docs/sms/api-reference/status-codes, and illegal_number_type and blocked_account of
# https://community.sinch.com/t5/SMS/Common-SMS-HTTP-Statuses-and-Codes-Explained/ta-p/14163
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    # Something in the request: the text tells what, in words.
    **dict.fromkeys(("syntax_invalid_json", "syntax_invalid_parameter_format"), Refused),
    **dict.fromkeys(("syntax_constraint_violation", "unknown_group"), Refused),
    **dict.fromkeys(("missing_callback_url", "blocked_account"), Misconfigured),
    "unknown_campaign": RouteRefused,  # not that of the sender
    "illegal_number_type": Undeliverable,  # not in this region
}
# The parameters as texts name them, such as 'to[0]': https://developers.sinch.com/docs/sms/api-reference/sms/tag/Batches
FIELDS: Final[Mapping[str, Part]] = {
    "from": Part.SENDER,
    **dict.fromkeys(("callback_url", "client_reference"), Part.CALLBACK),
    "to": Part.RECIPIENT,
    "body": Part.TEXT,
}

# https://developers.sinch.com/docs/sms/api-reference/sms/tag/Delivery-reports. Sinch's own SDK has them in capitals.
REPORT: Final = "recipient_delivery_report_sms"
STATES: Final[Mapping[str, ReceiptState]] = {
    "Queued": ReceiptState.ENROUTE,
    "Dispatched": ReceiptState.ENROUTE,
    "Delivered": ReceiptState.DELIVERED,
    "Expired": ReceiptState.EXPIRED,
    **dict.fromkeys(("Failed", "Deleted", "Aborted", "Cancelled", "Rejected"), ReceiptState.UNDELIVERABLE),
    "Unknown": ReceiptState.UNKNOWN,
}
# https://developers.sinch.com/docs/sms/api-reference/sms/delivery-reports/delivery-report-error-codes. None of Sinch's
# own blames the recipient alone.
CODES: Final = {"406": ReceiptState.EXPIRED}  # before Sinch had handed it over

LONGEST_VALIDITY_S: Final = 3 * 24 * 3600

# https://developers.sinch.com/docs/sms/api-reference/sms/tag/Webhooks
SIGNATURE: Final = "x-sinch-webhook-signature"
REPEATS_S: Final = 81_920.0  # the last retry after the first failed attempt
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_NONCE: Final = re.compile(r"[!-\-/-~]{1,128}")  # no dot: it parts body, nonce and time, and the body may have some

# Ofcom gives 07700 900000 to 900999 to nobody, https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama
NOBODY: Final = "+447700900000"


class SinchProvider(HttpProvider):
    """Bearer token of a service plan, one batch of one recipient per message, receipts to the callback URL.

    Sinch signs callbacks only of plans for which it was asked to: then there are `webhook_keys`, and what is not
    signed with one of them is refused. The OAuth credentials of a project are not supported, only a plan's own token.
    """

    adapter: ClassVar[str] = "sinch"
    needs: ClassVar[Needs] = Needs(
        credential="the API token of the service plan",
        required={"account": "the id of the service plan"},
        optional_webhook_keys="the webhook secrets of the plan, once Sinch signs for it",
        optional={"region": "where the plan is: us, eu, au, br or ca; else us"},
        forms={"region": HOST_LABEL},
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="an instant, at most 3 days away",
        receipts="callback URL of each message",
        proof=(
            "our token in the callback URL; with webhook_keys, once Sinch signs for the plan,"
            " HMAC-SHA256 over body, nonce and time too, 23 h"
        ),
        check="credential; the form of each sender, but not whether it may send",
        rotation="none: one API token per plan; two webhook_keys",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        self._senders = sorted(set(settings.senders.values()))
        self._url = f"{self.base_url}/xms/v1/{quote(self.options['account'], safe='')}/batches"
        self._headers = {"Authorization": f"Bearer {self.credential.decode()}", "Content-Type": "application/json"}

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """Give the address of the region: a plan is in one alone, and the others do not know it."""
        return f"https://{options.get('region') or 'us'}.sms.api.sinch.com"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST .../batches`. Without a sender Sinch takes the plan's default originator, if it has one."""
        validity_s = min(max(sms.validity_s, 1), LONGEST_VALIDITY_S)
        message = {
            "to": [sms.to],
            "body": sms.text,
            "type": "mt_text",
            "delivery_report": "per_recipient",  # a summary comes at the end alone, and may lack our reference
            "callback_url": sms.callback_url,
            "client_reference": sms.reference.rpartition(".")[2],  # takes 128, and the whole can be longer
            "expire_at": datetime.fromtimestamp(self.now() + validity_s, UTC),
        }
        if sms.sender:
            message["from"] = sms.sender
        return self._post("", message)

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`201 {"id": ...}`, or `{"code", "text"}`; of a 401 the body is often empty."""
        answer = read_answer(body)
        if is_success(status) and not answer.get("code"):
            return accepted(answer.get("id"))
        raise _refused(answer, status, headers)

    def checks(self) -> Mapping[str, HttpRequest]:
        """List batches, and try each sender in a dry run, which validates a batch and sends nothing."""
        question = HttpRequest(method="GET", url=f"{self._url}?page_size=1", headers=self._headers)
        trials = {
            f"sender {sender}": self._post("/dry_run", {"to": [NOBODY], "from": sender, "body": "Test"})
            for sender in self._senders
        }
        return {"credential": question, **trials}

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """`{"count": ...}` of batches; of a dry run only its refusal tells something, and that of the sender alone."""
        answer = read_answer(body)
        if status != HTTPStatus.OK:
            error = _refused(answer, status, headers)
            of_form = isinstance(error, Refused | Malformed)
            raise RouteRefused(error.code) if what != "credential" and of_form else error
        if what == "credential":
            return f"batches of the last 24 h: {short(answer.get('count'))}"
        return "well formed; whether it may send, only a message tells"

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per callback of a recipient's report; callbacks of other kinds are none.

        No signature covers the URL, but the report repeats our reference.
        """
        nonce = self._proved(callback)
        report = read_object(callback.body)
        if receipt_word(report, "type") != REPORT:
            return ()
        word, code = receipt_word(report, "status"), short(report.get("code"))
        return (
            ProviderReceipt(
                state=state_of(word.capitalize(), STATES, code, CODES),
                raw=word,
                code=None if code == "0" else code,
                message_id=short(report.get("batch_id")),
                reference=reference_in(report, "client_reference"),
                nonce=nonce,
            ),
        )

    def _post(self, path: str, batch: Mapping[str, Any]) -> HttpRequest:
        body = orjson.dumps(batch, option=orjson.OPT_UTC_Z)
        return HttpRequest(url=self._url + path, headers=self._headers, body=body)

    def _proved(self, callback: Callback) -> str | None:
        """Give the nonce, once it is proved. Without keys there is no proof, and a nonce is anybody's."""
        if not self.webhook_keys:
            return None
        nonce, time = (callback.headers.get(f"{SIGNATURE}-{part}", "") for part in ("nonce", "timestamp"))
        if not _SECONDS.fullmatch(time) or not is_timely(int(time), callback.received_at, REPEATS_S):
            raise forged(f"`{SIGNATURE}-timestamp` is missing, too old or too new")
        if not _NONCE.fullmatch(nonce):
            raise forged(f"`{SIGNATURE}-nonce` is missing or no nonce")
        signed = b"%b.%b.%b" % (callback.body, nonce.encode(), time.encode())
        macs = [hmac.digest(key, signed, "sha256") for key in self.webhook_keys]
        check_signature(SIGNATURE, callback.headers, [b64encode(mac).decode() for mac in macs])
        return nonce


def _refused(answer: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> ProviderError:
    return refused(REFUSALS, [answer.get("code")], status, headers, blamed_in_words(FIELDS, answer.get("text")))
