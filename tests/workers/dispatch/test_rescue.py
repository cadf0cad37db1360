"""Dispatch follows the route tables, and codes that a broken route has swallowed go out again; on real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from pipeline.errors import AcceptanceUnknown, Misconfigured, Outcome, Unavailable
from pipeline.records import Attempt, ReceiptState, RouteState, Sent, encode
from pipeline.settings import StateSettings
from providers.seam import Accepted, Sms
from tests.samples import a_route
from tests.workers.dispatch.parts import GAP_S, SETTINGS, ScriptedProvider, World
from workers.embedded.valkey import EmbeddedValkey
from workers.state.client import Store
from workers.state.receipts import ReceiptRows, ReceiptVerdict

A, B, C = "carrier-a", "carrier-b", "carrier-c"
BROKEN = RouteState.BROKEN


@pytest.fixture
async def world(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[World]:
    store = Store(StateSettings(url=valkey.url, prefix=prefix))
    yield World(store)
    await store.close()


def _all_to(world: World, leader: str, broken: tuple[str, ...] = (), **changes: Any) -> None:
    """Let a table give everything to one provider."""
    world.table(
        *(
            a_route(name, float(name == leader), BROKEN if name in broken else RouteState.NORMAL, **changes)
            for name in (A, B, C)
        )
    )


async def _ask_many(world: World, count: int) -> None:
    for number in range(count):
        await world.ask(request_id=f"request-{number:012}", purpose=f"p{number}")


def _providers(world: World) -> list[str]:
    return [attempt.provider for attempt in world.topics.attempts()]


@pytest.mark.parametrize("leader", [A, B, C])
async def test_messages_go_where_the_newest_table_sends_them(world: World, leader: str) -> None:
    _all_to(world, A)
    _all_to(world, leader)

    await _ask_many(world, 10)

    assert set(_providers(world)) == {leader}


async def test_dead_credential_of_the_only_provider_in_the_table_moves_the_first_code_at_once(world: World) -> None:
    world.table(a_route(A, 1.0))
    world.providers[A].answers.append(Misconfigured("401"))

    await world.ask()

    refused, accepted = world.topics.attempts()
    assert (refused.provider, refused.outcome) == (A, Outcome.MISCONFIGURED)
    assert (accepted.provider in {B, C}, accepted.outcome) == (True, Outcome.ACCEPTED)


async def test_messages_go_through_the_spares_while_the_breaker_of_the_only_provider_in_the_table_is_open(
    world: World,
) -> None:
    world.table(a_route(A, 1.0))
    world.providers[A].answers.append(Misconfigured("401"))
    await _ask_many(world, 20)

    assert len(world.providers[A].sent) == 1
    assert {attempt.outcome for attempt in world.topics.attempts()[1:]} == {Outcome.ACCEPTED}


async def test_messages_go_through_no_broken_route_while_the_breaker_of_the_leader_is_open(world: World) -> None:
    world.table(a_route(A, 0.95), a_route(B, 0.05, BROKEN), a_route(C, 0.0))
    world.providers[A].answers.extend([Misconfigured("401")])
    while world.providers[A].answers:
        world.offset += 1
        await world.ask(request_id=f"request-{world.offset:012}", purpose=f"p{world.offset}")
    world.topics.records.clear()

    await _ask_many(world, 20)

    assert set(_providers(world)) == {C}


async def test_broken_route_takes_nothing_that_a_full_provider_has_no_place_for(world: World) -> None:
    accounts = {**SETTINGS.providers, A: replace(SETTINGS.providers[A], per_second=0.001)}
    world = replace(world, settings=replace(SETTINGS, providers=accounts), providers={})
    _all_to(world, A, broken=(B,))

    await _ask_many(world, 20)

    assert _providers(world).count(A) <= 1
    assert B not in _providers(world)


async def test_code_that_was_swallowed_before_the_fault_was_known_goes_out_again_at_its_first_look(
    world: World,
) -> None:
    _all_to(world, A)
    await world.ask()
    _all_to(world, B, broken=(A,))
    await world.look()

    first, second = world.topics.attempts()
    assert (first.provider, second.provider, second.trigger) == (A, B, "second_look")
    assert second.replaces == Sent(number=1, provider=A, sent_at=first.sent_at, config=first.config)
    assert len({sms.text for sms in world.sent()}) == 1


async def test_message_whose_fate_is_unknown_is_rescued_like_an_accepted_one(world: World) -> None:
    _all_to(world, A)
    world.providers[A].answers.append(AcceptanceUnknown("timeout"))
    await world.ask()
    _all_to(world, B, broken=(A,))
    await world.look()

    assert [attempt.outcome for attempt in world.topics.attempts()] == [Outcome.UNKNOWN, Outcome.ACCEPTED]
    assert world.topics.attempts()[1].replaces


async def test_delivered_code_is_not_sent_again_although_its_route_broke(world: World) -> None:
    _all_to(world, A)
    await world.ask()
    await _rows(world).receipt("request-0123456789", 1, ReceiptState.DELIVERED, write=True)
    _all_to(world, B, broken=(A,))
    await world.look()

    assert len(world.sent()) == 1


async def test_rescue_goes_through_no_other_broken_route(world: World) -> None:
    _all_to(world, A)
    await _ask_many(world, 10)
    retries = world.topics.retries()
    world.clock.move(10.1)
    world.table(a_route(A, 0.3, BROKEN), a_route(B, 0.3, BROKEN), a_route(C, 0.4))

    for topic, retry in retries:
        await world.dispatcher.handle(world.record(encode(retry), topic))

    assert _providers(world)[10:] == [C] * 10


async def test_when_every_route_is_broken_silence_is_waited_for_as_ever(world: World) -> None:
    _all_to(world, A)
    await world.ask()
    _all_to(world, A, broken=(A, B, C))
    await world.look()
    await world.look()
    assert len(world.sent()) == 1

    await world.look()

    assert len(world.sent()) == 2


async def test_probe_of_a_broken_route_is_looked_at_after_2_s_and_rescued(world: World) -> None:
    world.table(a_route(A, 1.0, BROKEN), a_route(B, 0.0), a_route(C, 0.0))
    await world.ask()
    assert world.topics.retries()[-1][0] == "otp.retry.2s"

    await world.look()

    probe, rescue = world.topics.attempts()
    assert (probe.provider, probe.probe) == (A, True)
    assert (rescue.provider in {B, C}, rescue.probe, rescue.trigger) == (True, False, "second_look")


async def test_probe_of_a_route_that_works_again_is_looked_at_some_more_and_not_rescued(world: World) -> None:
    world.table(a_route(A, 1.0, BROKEN), a_route(B, 0.0), a_route(C, 0.0))
    await world.ask()
    _all_to(world, A)
    for _ in range(4):
        await world.look()

    assert [tier for tier, _ in world.topics.retries()] == ["otp.retry.2s"] * 5
    assert len(world.sent()) == 1


async def test_rescues_count_in_no_budget_of_silent_messages(world: World) -> None:
    _all_to(world, A)
    await _ask_many(world, 40)
    retries = world.topics.retries()
    world.clock.move(10.1)
    _all_to(world, B, broken=(A,))

    for topic, retry in retries:
        await world.dispatcher.handle(world.record(encode(retry), topic))

    assert len(world.sent()) == 80


class _Slow(ScriptedProvider):
    """Keeps every message until a test lets it go."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.go = asyncio.Event()

    async def send(self, sms: Sms) -> Accepted:
        self.sent.append(sms)
        await self.go.wait()
        return Accepted(message_id="m")


