"""What a dispatcher counts, on real Valkey."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pipeline.errors import InvalidMessage, Misconfigured, Unavailable
from pipeline.records import ReceiptState, RouteState, encode
from pipeline.settings import StateSettings
from tests.samples import a_route
from tests.workers.dispatch.parts import GAP_S, NUMBER, SETTINGS, World
from tests.workers.metrics.reading import Counts, counts
from workers.embedded.valkey import EmbeddedValkey
from workers.metrics import Metrics
from workers.metrics.definitions import of
from workers.state.client import Store
from workers.state.receipts import ReceiptRows

A, B, C = "carrier-a", "carrier-b", "carrier-c"
ID = "request-0123456789"


@pytest.fixture
async def world(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[World]:
    store = Store(StateSettings(url=valkey.url, prefix=prefix))
    yield World(store)
    await store.close()


def _all_to(world: World, leader: str, broken: str = "", silence_s: float | None = 0.0) -> None:
    world.table(
        *(
            a_route(
                name,
                float(name == leader),
                RouteState.BROKEN if name == broken else RouteState.NORMAL,
                silence_s=silence_s,
            )
            for name in (A, B, C)
        )
    )


def _counts(world: World, name: str) -> Counts:
    return counts(world.metrics, name)


async def test_request_and_its_repetition_are_told_apart_and_are_one_code(world: World) -> None:
    await world.ask()
    await world.ask(resend=1)

    assert _counts(world, "otp_requests_total") == {("first", "demo", "GB"): 1, ("again", "demo", "GB"): 1}
    assert _counts(world, "otp_codes_total") == {("GB",): 1}


async def test_every_attempt_is_counted_by_its_outcome(world: World) -> None:
    _all_to(world, A)
    world.providers[A].answers.append(Misconfigured("401"))

    await world.ask()

    told = _counts(world, "otp_attempts_total")
    assert told.pop(("GB", "misconfigured", A, "first")) == 1
    ((country, outcome, provider, trigger),) = told
    assert (country, outcome, trigger) == ("GB", "accepted", "failover")
    assert _counts(world, "otp_accept_to_handover_seconds_count") == {(provider,): 1}


async def test_test_number_is_no_code_and_no_attempt(world: World) -> None:
    settings = replace(SETTINGS, otp=replace(SETTINGS.otp, test_numbers=(NUMBER,)))
    world = replace(world, settings=settings, metrics=Metrics(of("dispatch")))

    await world.ask()

    assert _counts(world, "otp_requests_total") == {("first", "demo", "GB"): 1}
    assert _counts(world, "otp_codes_total") == _counts(world, "otp_attempts_total") == {}


async def test_what_was_made_before_a_crash_is_not_counted_again(world: World) -> None:
    _all_to(world, A)
    record = await world.ask()
    await world.dispatcher.handle(record)

    assert _counts(world, "otp_attempts_total") == {("GB", "accepted", A, "first"): 1}


async def test_rescue_of_a_swallowed_code_is_told(world: World) -> None:
    _all_to(world, A)
    await world.ask()
    _all_to(world, B, broken=A)
    await world.look()

    assert _counts(world, "otp_second_sends_total") == {("rescue", "GB", A): 1}


async def test_second_send_after_silence_is_told_and_so_is_one_that_the_budget_refused(world: World) -> None:
    _all_to(world, A, silence_s=12.0)
    for number in range(40):
        await world.ask(request_id=f"request-{number:012}", purpose=f"p{number}")
    retries = world.topics.retries()
    world.clock.move(31)
    for topic, retry in retries:
        await world.dispatcher.handle(world.record(encode(retry), topic))

    again = len(world.sent()) - 40
    assert _counts(world, "otp_second_sends_total") == {("silence", "GB", A): again}
    assert world.accounts.all[A].budget.refused == 40 - again


async def test_second_send_after_a_receipt_of_failure_is_told(world: World) -> None:
    _all_to(world, A)
    await world.ask()
    rows = ReceiptRows(world.store, world.clock)
    await rows.receipt(ID, 1, ReceiptState.UNDELIVERABLE, write=True)
    await world.look()

    assert _counts(world, "otp_second_sends_total") == {("failed", "GB", A): 1}


async def test_message_that_a_person_asks_for_is_told_as_a_wish(world: World) -> None:
    _all_to(world, A)
    await world.ask()
    world.clock.move(GAP_S)
    await world.ask(resend=1)

    assert _counts(world, "otp_second_sends_total") == {("wish", "GB", A): 1}


async def test_dead_letters_are_counted_by_reason(world: World) -> None:
    for provider in world.providers.values():
        provider.answers.extend([Unavailable("503")] * 9)
    record = world.record(b"no JSON")
    with pytest.raises(InvalidMessage) as caught:
        await world.dispatcher.handle(record)
    await world.dispatcher.dead_letter(record, caught.value)
    await world.ask()
    world.clock.move(200)
    await world.look(0)

    assert _counts(world, "otp_dead_letters_total") == {("undecodable",): 1, ("expired",): 1}
