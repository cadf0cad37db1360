"""The whole system for a fault test: real processes, people who ask it for codes, and the oracle that judges it."""

import asyncio
import hmac
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from pipeline.records import Attempt, DeadLetter, decode
from pipeline.records.topics import ATTEMPTS, DEAD, TOPICS, Topic
from pipeline.reports.figures import Asked, Figures
from pipeline.settings import KafkaSettings, Settings
from pipeline.settings.parse import parse
from workers.embedded.callers_journal import CallersJournal, read_callers, read_carriers
from workers.embedded.checker import check
from workers.embedded.supervisor import Supervisor
from workers.embedded.system import HEALTHY, Shape, System
from workers.embedded.traffic import Plan, Tally, Traffic
from workers.kafka import KafkaAdmin
from workers.loop import Record

PROMISED: Final = ("lost", "duplicates_unexcused", "mixed", "late", "misrouted", "phantom", "unterminated")
CARRIERS: Final = ("carrier-a", "carrier-b", "carrier-c")
# All delivered and reported before the first look: no message is sent a second time.
QUICK_RECEIPTS: Final = {**HEALTHY, "receipt_median_s": 0.5, "receipt_sigma": 0.3}
FETCHED_WITHIN_S: Final = 0.25  # of its 202 a request is in a dispatcher's hands, on a busy machine too
LOOK_EVERY_S: Final = 0.1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a caller that asked for a code was answered, and after how long."""

    status: int | None  # none: no answer
    at: float  # epoch seconds
    took_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """From the 202 to the first message at a carrier. Epoch seconds."""

    request_id: str
    accepted_at: float
    arrived_at: float


class People(Traffic):
    """Traffic that remembers how every wish for a code was answered."""

    def __init__(self, plan: Plan, journal: CallersJournal) -> None:
        super().__init__(plan, journal)
        self.answers: list[Answer] = []
        self._asked_at: dict[asyncio.Task[Any] | None, float] = {}

    async def _ask(self, api: aiohttp.ClientSession, number: str) -> None:
        self._asked_at[asyncio.current_task()] = time.monotonic()
        await super()._ask(api, number)

    def _note_answer(self, number: str, status: int | None, document: dict[str, Any]) -> None:
        took_s = time.monotonic() - self._asked_at.pop(asyncio.current_task())
        self.answers.append(Answer(status=status, at=time.time(), took_s=took_s))
        super()._note_answer(number, status, document)


class Drill:
    """One system that runs, and what can be done to it and asked of it."""

    def __init__(self, system: System, supervisor: Supervisor, settings: Settings) -> None:
        self.system = system
        self.supervisor = supervisor
        self.settings = settings
        self.journal = CallersJournal(system.callers_journal)

    @property
    def kafka(self) -> KafkaSettings:
        """Where this system's Kafka is."""
        return replace(self.settings.kafka, bootstrap=self.system.kafka.bootstrap)

    @property
    def api_key(self) -> str:
        """The bearer key of the caller that asks."""
        key = self.settings.callers["demo"].api_key
        assert key is not None
        return key.reveal().decode()

    def people(self, *, rate: float, seconds: float, enter_after_s: tuple[float, float] = (0.5, 2.0)) -> People:
        """Make people who ask for codes at this rate, and enter them."""
        key = self.settings.callers["demo"].api_key
        assert key is not None
        plan = Plan(
            api_url=self.system.urls["api"],
            api_key=key,
            carriers_url=self.system.urls["carrier"],
            rate=rate,
            seconds=seconds,
            enter_after_s=enter_after_s,
            journal_key=self.system.journal_key,
        )
        return People(plan, self.journal)

    @asynccontextmanager
    async def asking(self, people: People, *, settle_s: float) -> AsyncIterator[asyncio.Task[Tally]]:
        """Let people ask beside the block, and wait until all have entered their codes or `settle_s` are over."""
        running = asyncio.create_task(people.run(settle_s=settle_s))
        try:
            yield running
            await running
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> tuple[int, dict[str, Any]]:
        """Ask the HTTP door something."""
        headers = {"Authorization": f"Bearer {key or self.api_key}"}
        async with (
            aiohttp.ClientSession(self.system.urls["api"], headers=headers) as http,
            http.post(path, json=body) as answer,
        ):
            return answer.status, await answer.json(content_type=None)

    async def ask(self, number: str, **body: Any) -> str:
        """Ask for one code, and give the request's id."""
        status, document = await self.post("/v1/otp", {"to": number, "purpose": "login", **body})
        assert status == HTTPStatus.ACCEPTED, document
        expires_at = datetime.fromisoformat(document["expires_at"])
        self.note_accepted(document["request_id"], number, expires_at)
        return str(document["request_id"])

    def note_accepted(self, request_id: str, number: str, expires_at: datetime) -> None:
        """Write into the callers' journal that a request is durable."""
        key = self.system.journal_key.reveal()
        self.journal.write(
            Asked(
                request_id=request_id,
                answer="accepted",
                answered_at=time.time(),
                expires_at=expires_at.timestamp(),
                number_hmac=hmac.digest(key, number.encode(), "sha256").hex(),
            )
        )

    async def order(self, faults: Mapping[str, object] | None) -> None:
        """Order faults at all carriers, or clear them."""
        for carrier in CARRIERS:
            await self.system.order_faults(carrier, faults)

    async def health(self, process: str) -> dict[str, Any]:
        """Read the figures of a dispatcher from its `/readyz`."""
        (port,) = orjson.loads((self.system.folder / f"{process}.port.json").read_bytes())
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/readyz") as answer:
            document: dict[str, Any] = await answer.json()
            return document

    async def metrics(self, process: str) -> str:
        """Read what a process tells Prometheus."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.system.urls[process]}/metrics") as answer:
            assert answer.status == HTTPStatus.OK
            return await answer.text()

    async def caught_busy(self, process: str, people: People) -> int:
        """Wait until a dispatcher has records in hand; tell how many it has now, at most.

        That is what it told, and what may have come since: every request that was not answered well before.
        """
        in_flight = 0
        while in_flight == 0:
            answered_before = sum(answer.at < time.time() - FETCHED_WITHIN_S for answer in people.answers)
            in_flight = (await self.health(process))["in_flight"]
        return in_flight + people.tally.asked - answered_before

    def accepted(self) -> int:
        """How many requests were answered 202."""
        return sum(row.answer == "accepted" for row in self.asked())

    def restarts(self, process: str) -> int:
        """How often a process was started again."""
        return next(status.restarts for status in self.supervisor.status() if status.name == process)

    def is_ready(self, process: str) -> bool:
        """Tell whether the supervisor has seen that a process is ready."""
        return any(status.name == process and status.state == "ready" for status in self.supervisor.status())

    async def until(self, condition: Callable[[], bool | Awaitable[bool]], within_s: float) -> float:
        """Wait for a condition, and tell how long it took. Raises TimeoutError."""
        started = time.monotonic()
        async with asyncio.timeout(within_s):
            while True:
                met = condition()
                if met if isinstance(met, bool) else await met:
                    return time.monotonic() - started
                await asyncio.sleep(LOOK_EVERY_S)

    async def drained(self, within_s: float, topics: tuple[Topic, ...] = TOPICS) -> float:
        """Wait until the dispatchers have finished everything on these topics."""
        names = {topic.name for topic in topics}

        async def no_lag() -> bool:
            async with KafkaAdmin(self.kafka) as admin:
                groups = await admin.groups()
            lags = [lag for group in groups for place, lag in group.lag.items() if place.topic in names]
            return bool(lags) and not any(lags)

        return await self.until(no_lag, within_s)

    async def records(self, topic: Topic) -> list[Record]:
        """Read a whole topic."""
        async with KafkaAdmin(self.kafka) as admin:
            return [record async for record in admin.read(topic.name)]

    async def attempts(self) -> list[Attempt]:
        """Read all attempts."""
        return [decode(Attempt, record.value) for record in await self.records(ATTEMPTS)]

    async def dead(self) -> list[DeadLetter]:
        """Read all dead letters."""
        return [decode(DeadLetter, record.value) for record in await self.records(DEAD)]

    async def figures(self) -> Figures:
        """Let the oracle count."""
        figures = await check(self.kafka, callers=self.system.callers_journal, carriers=self.system.carriers_journal)
        log.info("figures %s", figures)
        return figures

    def asked(self) -> list[Asked]:
        """Read what the callers were answered."""
        return read_callers(self.system.callers_journal)[0]

    def waits(self) -> list[Wait]:
        """Tell how long each accepted request took to its first message at a carrier."""
        arrived: dict[str, float] = {}
        for row in read_carriers(self.system.carriers_journal):
            arrived[row.request_id] = min(row.at, arrived.get(row.request_id, row.at))
        return [
            Wait(request_id=row.request_id, accepted_at=row.answered_at, arrived_at=arrived[row.request_id])
            for row in self.asked()
            if row.answer == "accepted" and row.request_id in arrived
        ]


def recovery_s(waits: list[Wait], fault_ended_at: float) -> float:
    """Tell the longest wait of any request, not counting the time before the fault was over."""
    return max((wait.arrived_at - max(wait.accepted_at, fault_ended_at) for wait in waits), default=0.0)


def doubled_across(it: Drill, attempts: list[Attempt], faults: Sequence[float]) -> list[int]:
    """Count excused second messages by the last of the faults (epoch seconds, ascending) before them."""
    excused = {(attempt.request_id, attempt.number) for attempt in attempts if attempt.excused}
    arrivals: dict[tuple[str, int], list[float]] = {}
    for row in read_carriers(it.system.carriers_journal):
        arrivals.setdefault((row.request_id, row.attempt), []).append(row.at)
    again = [at for name in excused for at in sorted(arrivals.get(name, ()))[1:]]
    return [sum(start < at < end for at in again) for start, end in pairwise([*faults, float("inf")])]


def broken(figures: Figures) -> dict[str, int]:
    """Give the promises that were not kept."""
    return {name: value for name in PROMISED if (value := getattr(figures, name))}


@asynccontextmanager
async def drill(
    folder: Path,
    jars: Path,
    *,
    dispatchers: int = 2,
    behaviour: Mapping[str, float] = QUICK_RECEIPTS,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Drill]:
    """Run a whole system in a folder. `settings` are ITHACA_... variables for its processes."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ITHACA_")}
    read = parse(environ=settings or {})
    shape = Shape(dispatchers=dispatchers, behaviour=behaviour, settings=settings or {})
    system = System(folder / "system", cache=jars, settings=read, environ=ours, shape=shape)
    async with system.running() as supervisor:
        drilled = Drill(system, supervisor, read)
        try:
            yield drilled
        finally:
            drilled.journal.close()