async def test_rescue_beyond_the_cap_is_looked_at_again_and_not_lost(world: World) -> None:
    few = {name: replace(account, in_flight=4) for name, account in SETTINGS.providers.items()}
    only_two = {"*": {A: 50.0, B: 50.0}}
    settings = replace(SETTINGS, providers=few, routes=only_two)
    slow = _Slow(B)
    world = replace(world, settings=settings, providers={A: ScriptedProvider(A), B: slow, C: ScriptedProvider(C)})
    world.table(a_route(A, 1.0), a_route(B, 0.0))
    await _ask_many(world, 6)
    retries = world.topics.retries()
    world.clock.move(10.1)
    world.table(a_route(A, 0.0, BROKEN), a_route(B, 1.0))

    handling = [
        asyncio.create_task(world.dispatcher.handle(world.record(encode(retry), topic))) for topic, retry in retries
    ]
    while len(world.topics.retries()) < 10 or len(slow.sent) < 2:  # half of four permits, and nobody else
        await asyncio.sleep(0)
    slow.go.set()
    await asyncio.gather(*handling)

    assert len(slow.sent) == 2
    waiting = [(tier, retry) for tier, retry in world.topics.retries() if retry.waiting]
    assert [(tier, retry.waiting) for tier, retry in waiting] == [("otp.retry.10s", "second_look")] * 4

    world.clock.move(10.1)
    for topic, retry in waiting:
        await world.dispatcher.handle(world.record(encode(retry), topic))

    assert len(slow.sent) == 6


