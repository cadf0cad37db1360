"""The HTTP side of the store, on real Valkey."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from msgspec import structs

from pipeline.errors import StoreAway
from pipeline.records import OtpRequest, ReceiptState
from tests.workers.doors import Door, opened, settings_for, storeless_door
from workers.embedded.valkey import EmbeddedValkey
from workers.state.checks import ReceiptVerdict, Remembered, TryVerdict, WishVerdict

ID = "request-0123456789"
STATES = list(ReceiptState)


@pytest.fixture
async def door(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[Door]:
    async with opened(settings_for(valkey.url, prefix)) as door:
        yield door


async def _sent(door: Door, request_id: str = ID) -> OtpRequest:
    request = door.request(request_id)
    await door.dispatched(request)
    return request


async def test_try_gives_what_the_code_is_derived_from(door: Door) -> None:
    request = await _sent(door)

    tried = await door.checks.try_code(ID, "shop")

    assert (tried.verdict, tried.kid, tried.request) == (TryVerdict.OPEN, "c1", request)


@pytest.mark.parametrize(("request_id", "caller"), [(ID, "bank"), ("another-0123456789", "shop"), ("\0:*\n", "shop")])
async def test_another_callers_request_is_unknown_like_one_that_never_was(
    door: Door, request_id: str, caller: str
) -> None:
    await _sent(door)

    assert (await door.checks.try_code(request_id, caller)).verdict is TryVerdict.UNKNOWN
    assert (await door.checks.ask_again(request_id, caller)).verdict is WishVerdict.UNKNOWN
    assert await door.checks.row(request_id, caller) is None


async def test_only_five_tries_of_a_code_are_open(door: Door) -> None:
    await _sent(door)

    verdicts = [(await door.checks.try_code(ID, "shop")).verdict for _ in range(7)]

    assert verdicts == [TryVerdict.OPEN] * 5 + [TryVerdict.REFUSED] * 2


async def test_expired_code_is_refused_and_one_at_its_deadline_is_not(door: Door) -> None:
    await _sent(door)
    door.clock.move(300)
    assert (await door.checks.try_code(ID, "shop")).verdict is TryVerdict.OPEN

    door.clock.move(0.001)

    assert (await door.checks.try_code(ID, "shop")).verdict is TryVerdict.REFUSED


async def test_newer_request_of_the_same_number_and_purpose_voids_the_older_one(door: Door) -> None:
    await _sent(door)
    door.clock.move(1)
    await _sent(door, "newer-0123456789")

    assert (await door.checks.try_code(ID, "shop")).verdict is TryVerdict.REFUSED
    assert (await door.checks.try_code("newer-0123456789", "shop")).verdict is TryVerdict.OPEN


async def test_one_of_a_thousand_concurrent_uses_succeeds(door: Door) -> None:
    await _sent(door)
    await door.checks.try_code(ID, "shop")

    used = await asyncio.gather(*(door.checks.consume(ID) for _ in range(1000)))

    assert sum(known is not None for known in used) == 1
    assert (await door.checks.try_code(ID, "shop")).verdict is TryVerdict.REFUSED


async def test_use_gives_the_attempts_with_their_receipts(door: Door) -> None:
    await door.dispatched(door.request(ID), "carrier-a", "carrier-b")
    await door.checks.receipt(ID, 2, ReceiptState.DELIVERED, write=True)
    await door.checks.try_code(ID, "shop")

    known = await door.checks.consume(ID)

    assert known is not None
    assert [(attempt.provider, state) for attempt, state in known.attempts] == [
        ("carrier-a", None),
        ("carrier-b", ReceiptState.DELIVERED),
    ]


async def test_code_that_was_never_tried_cannot_be_used(door: Door) -> None:
    await _sent(door)

    assert await door.checks.consume(ID) is None


async def test_wish_too_soon_is_told_how_long_to_wait(door: Door) -> None:
    await _sent(door)
    door.clock.move(12)

    wish = await door.checks.ask_again(ID, "shop")

    assert (wish.verdict, wish.wait.total_seconds()) == (WishVerdict.EARLY, 18)


async def test_each_wish_gives_the_request_again_with_the_next_ordinal(door: Door) -> None:
    request = await _sent(door)
    wishes = []
    for _ in range(3):
        door.clock.move(30)
        wishes.append(await door.checks.ask_again(ID, "shop"))

    assert [wish.request for wish in wishes] == [structs.replace(request, resend=ordinal) for ordinal in (1, 2, 3)]


async def test_wish_is_another_one_than_those_that_its_caller_has_written_on_kafka(door: Door) -> None:
    request = await _sent(door)
    await door.store._client.hset(f"{door.store.prefix}otp:{ID}", mapping={"e1": 2, "e2": 3})
    door.clock.move(30)

    assert (await door.checks.ask_again(ID, "shop")).request == structs.replace(request, resend=3)


async def test_of_two_wishes_at_once_one_is_too_soon(door: Door) -> None:
    await _sent(door)
    door.clock.move(30)

    wishes = await asyncio.gather(*(door.checks.ask_again(ID, "shop") for _ in range(2)))

    assert sorted(wish.verdict for wish in wishes) == [WishVerdict.ASKED, WishVerdict.EARLY]


async def test_no_wish_after_the_share_of_the_life_in_which_sends_may_start(door: Door) -> None:
    await _sent(door)
    door.clock.move(180.001)

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.ENDED


async def test_no_wish_for_a_verified_request(door: Door) -> None:
    await _sent(door)
    await door.checks.try_code(ID, "shop")
    await door.checks.consume(ID)
    door.clock.move(30)

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.ENDED


async def test_no_wish_when_every_attempt_is_used_up(door: Door) -> None:
    await door.dispatched(door.request(ID), *["carrier-a", "carrier-b"] * 2, "carrier-a")
    door.clock.move(30)

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.ENDED


async def test_receipts_in_any_order_give_the_same_row(door: Door) -> None:
    orders = [order for count in range(1, 5) for order in itertools.permutations(STATES, count)]
    finals = defaultdict(set)
    for number, order in enumerate(orders):
        request_id = f"request-{number:010}"
        await _sent(door, request_id)
        for state in order * 2:
            await door.checks.receipt(request_id, 1, state, write=True)
        row = await door.checks.row(request_id, "shop")
        finals[frozenset(order)].add(row.states[1] if row else None)

    assert {len(states) for states in finals.values()} == {1}
    assert all(
        states == {ReceiptState.DELIVERED} for received, states in finals.items() if ReceiptState.DELIVERED in received
    )


async def test_peeking_at_a_receipt_writes_nothing(door: Door) -> None:
    await _sent(door)

    reported = [await door.checks.receipt(ID, 1, ReceiptState.DELIVERED, write=False) for _ in range(2)]

    assert [(one.verdict, one.in_time) for one in reported] == [(ReceiptVerdict.ADVANCED, False)] * 2


@pytest.mark.parametrize(("after_s", "in_time"), [(29, [True, False, False]), (31, [False, False, False])])
async def test_one_word_of_an_arrival_in_time_is_the_first(door: Door, after_s: int, in_time: list[bool]) -> None:
    await door.dispatched(door.request(ID), "carrier-a", "carrier-b")
    await door.checks.try_code(ID, "shop")
    issued_at = door.clock.now().replace(microsecond=door.clock.now().microsecond // 1000 * 1000)  # as rows keep it
    door.clock.move(after_s)

    reported = [await door.checks.receipt(ID, number, ReceiptState.DELIVERED, write=True) for number in (1, 2)]
    used = await door.checks.consume(ID)

    assert used is not None
    assert [*(one.in_time for one in reported), used.in_time] == in_time
    assert {*(one.issued_at for one in reported), used.issued_at} == {issued_at}


async def test_entered_code_may_be_the_first_word_of_its_arrival(door: Door) -> None:
    await _sent(door)
    await door.checks.try_code(ID, "shop")

    used = await door.checks.consume(ID)
    reported = await door.checks.receipt(ID, 1, ReceiptState.DELIVERED, write=True)

    assert used is not None
    assert (used.in_time, reported.in_time) == (True, False)


async def test_receipt_of_a_failure_is_no_word_of_an_arrival(door: Door) -> None:
    await _sent(door)

    assert not (await door.checks.receipt(ID, 1, ReceiptState.UNDELIVERABLE, write=True)).in_time


async def test_receipt_of_an_unknown_attempt_is_a_strangers(door: Door) -> None:
    await _sent(door)

    for request_id, number in ((ID, 2), ("unknown-0123456789", 1)):
        reported = await door.checks.receipt(request_id, number, ReceiptState.DELIVERED, write=True)
        assert reported.verdict is ReceiptVerdict.STRANGER


async def test_the_first_answer_to_an_idempotency_key_is_kept(door: Door) -> None:
    now = door.clock.now()
    first = Remembered(digest="one", issued_at=now, expires_at=now)

    answers = [await door.checks.remember(ID, wanted) for wanted in (first, replace(first, digest="two"))]

    assert answers == [first, first]


async def test_what_a_missing_row_means_is_left_open_while_the_store_settles(door: Door) -> None:
    await _sent(door)
    door.checks._store._settled_at = time.monotonic() + 60

    for call in (door.checks.try_code, door.checks.ask_again, door.checks.row):
        with pytest.raises(StoreAway):
            await call("another-0123456789", "shop")
    assert (await door.checks.try_code(ID, "shop")).verdict is TryVerdict.OPEN


async def test_store_away_is_said_by_every_call(prefix: str) -> None:
    async with storeless_door(prefix) as door:
        for call in (
            door.checks.settle,
            lambda: door.checks.try_code(ID, "shop"),
            lambda: door.checks.consume(ID),
            lambda: door.checks.ask_again(ID, "shop"),
            lambda: door.checks.row(ID, "shop"),
            lambda: door.checks.receipt(ID, 1, ReceiptState.DELIVERED, write=False),
        ):
            with pytest.raises(StoreAway):
                await call()
