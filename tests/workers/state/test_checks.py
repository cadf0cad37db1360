"""The HTTP side of the store, on real Valkey."""

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest
from msgspec import structs

from pipeline.errors import RowUnreadable, StoreAway
from pipeline.message.codes import Entry
from pipeline.records import OtpRequest, ReceiptState
from tests.workers.doors import ENTRY, Door, opened, settings_for, storeless_door
from workers.embedded.valkey import EmbeddedValkey
from workers.state.checks import ReceiptVerdict, Remembered, WishVerdict
from workers.state.entries import TryVerdict, UseVerdict

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

    tried = await door.checks.try_code(ID, "shop", ENTRY)

    assert (tried.verdict, tried.kid, tried.request) == (TryVerdict.OPEN, "c1", request)


@pytest.mark.parametrize(("request_id", "caller"), [(ID, "bank"), ("another-0123456789", "shop"), ("\0:*\n", "shop")])
async def test_another_callers_request_is_unknown_like_one_that_never_was(
    door: Door, request_id: str, caller: str
) -> None:
    await _sent(door)

    assert (await door.checks.try_code(request_id, caller, ENTRY)).verdict is TryVerdict.UNKNOWN
    assert (await door.checks.ask_again(request_id, caller)).verdict is WishVerdict.UNKNOWN
    assert await door.checks.row(request_id, caller) is None


async def test_only_five_tries_of_a_code_are_open(door: Door) -> None:
    await _sent(door)

    verdicts = [(await door.checks.try_code(ID, "shop", ENTRY)).verdict for _ in range(7)]

    assert verdicts == [TryVerdict.OPEN] * 5 + [TryVerdict.REFUSED] * 2


async def test_expired_code_is_refused_and_one_at_its_deadline_is_not(door: Door) -> None:
    await _sent(door)
    door.clock.move(300)
    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.OPEN

    door.clock.move(0.001)

    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED


async def test_newer_request_of_the_same_number_and_purpose_voids_the_older_one(door: Door) -> None:
    await _sent(door)
    door.clock.move(1)
    await _sent(door, "newer-0123456789")

    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED
    assert (await door.checks.try_code("newer-0123456789", "shop", ENTRY)).verdict is TryVerdict.OPEN


async def test_one_of_a_thousand_concurrent_uses_succeeds(door: Door) -> None:
    await _sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)

    uses = await asyncio.gather(*(door.checks.consume(ID, f"mark-{number}") for number in range(1000)))

    assert Counter(use.verdict for use in uses) == {UseVerdict.USED: 1, UseVerdict.REPEATED: 999}


async def test_use_is_repeated_for_ten_seconds_and_refused_from_then_on(door: Door) -> None:
    await _sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)
    await door.checks.consume(ID, "mark")

    door.clock.move(10)
    soon = await door.checks.try_code(ID, "shop", ENTRY), await door.checks.consume(ID, "other")
    door.clock.move(0.001)
    late = await door.checks.try_code(ID, "shop", ENTRY), await door.checks.consume(ID, "other")

    assert [answer.verdict for answer in (*soon, *late)] == ["open", "repeated", "refused", "refused"]


async def test_use_at_the_end_of_a_life_and_of_the_tries_may_be_repeated_too(door: Door) -> None:
    await _sent(door)
    door.clock.move(299)
    for _ in range(5):
        await door.checks.try_code(ID, "shop", ENTRY)
    await door.checks.consume(ID, "mark")
    door.clock.move(9)

    verdicts = [(await door.checks.try_code(ID, "shop", ENTRY)).verdict for _ in range(6)]

    assert verdicts == [TryVerdict.OPEN] * 5 + [TryVerdict.REFUSED]  # guesses stay bounded


async def test_use_whose_answer_was_lost_is_told_to_its_mark_and_may_be_repeated_from_then_on(door: Door) -> None:
    await _sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)
    first = await door.checks.consume(ID, "mark")
    door.clock.move(60)

    assert await door.checks.went_through(ID, "other") is None
    assert await door.checks.went_through(ID, "mark") == first.used
    assert (await door.checks.consume(ID, "other")).verdict is UseVerdict.REPEATED


async def test_looking_whether_a_use_went_through_uses_nothing_up(door: Door) -> None:
    await _sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)

    assert await door.checks.went_through(ID, "mark") is None
    assert (await door.checks.consume(ID, "mark")).verdict is UseVerdict.USED


@pytest.mark.parametrize(
    ("entry", "verdicts"),
    [
        (Entry(derived="", own=""), ["unreadable", "unreadable"]),
        (Entry(derived="", own="abc"), ["unreadable", "open"]),
        (Entry(derived="123456", own="123456"), ["open", "open"]),
    ],
)
async def test_entry_that_cannot_be_the_code_of_its_request_costs_no_try(
    door: Door, entry: Entry, verdicts: list[str]
) -> None:
    await _sent(door)
    owned = door.request("owned-0123456789")
    await door.dispatched(structs.replace(owned, purpose="own", code=owned.to))

    for request_id, verdict in zip((ID, "owned-0123456789"), verdicts, strict=True):
        said = {(await door.checks.try_code(request_id, "shop", entry)).verdict for _ in range(6)}
        assert said == ({verdict} if verdict == "unreadable" else {"open", "refused"})


