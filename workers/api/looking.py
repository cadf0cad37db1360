"""See what became of a request: its timeline, without number and code."""

from datetime import datetime

from aiohttp import web

from workers.api.asking import unknown
from workers.api.bodies import OtpState, Timeline, TimelineAttempt
from workers.api.callers import Callers
from workers.state.checks import Row
from workers.web.parts import Parts
from workers.web.serving import json


class Looking:
    """`GET /v1/otp/{request_id}`."""

    def __init__(self, parts: Parts, callers: Callers) -> None:
        self._callers = callers
        self._checks = parts.checks
        self._clock = parts.clock

    async def look(self, request: web.Request) -> web.Response:
        """Give the timeline of a request of this caller."""
        caller = self._callers.name(request)
        request_id = request.match_info["request_id"]
        row = await self._checks.row(request_id, caller)
        if row is None:
            raise unknown()
        return json(timeline(request_id, row, self._clock.now()))


def timeline(request_id: str, row: Row, now: datetime) -> Timeline:
    """Say what a row says."""
    return Timeline(
        request_id=request_id,
        state=_state(row, now),
        issued_at=row.issued_at,
        expires_at=row.deadline_at,
        verified_at=row.verified_at,
        attempts=tuple(
            TimelineAttempt(
                number=attempt.number,
                provider=attempt.provider,
                trigger=attempt.trigger,
                outcome=attempt.outcome,
                at=attempt.sent_at,
                receipt=row.states.get(attempt.number),
            )
            for attempt in row.attempts
        ),
    )


def _state(row: Row, now: datetime) -> OtpState:
    if row.verified_at:
        return OtpState.VERIFIED
    if row.void:
        return OtpState.SUPERSEDED
    return OtpState.EXPIRED if now > row.deadline_at else OtpState.OPEN
