"""People and their auth services, simulated: ask for codes, read them off the handsets, enter them.

Everything goes through the product's own doors (its HTTP API, the carriers' handsets); everything that the callers
are answered goes into their journal.
"""

import asyncio
import contextlib
import hmac
import random
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from pipeline.reports.figures import Asked
from pipeline.settings import Secret
from workers.embedded.callers_journal import CallersJournal, Entered

# Numbers that no one has: Ofcom keeps +44 7700 900000 to 900999 for drama, the NANP 555-0100 to 555-0199.
OF_GB: Final = tuple(f"+447700900{n:03d}" for n in range(1000))
OF_US: Final = tuple(
    f"+1{area}555{n:04d}" for area in (202, 206, 212, 303, 305, 312, 404, 415, 512, 617) for n in range(100, 200)
)
NUMBERS: Final = (*OF_GB, *(f"+1{area}555{n:04d}" for area in (212, 416) for n in range(100, 200)))
ANSWER_S: Final = 5.0  # how long a caller waits for an answer
REPEAT_S: Final = 0.5  # until it repeats what nobody knows the outcome of
_CODE: Final = re.compile(r"(?<!\d)\d{6,10}(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What traffic to make."""

    api_url: str
    api_key: Secret
    carriers_url: str
    rate: float  # requests a second
    seconds: float
    enter_after_s: tuple[float, float] | None = (0.5, 2.0)  # people look at the phone, then type; none: nobody does
    journal_key: Secret
    numbers: Sequence[str] = NUMBERS  # each is asked for as often as the others
    seed: int = 1
    repeat_s: float = 0.0  # how long an ask whose outcome is unknown is repeated, under the same Idempotency-Key

    def hash_of(self, number: str) -> str:
        """Give the keyed hash by which the journals know a number."""
        return hmac.digest(self.journal_key.reveal(), number.encode(), "sha256").hex()


@dataclass(slots=True)
class Tally:
    """How far it is, for a progress display."""

    asked: int = 0
    accepted: int = 0
    delivered: int = 0
    verified: int = 0
    waiting: dict[str, str] = field(default_factory=dict)  # number -> newest request id


class Traffic:
    """One run of a plan."""

    def __init__(
        self, plan: Plan, journal: CallersJournal, *, on_progress: Callable[[Tally], None] | None = None
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._on_progress = on_progress or (lambda _: None)
        self._random = random.Random(plan.seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._early: dict[str, dict[str, Any]] = {}  # what a handset got before its caller was answered
        self.tally = Tally()

    async def run(self, *, settle_s: float) -> Tally:
        """Ask for codes at the plan's rate, then wait until each one was entered, or `settle_s` are over."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        headers = {"Authorization": f"Bearer {self._plan.api_key.reveal().decode()}"}
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as api,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as handsets,
        ):
            reading = asyncio.create_task(self._read_handsets(handsets, api))
            await self._ask_all(api)
            await self._settle(settle_s)
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.tally

    async def _ask_all(self, api: aiohttp.ClientSession) -> None:
        numbers = self._shuffled(self._plan.numbers)
        began = time.monotonic()
        for turn in range(int(self._plan.rate * self._plan.seconds)):
            await asyncio.sleep(began + turn / self._plan.rate - time.monotonic())
            self._spawn(self._ask(api, numbers[turn % len(numbers)]))

    async def _ask(self, api: aiohttp.ClientSession, number: str) -> None:
        self.tally.asked += 1
        until = time.monotonic() + self._plan.repeat_s
        body = {"to": number, "purpose": f"login-{secrets.token_hex(4)}", "locale": "en"}
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        status, document = await self._answer(api, body, headers)
        while _is_unknown(status) and time.monotonic() < until:
            await asyncio.sleep(REPEAT_S)
            status, document = await self._answer(api, body, headers)
        self._note_answer(number, status, document)
        request_id = document.get("request_id")
        if request_id and (early := self._early.pop(request_id, None)):
            self._read_deliveries([early], api)

    async def _answer(
        self, api: aiohttp.ClientSession, body: dict[str, str], headers: dict[str, str]
    ) -> tuple[int | None, dict[str, Any]]:
        """Ask once; without an answer there is no status."""
        try:
            async with api.post(f"{self._plan.api_url}/v1/otp", json=body, headers=headers) as answer:
                return answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None, {}

    def _note_answer(self, number: str, status: int | None, document: dict[str, Any]) -> None:
        accepted, unknown = status == HTTPStatus.ACCEPTED, _is_unknown(status)
        expires_at = datetime.fromisoformat(document["expires_at"]).timestamp() if accepted else None
        request_id = document["request_id"] if accepted else None
        if request_id:
            self.tally.accepted += 1
            self.tally.waiting[request_id] = number
        self._journal.write(
            Asked(
                request_id=request_id,
                answer="accepted" if accepted else "unknown" if unknown else "refused",
                answered_at=time.time(),
                expires_at=expires_at,
                number_hmac=self._plan.hash_of(number),
            )
        )

    async def _read_handsets(self, handsets: aiohttp.ClientSession, api: aiohttp.ClientSession) -> None:
        """Follow all handsets; a carrier that is away is asked again."""
        since = 0
        while True:
            url = f"{self._plan.carriers_url}/handsets/events?since={since}&wait_s=5"
            try:
                async with handsets.get(url) as answer:
                    page = await answer.json()
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.2)
                continue
            since = page["next"]
            self._read_deliveries(page["deliveries"], api)

    def _read_deliveries(self, deliveries: Sequence[dict[str, Any]], api: aiohttp.ClientSession) -> None:
        for delivery in deliveries:
            request_id = delivery["client_reference"].rpartition(".")[0]
            code = _CODE.search(delivery["text"])
            if code and request_id not in self.tally.waiting:
                self._early[request_id] = delivery  # before its 202, or another message of the same code
            elif code:
                del self.tally.waiting[request_id]
                self.tally.delivered += 1
                if self._plan.enter_after_s:
                    after_s = self._random.uniform(*self._plan.enter_after_s)
                    self._spawn(self._enter(api, request_id, code[0], after_s))

    async def _enter(self, api: aiohttp.ClientSession, request_id: str, code: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        verified: bool | None = None
        while verified is None:
            verified = await self._verify(api, request_id, code)
            self._journal.write(Entered(request_id=request_id, verified=verified, at=time.time()))
        self.tally.verified += verified

    async def _verify(self, api: aiohttp.ClientSession, request_id: str, code: str) -> bool | None:
        """Enter a code once; none when there was no answer, after which a person tries again."""
        try:
            async with api.post(f"{self._plan.api_url}/v1/otp/{request_id}/verify", json={"code": code}) as answer:
                if answer.status == HTTPStatus.OK:
                    return bool((await answer.json())["verified"])
        except (aiohttp.ClientError, TimeoutError):
            pass
        await asyncio.sleep(1.0)
        return None

    async def _settle(self, settle_s: float) -> None:
        """Wait until every accepted request was verified."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settle_s):
                while self._tasks or self.tally.waiting:
                    self._changed.clear()
                    await self._changed.wait()

    def _shuffled(self, numbers: Sequence[str]) -> list[str]:
        return self._random.sample(numbers, len(numbers))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changed.set()
        self._on_progress(self.tally)


def _is_unknown(status: int | None) -> bool:
    """Tell whether an answer leaves open if a code was accepted."""
    return status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR
