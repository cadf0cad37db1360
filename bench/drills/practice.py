"""One drill on a system that runs: people ask for codes, faults come and go, and what is said is written down."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from bench.drills.counting import onset
from bench.drills.drills import Drill, Orders, Size
from bench.drills.faults import Faults
from bench.drills.moves import Outage, Seen, Shares, leader
from bench.drills.steering import Steering
from bench.strange.ages import Ages
from bench.strange.writing import Writing, caller_of
from pipeline.records import Incident, Phase
from pipeline.reports.figures import Arrived, Asked, Figures
from pipeline.settings import Secret, Settings
from pipeline.settings.countries import shares_for
from workers.embedded.callers_journal import CallersJournal, Entered, read_callers, read_carriers
from workers.embedded.checker import check
from workers.embedded.supervisor import Supervisor
from workers.embedded.system import System
from workers.embedded.together import together
from workers.embedded.traffic import OF_GB, OF_US, Plan, Tally, Traffic
from workers.operator_actions.postmortem import write_up

NUMBERS: Final = {"GB": OF_GB, "US": OF_US}  # as many of each, so that each country has half of the requests
SHOW_EVERY_S: Final = 0.25
REPEAT_S: Final = 20.0  # callers ask again for so long while nobody knows whether their request was accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How a drill stands, for a display."""

    drill: Drill
    size: Size
    at_s: float  # since the first request
    led: str | None  # the carrier that led when the first fault came
    broken: frozenset[str]  # carriers that have faults now
    shares: Mapping[str, Shares]  # by country
    why: Mapping[str, str]  # by country: the reason of the newest change
    incidents: Sequence[Incident]  # those that are open
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that a drill has shown. Epoch seconds."""

    drill: Drill
    outage: Outage
    changes: Sequence[tuple[float, Orders | None]]  # when faults were ordered, and cleared
    configured: Mapping[str, Shares]  # by country, what the settings say
    seen: Sequence[Seen]
    incidents: Sequence[Incident]  # as each was told last while it was observed, in the order of their opening
    named_at: float | None  # when the first of them came
    asked: Sequence[Asked]
    arrived: Sequence[Arrived]
    entered: Sequence[Entered]
    country_of: Mapping[str, str]  # of each hashed number
    figures: Figures  # of the checker, over everything since the start of the system
    not_accepted: int = 0  # requests over HTTP that were not answered with 202
    ended: int = 0  # times that a process ended by itself
    taken_back_sent: int = 0  # messages for requests that their caller took back
    evidence_age_s: float | None = None  # the oldest that what the statistics know ever was


class Practice:
    """Runs one drill. `show` is called several times a second."""

    def __init__(
        self,
        system: System,
        settings: Settings,
        api_key: Secret,
        *,
        drill: Drill,
        size: Size,
        show: Callable[[Moment], None],
        supervisor: Supervisor,
    ) -> None:
        self._system = system
        self._supervisor = supervisor
        self._caller = caller_of(settings)
        self._taken_back: frozenset[str] = frozenset()
        self._ages = Ages(system.urls["stats-1"])
        self._kafka = replace(settings.kafka, bootstrap=system.kafka.bootstrap)
        self._life = timedelta(seconds=settings.otp.ttl_s)
        self._drill = drill
        self._size = size
        self._show = show
        self._plan = _plan(system, api_key, size)
        self._configured = {country: _normal(shares_for(settings.routes, country)) for country in NUMBERS}
        self._steering = Steering(system.folder / "journals" / "steering.jsonl")
        self._faults = Faults(system, settings.providers)
        self._began = time.time()

    async def run(self) -> Observed:
        """Run it to its end. Raises BrokerAway, and ClientError where a carrier cannot be told its faults."""
        journal = CallersJournal(self._system.callers_journal)
        traffic = Traffic(self._plan, journal)
        async with self._steering.following(self._kafka):
            self._began = time.time()
            beside = [asyncio.create_task(work) for work in (self._keep_showing(traffic.tally), self._ages.follow())]
            try:
                await together([self._ask(traffic), self._order_all(), self._write_strangely(traffic.tally, journal)])
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.wait(beside)
                journal.close()
        return await self._observed()

    async def write_up(self, observed: Observed, folder: Path) -> bool:
        """Write the postmortem of the first incident, from the topics, and tell whether there is one.

        Raises BrokerAway and OSError.
        """
        for incident in observed.incidents[:1]:
            await write_up(self._kafka, incident.incident_id, folder, life=self._life)
        return bool(observed.incidents)

    async def _ask(self, traffic: Traffic) -> None:
        await traffic.run(settle_s=self._size.settle_s)

    async def _order_all(self) -> None:
        for step in self._drill.steps:
            if step.after_s < self._size.observed_s:
                await asyncio.sleep(self._due + step.after_s - time.time())
                await self._faults.order(step, leader(self._steering.tables, self._concerned()))

    async def _write_strangely(self, tally: Tally, journal: CallersJournal) -> None:
        if self._drill.strange:
            await asyncio.sleep(self._due - time.time())
            writing = Writing(self._kafka, self._caller, journal, tally.waiting, self._plan)
            await writing.run(self._size.observed_s)
            self._taken_back = frozenset(writing.taken_back)

    @property
    def _due(self) -> float:
        return self._began + self._size.before_s

    def _concerned(self) -> Mapping[str, Shares]:
        """Give the configured shares of the countries that the fault is in."""
        wanted = self._drill.country
        return {country: shares for country, shares in self._configured.items() if wanted in {None, country}}

    async def _keep_showing(self, tally: Tally) -> None:
        while True:
            self._show(self._moment(tally))
            await asyncio.sleep(SHOW_EVERY_S)

    def _moment(self, tally: Tally) -> Moment:
        tables = {country: table for country, table in self._steering.tables.items() if country in NUMBERS}
        told = {country: {route.provider: route.share for route in table.routes} for country, table in tables.items()}
        return Moment(
            drill=self._drill,
            size=self._size,
            at_s=time.time() - self._began,
            led=self._faults.led,
            broken=self._faults.now,
            shares={**self._configured, **told},
            why={country: table.why for country, table in tables.items()},
            incidents=[one for one in self._steering.incidents(time.time()) if one.phase is not Phase.CLOSED],
            tally=tally,
        )

    async def _observed(self) -> Observed:
        callers, carriers = self._system.callers_journal, self._system.carriers_journal
        asked, entered = read_callers(callers)
        arrived = read_carriers(carriers)
        broken, changes = self._faults.ever, self._faults.changes
        until = self._due + self._size.observed_s
        return Observed(
            drill=self._drill,
            outage=Outage(
                carriers=broken,
                countries=frozenset(self._concerned()),
                onset_at=onset(arrived, broken, changes[0][0] if changes else self._due),
                until=until,
            ),
            changes=changes,
            configured=self._configured,
            seen=self._steering.seen,
            incidents=self._steering.incidents(until),
            named_at=min((at for at, _ in self._steering.told if at <= until), default=None),
            asked=[row for row in asked if row.answered_at >= self._began],
            arrived=arrived,
            entered=entered,
            country_of={self._plan.hash_of(number): country for country, of in NUMBERS.items() for number in of},
            figures=await check(self._kafka, callers=callers, carriers=carriers),
            not_accepted=sum(row.answer != "accepted" for row in asked if row.answered_at >= self._began),
            ended=sum(process.restarts for process in self._supervisor.status()),
            taken_back_sent=sum(one.request_id in self._taken_back for one in arrived),
            evidence_age_s=self._ages.oldest_s,
        )


def _plan(system: System, api_key: Secret, size: Size) -> Plan:
    return Plan(
        api_url=system.urls["api"],
        api_key=api_key,
        carriers_url=system.urls["carrier"],
        rate=size.rate,
        seconds=size.before_s + size.observed_s,
        enter_after_s=size.enter_after_s,
        journal_key=system.journal_key,
        numbers=[number for numbers in NUMBERS.values() for number in numbers],
        repeat_s=REPEAT_S,
    )


def _normal(shares: Mapping[str, float]) -> Shares:
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}