async def test_silence_where_receipts_say_nothing_is_not_sent_again(world: World) -> None:
    _all_to(world, A, silence_s=None)
    await world.ask()
    for _ in range(4):
        await world.look()

    assert len(world.sent()) == 1
    assert world.topics.retries()[-1][0] == "otp.retry.30s"


async def test_silence_longer_than_receipts_usually_take_is_sent_again_within_the_budget(world: World) -> None:
    _all_to(world, A, silence_s=12.0)
    await _ask_many(world, 40)
    retries = world.topics.retries()
    world.clock.move(31)
    for topic, retry in retries:
        await world.dispatcher.handle(world.record(encode(retry), topic))

    assert 40 < len(world.sent()) <= 40 + 5 + 0.1 * 40


async def test_message_that_a_person_asks_for_replaces_the_one_before(world: World) -> None:
    await world.ask()
    world.clock.move(GAP_S)
    await world.ask(resend=1)

    first, second = world.topics.attempts()
    assert first.replaces is None
    assert second.replaces == Sent(number=1, provider=first.provider, sent_at=first.sent_at, config=first.config)


async def test_failover_replaces_nothing(world: World) -> None:
    for provider in world.providers.values():
        provider.answers.append(Unavailable("503"))

    await world.ask()

    assert [attempt.replaces for attempt in world.topics.attempts()] == [None] * 3


async def test_receipt_that_arrives_after_the_rescue_is_in_the_row_and_ends_the_request(world: World) -> None:
    _all_to(world, A)
    await world.ask()
    _all_to(world, B, broken=(A,))
    await world.look()

    reported = await _rows(world).receipt("request-0123456789", 1, ReceiptState.DELIVERED, write=True)
    await world.look()

    assert reported.verdict is ReceiptVerdict.ADVANCED
    assert len(world.sent()) == 2
    assert len(world.topics.retries()) == 2, "one after each attempt, and none after the receipt"


async def test_redelivered_rescue_sends_nothing_and_says_the_same_again(world: World) -> None:
    _all_to(world, A)
    await world.ask()
    _all_to(world, B, broken=(A,))
    record = await world.look()
    before = _attempts_of(world, 2)

    await world.twin().dispatcher.handle(record)

    assert len(world.sent()) == 2
    assert _attempts_of(world, 2) == before * 2


def _attempts_of(world: World, number: int) -> list[Attempt]:
    return [attempt for attempt in world.topics.attempts() if attempt.number == number]


def _rows(world: World) -> ReceiptRows:
    return ReceiptRows(world.store, world.clock)
