"""The receipts' side of the store, on real Valkey."""

import itertools
from collections import defaultdict

import pytest

from pipeline.records import ReceiptState
from tests.workers.doors import ENTRY, Door
from tests.workers.state.requests import ID, sent
from workers.state.receipts import ReceiptVerdict

STATES = list(ReceiptState)


async def test_receipts_in_any_order_give_the_same_row(door: Door) -> None:
    orders = [order for count in range(1, 5) for order in itertools.permutations(STATES, count)]
    finals = defaultdict(set)
    for number, order in enumerate(orders):
        request_id = f"request-{number:010}"
        await sent(door, request_id)
        for state in order * 2:
            await door.receipt_rows.receipt(request_id, 1, state, write=True)
        row = await door.checks.row(request_id, "shop")
        finals[frozenset(order)].add(row.states[1] if row else None)

    assert {len(states) for states in finals.values()} == {1}
    assert all(
        states == {ReceiptState.DELIVERED} for received, states in finals.items() if ReceiptState.DELIVERED in received
    )


async def test_peeking_at_a_receipt_writes_nothing(door: Door) -> None:
    await sent(door)

    reported = [await door.receipt_rows.receipt(ID, 1, ReceiptState.DELIVERED, write=False) for _ in range(2)]

    assert [(one.verdict, one.in_time) for one in reported] == [(ReceiptVerdict.ADVANCED, False)] * 2


@pytest.mark.parametrize(("after_s", "in_time"), [(29, [True, False, False]), (31, [False, False, False])])
async def test_one_word_of_an_arrival_in_time_is_the_first(door: Door, after_s: int, in_time: list[bool]) -> None:
    await door.dispatched(door.request(ID), "carrier-a", "carrier-b")
    await door.checks.try_code(ID, "shop", ENTRY)
    issued_at = door.clock.now().replace(microsecond=door.clock.now().microsecond // 1000 * 1000)  # as rows keep it
    door.clock.move(after_s)

    reported = [await door.receipt_rows.receipt(ID, number, ReceiptState.DELIVERED, write=True) for number in (1, 2)]
    used = (await door.checks.consume(ID, "mark")).used

    assert used is not None
    assert [*(one.in_time for one in reported), used.in_time] == in_time
    assert {*(one.issued_at for one in reported), used.issued_at} == {issued_at}


async def test_entered_code_may_be_the_first_word_of_its_arrival(door: Door) -> None:
    await sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)

    used = (await door.checks.consume(ID, "mark")).used
    reported = await door.receipt_rows.receipt(ID, 1, ReceiptState.DELIVERED, write=True)

    assert used is not None
    assert (used.in_time, reported.in_time) == (True, False)


async def test_receipt_of_a_failure_is_no_word_of_an_arrival(door: Door) -> None:
    await sent(door)

    assert not (await door.receipt_rows.receipt(ID, 1, ReceiptState.UNDELIVERABLE, write=True)).in_time


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
        await sent(door, request_id)
        for part, state in order:
            for write in (False, True):
                await door.receipt_rows.receipt(request_id, 1, state, write=write, part=(part, 2))
        row = await door.checks.row(request_id, "shop")

        said = set(order)
        if {heard[0], heard[1]} <= said:
            expected = ReceiptState.DELIVERED
        else:
            expected = ReceiptState.UNDELIVERABLE if heard[2] in said else ReceiptState.ENROUTE
        assert row is not None
        assert row.states[1] is expected, order


async def test_of_two_parts_that_are_looked_at_at_once_the_second_look_sees_both(door: Door) -> None:
    await sent(door)

    reported = [
        await door.receipt_rows.receipt(ID, 1, ReceiptState.DELIVERED, write=write, part=(part, 2))
        for write, part in ((False, 1), (False, 2), (True, 1), (True, 2))
    ]

    states = [ReceiptState.ENROUTE, *[ReceiptState.DELIVERED] * 3]
    assert [one.state for one in reported] == states
    assert [one.in_time for one in reported] == [False, False, True, False]


async def test_receipt_of_an_unknown_attempt_is_a_strangers(door: Door) -> None:
    await sent(door)

    for request_id, number in ((ID, 2), ("unknown-0123456789", 1)):
        reported = await door.receipt_rows.receipt(request_id, number, ReceiptState.DELIVERED, write=True)
        assert reported.verdict is ReceiptVerdict.STRANGER
