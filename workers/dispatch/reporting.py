"""What callers report of codes of their own: a request whose code was entered is over."""

from collections.abc import Collection

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.records import Reporter, Verdict, Verification, decode
from workers.log import get_log
from workers.loop import Record
from workers.state.reports import Report, Reports

log = get_log("dispatch")


class Reporting:
    """Takes the records of `otp.verifications`; those of the API, which has ended the request itself, are nothing."""

    def __init__(self, callers: Collection[str], reports: Reports) -> None:
        self._callers = callers
        self._reports = reports

    async def handle(self, record: Record) -> None:
        """Handle one record to its end. Raises InvalidMessage."""
        entered = decode(Verification, record.value)
        if entered.reported_by is Reporter.API:
            return
        if entered.caller not in self._callers:
            detail = "no such caller in the settings"
            raise InvalidMessage(DeadReason.UNKNOWN_CALLER, detail, source=entered.caller)
        if entered.verdict is Verdict.VERIFIED:
            report = Report(request_id=entered.request_id, caller=entered.caller, at_ms=record.timestamp_ms)
            if await self._reports.take(report):
                log.info("code.reported", request_id=entered.request_id, caller=entered.caller)
