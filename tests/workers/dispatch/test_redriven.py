"""Requests that an operator has redriven; claims on real Valkey."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from pipeline.dead_letters.letters import Letter
from pipeline.dead_letters.redrive import TIER, Reopen, decide
from pipeline.errors import DeadReason, InvalidMessage, Outcome, Undeliverable
from pipeline.message.phone import seal
from pipeline.records import DeadLetter, Expired, Origin, decode, encode
from pipeline.records.topics import EXPIRED
from pipeline.settings import StateSettings
from tests.workers.dispatch.parts import CALLER, SETTINGS, World
from workers.embedded.valkey import EmbeddedValkey
from workers.loop import Record
from workers.state.client import Store

ALL = len(SETTINGS.providers)


@pytest.fixture
async def world(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[World]:
    store = Store(StateSettings(url=valkey.url, prefix=prefix))
    yield World(store)
    await store.close()


async def died(world: World) -> DeadLetter:
    """Let a request die because no provider can deliver it."""
    for provider in world.providers.values():
        provider.answers.extend([Undeliverable("not_reachable_from_here")] * SETTINGS.dispatch.max_attempts)
    await world.ask()
    while not world.topics.dead():
        await world.look()
    return world.topics.dead()[-1]


def mend(world: World) -> None:
    for provider in world.providers.values():
        provider.answers.clear()


def redriven(world: World, dead: DeadLetter) -> Record:
    """Give the record that a redrive writes."""
    letter = Letter(dead=dead, place=Origin(topic="otp.dead", partition=0, offset=0))
    decision = decide(letter, world.clock.at, last_send_share=SETTINGS.dispatch.last_send_share, kid="dev")
    assert isinstance(decision, Reopen)
    return world.record(encode(decision.retry), TIER.name)


async def bury(world: World, record: Record) -> DeadLetter:
    """Handle a record that fails, and write its dead letter, as the loop does."""
    with pytest.raises(InvalidMessage) as failure:
        await world.dispatcher.handle(record)
    await world.dispatcher.dead_letter(record, failure.value)
    return world.topics.dead()[-1]


def told(world: World) -> list[Expired]:
    return [decode(Expired, value) for topic, _, value in world.topics.records if topic == EXPIRED.name]


async def test_redriven_request_gets_one_more_attempt_with_the_same_code_and_may_go_through_any_provider(
    world: World,
) -> None:
    dead = await died(world)
    mend(world)
    before = len(world.sent())
    await world.dispatcher.handle(redriven(world, dead))

    attempt = world.topics.attempts()[-1]
    assert len(dead.attempts) == SETTINGS.dispatch.max_attempts
    assert (len(world.sent()), attempt.number) == (before + 1, len(dead.attempts) + 1)
    assert attempt.outcome is Outcome.ACCEPTED
    assert len({sms.text for sms in world.sent()}) == 1


@pytest.mark.parametrize("owner", ["one", "two"])
async def test_redrive_that_was_written_twice_sends_once(world: World, owner: str) -> None:
    dead = await died(world)
    mend(world)
    first, second = redriven(world, dead), redriven(world, dead)
    before = len(world.sent())
    await world.dispatcher.handle(first)
    await replace(world, owner=owner).dispatcher.handle(second)

    assert len(world.sent()) == before + 1


async def test_older_letter_of_a_request_that_was_redriven_twice_sends_nothing_more(world: World) -> None:
    first = await died(world)
    await world.dispatcher.handle(redriven(world, first))
    while len(world.topics.dead()) < 2:
        await world.look()
    second = world.topics.dead()[-1]
    mend(world)
    await world.dispatcher.handle(redriven(world, second))
    before = len(world.sent())
    await world.dispatcher.handle(redriven(world, first))

    assert len(second.attempts) == 2 * len(first.attempts)
    assert len(world.sent()) == before


async def test_redriven_request_that_fails_again_is_a_letter_that_can_be_redriven(world: World) -> None:
    dead = await died(world)
    for provider in world.providers.values():
        provider.answers.extend([Undeliverable("not_reachable_from_here")] * SETTINGS.dispatch.max_attempts)
    await world.dispatcher.handle(redriven(world, dead))
    while len(world.topics.dead()) < 2:
        await world.look()
    again = world.topics.dead()[-1]
    mend(world)
    await world.dispatcher.handle(redriven(world, again))

    assert (again.reason, again.source) == (DeadReason.EXHAUSTED, dead.source)
    assert world.topics.attempts()[-1].number == 2 * SETTINGS.dispatch.max_attempts + 1
    assert world.topics.attempts()[-1].outcome is Outcome.ACCEPTED


async def test_request_that_a_newer_one_has_taken_the_place_of_is_not_sent(world: World) -> None:
    dead = await died(world)
    mend(world)
    await world.ask(request_id="request-9876543210")
    before = len(world.sent())
    await world.dispatcher.handle(redriven(world, dead))

    assert len(world.sent()) == before
    assert world.topics.dead()[-1].reason is DeadReason.SUPERSEDED


async def test_redriven_request_whose_life_has_ended_is_not_sent_and_its_caller_is_told(world: World) -> None:
    dead = await died(world)
    mend(world)
    record = redriven(world, dead)
    before = len(world.sent())
    world.clock.move(200)
    await world.dispatcher.handle(record)

    assert len(world.sent()) == before
    assert world.topics.dead()[-1].reason is DeadReason.EXPIRED
    assert [(one.request_id, one.reason) for one in told(world)] == [(dead.request_id, DeadReason.EXPIRED)]


async def test_request_without_a_route_is_sent_once_there_is_one(world: World) -> None:
    nowhere = replace(world, settings=replace(SETTINGS, routes={"DE": {"carrier-a": 100.0}}))
    await nowhere.ask()
    dead = world.topics.dead()[-1]
    await nowhere.dispatcher.handle(redriven(world, dead))
    await world.dispatcher.handle(redriven(world, dead))

    assert [letter.reason for letter in world.topics.dead()] == [DeadReason.NO_ROUTE] * 2
    assert len(world.sent()) == 1


@pytest.mark.parametrize(
    ("mistake", "reason"),
    [({"templates": {"en": "{nothing}"}}, DeadReason.UNRENDERABLE), ({"seal_keys": {}}, DeadReason.SEAL_BROKEN)],
)
async def test_letter_of_our_own_mistake_is_sent_once_after_it_was_mended(
    world: World, mistake: dict[str, Any], reason: DeadReason
) -> None:
    # The lease of the attempt that failed must be over, before which it might still be made.
    mended = replace(world, settings=replace(SETTINGS, dispatch=replace(SETTINGS.dispatch, lease_s=0.05)))
    callers = {CALLER: replace(SETTINGS.callers[CALLER], **mistake)}
    failing = replace(mended, settings=replace(mended.settings, callers=callers))
    dead = await bury(failing, failing.record(encode(world.request())))
    await mended.dispatcher.handle(redriven(world, dead))
    await mended.dispatcher.handle(redriven(world, dead))

    assert dead.reason is reason
    assert len(world.sent()) == 1


async def test_letter_of_a_defect_keeps_the_attempts_that_were_made(world: World) -> None:
    first = next(iter(world.providers.values()))
    for provider in world.providers.values():
        provider.answers.append(Undeliverable("not_reachable_from_here"))
        provider.answers.append(KeyError("a defect"))  # type: ignore[arg-type]
    record = world.record(encode(world.request()))
    await world.dispatcher.handle(record)
    dead = await bury(world, world.record(encode(world.topics.retries()[-1][1]), TIER.name))

    assert first.sent
    assert (dead.reason, len(dead.attempts)) == (DeadReason.DEFECT, ALL)


async def test_letter_of_a_request_that_was_not_opened_knows_its_life(world: World) -> None:
    request = world.request()
    other = seal(
        "+447700900123", caller=CALLER, request_id="another-request-01", kid="x", key=SETTINGS.keys.codes["dev"]
    )
    dead = await bury(world, world.record(encode(world.request(to=other))))

    assert (dead.reason, dead.number_hash) == (DeadReason.SEAL_BROKEN, None)
    assert dead.deadline_at is not None
    assert abs((dead.deadline_at - request.expires_at).total_seconds()) < 0.01
