"""What callers report of codes of their own: a request whose code was entered is over."""

from collections.abc import Collection

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.records import LONGEST_LIFE, Reporter, Verdict, Verification, decode
from workers.dispatch.handover import Clock
from workers.log import get_log
from workers.loop import Record
from workers.state.caller_reports import Report, Reports

log = get_log("dispatch")


class Reporting:
    """Takes the records of `otp.verifications`; those of the API, which has ended the request itself, are nothing.

    Nor is what is older than any row: a group that is new to the topic finds a week of it.
    """

    def __init__(self, callers: Collection[str], keep_s: int, reports: Reports, clock: Clock) -> None:
        self._callers = callers
        self._kept_ms = (LONGEST_LIFE.total_seconds() + keep_s) * 1000
        self._reports = reports
        self._clock = clock

    async def handle(self, record: Record) -> None:
        """Handle one record to its end. Raises InvalidMessage."""
        if self._clock.now().timestamp() * 1000 - record.timestamp_ms > self._kept_ms:
            return
        entered = _read(record)
        if entered.reported_by is Reporter.API:
            return
        if entered.caller not in self._callers:
            raise InvalidMessage(DeadReason.UNKNOWN_CALLER, "no such caller in the settings")
        if entered.verdict is Verdict.VERIFIED:
            report = Report(request_id=entered.request_id, caller=entered.caller, at_ms=record.timestamp_ms)
            if await self._reports.take(report):
                log.info("code.reported", request_id=entered.request_id, caller=entered.caller)


def _read(record: Record) -> Verification:
    """Read a report. What is wrong with one is nobody's flood: anybody may write one under any caller's name."""
    try:
        return decode(Verification, record.value)
    except InvalidMessage as error:
        raise InvalidMessage(error.reason, error.detail) from None
