"""What a dispatcher counts of the requests and attempts that go through it."""

from pipeline.dispatch.attempts import AGAIN
from pipeline.dispatch.decision import Send
from pipeline.errors import Outcome
from pipeline.records import Attempt
from workers.dispatch.opened import OpenedRequest
from workers.metrics import Metrics
from workers.metrics.definitions import ATTEMPTS, CODES, HAND_OVER_SECONDS, REQUESTS, SECOND_SENDS
from workers.metrics.labels import NONE


def count_request(metrics: Metrics, opened: OpenedRequest, *, test: bool) -> None:
    """Count a request, and its code where it is the first of it. `test`: it is for a test number."""
    again = opened.request.resend > 0
    metrics.count(REQUESTS, opened.request.caller, opened.phone.country, "again" if again else "first")
    if not again and not test:
        metrics.count(CODES, opened.phone.country)


def count_attempt(metrics: Metrics, opened: OpenedRequest, send: Send, attempt: Attempt) -> None:
    """Count an attempt that was made just now, and how long its code took to get there. A test tells nothing."""
    if attempt.test:
        return
    metrics.count(ATTEMPTS, attempt.provider, attempt.country, attempt.outcome, attempt.trigger)
    if attempt.trigger in AGAIN:
        before = attempt.replaces.provider if attempt.replaces else NONE
        metrics.count(SECOND_SENDS, before, attempt.country, _why(send))
    elif attempt.outcome is Outcome.ACCEPTED:
        waited_s = (attempt.sent_at - opened.life.starts_at).total_seconds() + attempt.duration_ms / 1000
        metrics.observe(HAND_OVER_SECONDS, max(waited_s, 0.0), attempt.provider)


def _why(send: Send) -> str:
    if send.trigger == "resend":
        return "wish"
    if send.rescue:
        return "rescue"
    return "silence" if send.silent else "failed"