async def test_use_gives_the_attempts_with_their_receipts(door: Door) -> None:
    await door.dispatched(door.request(ID), "carrier-a", "carrier-b")
    await door.checks.receipt(ID, 2, ReceiptState.DELIVERED, write=True)
    await door.checks.try_code(ID, "shop", ENTRY)

    used = (await door.checks.consume(ID, "mark")).used

    assert used is not None
    assert [(attempt.provider, state) for attempt, state in used.attempts] == [
        ("carrier-a", None),
        ("carrier-b", ReceiptState.DELIVERED),
    ]


async def test_code_that_was_never_tried_cannot_be_used(door: Door) -> None:
    await _sent(door)

    assert (await door.checks.consume(ID, "mark")).verdict is UseVerdict.REFUSED


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

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.LATE


async def test_no_wish_for_a_verified_request(door: Door) -> None:
    await _sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)
    await door.checks.consume(ID, "mark")
    door.clock.move(30)

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.VERIFIED


async def test_no_wish_for_a_request_that_was_superseded(door: Door) -> None:
    await _sent(door)
    door.clock.move(30)
    await _sent(door, "newer-0123456789")

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.SUPERSEDED


async def test_no_wish_when_every_attempt_is_used_up(door: Door) -> None:
    await door.dispatched(door.request(ID), *["carrier-a", "carrier-b"] * 2, "carrier-a")
    door.clock.move(30)

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.SPENT


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
    await door.checks.try_code(ID, "shop", ENTRY)
    issued_at = door.clock.now().replace(microsecond=door.clock.now().microsecond // 1000 * 1000)  # as rows keep it
    door.clock.move(after_s)

    reported = [await door.checks.receipt(ID, number, ReceiptState.DELIVERED, write=True) for number in (1, 2)]
    used = (await door.checks.consume(ID, "mark")).used

    assert used is not None
    assert [*(one.in_time for one in reported), used.in_time] == in_time
    assert {*(one.issued_at for one in reported), used.issued_at} == {issued_at}


async def test_entered_code_may_be_the_first_word_of_its_arrival(door: Door) -> None:
    await _sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)

    used = (await door.checks.consume(ID, "mark")).used
    reported = await door.checks.receipt(ID, 1, ReceiptState.DELIVERED, write=True)

    assert used is not None
    assert (used.in_time, reported.in_time) == (True, False)


async def test_receipt_of_a_failure_is_no_word_of_an_arrival(door: Door) -> None:
    await _sent(door)

    assert not (await door.checks.receipt(ID, 1, ReceiptState.UNDELIVERABLE, write=True)).in_time


async def test_parts_in_any_order_give_the_same_row_which_says_delivered_when_all_are(door: Door) -> None:
    heard: list[tuple[int, ReceiptState]] = [
        (1, ReceiptState.DELIVERED),
        (2, ReceiptState.DELIVERED),
        (2, ReceiptState.UNDELIVERABLE),
        (1, ReceiptState.ENROUTE),
    ]
    orders = [order for count in range(1, 5) for order in itertools.permutations(heard, count)]
    for number, order in enumerate(orders):
        request_id = f"request-{number:010}"
        await _sent(door, request_id)
        for part, state in order:
            for write in (False, True):
                await door.checks.receipt(request_id, 1, state, write=write, part=(part, 2))
        row = await door.checks.row(request_id, "shop")

        said = set(order)
        if {heard[0], heard[1]} <= said:
            expected = ReceiptState.DELIVERED
        else:
            expected = ReceiptState.UNDELIVERABLE if heard[2] in said else ReceiptState.ENROUTE
        assert row is not None
        assert row.states[1] is expected, order


async def test_of_two_parts_that_are_looked_at_at_once_the_second_look_sees_both(door: Door) -> None:
    await _sent(door)

    reported = [
        await door.checks.receipt(ID, 1, ReceiptState.DELIVERED, write=write, part=(part, 2))
        for write, part in ((False, 1), (False, 2), (True, 1), (True, 2))
    ]

    states = [ReceiptState.ENROUTE, *[ReceiptState.DELIVERED] * 3]
    assert [one.state for one in reported] == states
    assert [one.in_time for one in reported] == [False, False, True, False]


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

    for call in (partial(door.checks.try_code, entry=ENTRY), door.checks.ask_again, door.checks.row):
        with pytest.raises(StoreAway):
            await call("another-0123456789", "shop")
    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.OPEN


@pytest.mark.parametrize(("field", "value"), [("d", "x"), ("i", "x"), ("q", "{"), ("k", None), ("u", "x")])
async def test_row_that_cannot_be_read_fails_its_own_request_alone(door: Door, field: str, value: str | None) -> None:
    other = structs.replace(door.request("other-0123456789"), purpose="payment")
    await door.dispatched(other)
    await _sent(door)
    row = f"{door.settings.state.prefix}otp:{ID}"
    await (door.store._client.hset(row, field, value) if value else door.store._client.hdel(row, field))

    for _ in range(3):
        with pytest.raises(RowUnreadable):
            await door.checks.try_code(ID, "shop", ENTRY)
        assert (await door.checks.try_code(other.request_id, "shop", ENTRY)).verdict is TryVerdict.OPEN
    assert door.store.available


async def test_store_away_is_said_by_every_call(prefix: str) -> None:
    async with storeless_door(prefix) as door:
        for call in (
            door.checks.settle,
            lambda: door.checks.try_code(ID, "shop", ENTRY),
            lambda: door.checks.consume(ID, "mark"),
            lambda: door.checks.ask_again(ID, "shop"),
            lambda: door.checks.row(ID, "shop"),
            lambda: door.checks.receipt(ID, 1, ReceiptState.DELIVERED, write=False),
        ):
            with pytest.raises(StoreAway):
                await call()
