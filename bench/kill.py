"""What a crash costs: kill -9 of a dispatcher in mid-load, with 2 % slow calls that hold the commit position back.

What was lost and doubled is counted by the checker from the journals. Beside it stands what a commit of the contiguous
offset alone would have sent again, read from the very commits that the killed dispatcher left.
"""

import hmac
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from bench.arrivals import Arrivals
from bench.ground import CARRIER, Ground, Surroundings, machine
from bench.line import Line, at_most, plain
from bench.requests import Encoded, make, produce, until
from pipeline.consuming.backlog import Partition
from pipeline.consuming.offsets import Commit, Offsets
from pipeline.records.topics import DISPATCH_GROUP, REQUESTS
from pipeline.reports.figures import Asked
from pipeline.settings import KafkaSettings
from workers.embedded.callers_journal import CallersJournal
from workers.embedded.checker import check
from workers.kafka import KafkaAdmin, KafkaConsumer

TAG: Final = "kill"
PREFIX: Final = "kill."
BEHAVIOUR: Final = {"latency_median_s": 0.1, "latency_sigma": 0.0}
SLOW: Final = {"slow": {"share": 0.02, "seconds": 3.0}}
IN_FLIGHT: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    messages: int = 24_000


QUICK: Final = Size(messages=2_000)


async def measure(around: Surroundings, size: Size) -> dict[str, Any]:
    """Kill a dispatcher when half of the messages have been handed over, and let another one go on."""
    async with Ground(around, BEHAVIOUR).standing() as ground:
        kafka = ground.kafka_settings(PREFIX)
        callers = _Callers(ground)
        await _order(ground, SLOW)
        requests = make(around.settings, TAG, size.messages)
        at_the_kill = await _until_killed(around, ground, kafka, requests, callers)
        around.tell("another dispatcher goes on")
        began = time.monotonic()
        async with ground.dispatcher(PREFIX, IN_FLIGHT, name="dispatch-2"), KafkaAdmin(kafka) as admin:
            await _all_finished(admin)
        took_s = time.monotonic() - began
        callers.journal.close()
        figures = await check(kafka, callers=callers.path, carriers=ground.journal)
    doubled = figures.duplicates_excused + figures.duplicates_unexcused
    return {
        "lost": figures.lost,
        "dead": figures.dead,
        "handed_over": figures.handed_over,
        "duplicates": doubled,
        "duplicates_excused": figures.duplicates_excused,
        "duplicates_unexcused": figures.duplicates_unexcused,
        **at_the_kill,
        "finished_after_s": round(took_s, 1),
        "messages": size.messages,
        "in_flight": IN_FLIGHT,
        **machine(),
    }


def lines(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give the figures as people read them."""
    yield at_most(found["lost"], 0, f"lost of {found['messages']}, killed with {found['in_flight']} in flight")
    yield at_most(found["duplicates_unexcused"], 0, "doubled without an excuse")
    yield plain(f"{found['duplicates_excused']}", "doubled because the outcome was unknowable")
    yield plain(
        f"{found['contiguous_would_repeat']}", "finished ones would the contiguous offset alone have sent again"
    )
    yield plain(f"{found['finished_after_s']:g} s", "until another dispatcher had finished everything")


async def _until_killed(
    around: Surroundings, ground: Ground, kafka: KafkaSettings, requests: list[Encoded], callers: "_Callers"
) -> dict[str, int]:
    async with ground.dispatcher(PREFIX, IN_FLIGHT, name="dispatch-1") as dispatcher:
        around.tell(f"a dispatcher under load, 2 % of its calls slow: {len(requests)} messages")
        arrivals = Arrivals(ground.journal)
        await produce(kafka, requests, callers.answered)

        async def half() -> bool:
            return arrivals.count() >= len(requests) // 2

        await until("half of the messages have reached the carrier", half)
        dispatcher.kill(signal.SIGKILL)
        await dispatcher.wait_ended()
        around.tell("killed")
        return {
            "handed_over_at_the_kill": arrivals.count(),
            "contiguous_would_repeat": await _finished_beyond_the_position(kafka),
        }


async def _finished_beyond_the_position(kafka: KafkaSettings) -> int:
    """Count the records that the map of the last commits knows as finished: without it they would be sent again."""
    consumer = KafkaConsumer(kafka, group=DISPATCH_GROUP, topics=[REQUESTS.name], rebalance_s=1.0)
    async with KafkaAdmin(kafka) as admin:
        (status,) = await admin.topics([REQUESTS.name])
    places = [Partition(REQUESTS.name, number) for number in status.ends]
    commits = await consumer.committed(places)
    await consumer.stop()
    return sum(finished_beyond(commit, status.ends[place.number]) for place, commit in commits.items())


def finished_beyond(commit: Commit, end: int) -> int:
    """Count the offsets between the position and the end of the log that are finished."""
    offsets = Offsets(commit)
    return sum(not offsets.take(offset) for offset in range(commit.position, end))


async def _all_finished(admin: KafkaAdmin) -> None:
    """Wait until every request is committed."""

    async def committed() -> bool:
        lags = [
            lag for group in await admin.groups() for place, lag in group.lag.items() if place.topic == REQUESTS.name
        ]
        return bool(lags) and not any(lags)

    await until("every request is finished", committed)


async def _order(ground: Ground, faults: dict[str, Any]) -> None:
    url = f"{ground.carrier_url}/{CARRIER}/faults"
    async with aiohttp.ClientSession() as session, session.put(url, json=faults) as answer:
        answer.raise_for_status()


class _Callers:
    """The callers' journal: a request counts as accepted when Kafka has it."""

    def __init__(self, ground: Ground) -> None:
        self.path = ground.folder / "journals" / "callers.jsonl"
        self.journal = CallersJournal(self.path)
        self._key = ground.journal_key.reveal()

    def answered(self, request: Encoded) -> None:
        self.journal.write(
            Asked(
                request_id=request.request_id,
                answer="accepted",
                answered_at=time.time(),
                expires_at=request.expires_at.timestamp(),
                number_hmac=hmac.digest(self._key, request.to.encode(), "sha256").hex(),
            )
        )
