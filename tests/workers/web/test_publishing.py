"""Producing for an answer, and beside one."""

from collections.abc import Awaitable

import pytest

from pipeline.errors import BrokerAway, CannotGoOn, PipelineError
from pipeline.evidence.credit import refused
from pipeline.records.topics import REQUESTS, VERIFICATIONS
from tests.workers.doors import Door, storeless_door
from workers.web.problems import Problem
from workers.web.publishing import Publisher


class Failing:
    """A producer whose records fail in one way."""

    available = True

    def __init__(self, error: PipelineError) -> None:
        self._error = error

    def send(self, topic: str, key: str, value: bytes) -> Awaitable[None]:
        return self._fail(topic, key, value)

    async def _fail(self, *_: object) -> None:
        raise self._error


async def _publish(publisher: Publisher, door: Door) -> Problem:
    with pytest.raises(Problem) as raised:
        await publisher.publish(REQUESTS, door.request("request-0123456789"), until=publisher.limit())
    return raised.value


async def test_record_that_kafka_did_not_take_is_unknown_and_the_process_goes_on(prefix: str) -> None:
    async with storeless_door(prefix) as door:
        publisher = Publisher(Failing(BrokerAway("away")), 2.0)
        problem = await _publish(publisher, door)

    assert (problem.status, publisher.broken.done()) == (503, False)


async def test_broken_producer_is_answered_503_and_ends_the_process(prefix: str) -> None:
    async with storeless_door(prefix) as door:
        publisher = Publisher(Failing(CannotGoOn("fenced")), 2.0)
        problem = await _publish(publisher, door)

    assert problem.status == 503
    with pytest.raises(CannotGoOn):
        publisher.broken.result()


async def test_record_lost_beside_an_answer_is_logged(prefix: str, capfd: pytest.CaptureFixture[str]) -> None:
    async with storeless_door(prefix) as door:
        publisher = Publisher(Failing(BrokerAway("away")), 2.0)
        publisher.publish_later(VERIFICATIONS, refused("request-0123456789", "shop", door.clock.now()))
        await publisher.drain(1.0)

    assert "record.unpublished" in capfd.readouterr().out
