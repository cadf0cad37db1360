"""The API's side of the store, on real Valkey."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
from msgspec import structs

from pipeline.errors import RowUnreadable, StoreAway
from pipeline.message.codes import Entry
from pipeline.records import ReceiptState
from tests.workers.doors import ENTRY, Door, storeless_door
from tests.workers.state.requests import ID, sent
from workers.state.checks import Remembered
from workers.state.entries import TryVerdict, UseVerdict
from workers.state.wishes import WishVerdict


async def test_try_gives_what_the_code_is_derived_from(door: Door) -> None:
    request = await sent(door)

    tried = await door.checks.try_code(ID, "shop", ENTRY)

    assert (tried.verdict, tried.kid, tried.request) == (TryVerdict.OPEN, "c1", request)


@pytest.mark.parametrize(("request_id", "caller"), [(ID, "bank"), ("another-0123456789", "shop"), ("\0:*\n", "shop")])
async def test_another_callers_request_is_unknown_like_one_that_never_was(
    door: Door, request_id: str, caller: str
) -> None:
    await sent(door)

    assert (await door.checks.try_code(request_id, caller, ENTRY)).verdict is TryVerdict.UNKNOWN
    assert (await door.checks.ask_again(request_id, caller)).verdict is WishVerdict.UNKNOWN
    assert await door.checks.row(request_id, caller) is None


async def test_only_five_tries_of_a_code_are_open(door: Door) -> None:
    await sent(door)

    verdicts = [(await door.checks.try_code(ID, "shop", ENTRY)).verdict for _ in range(7)]

    assert verdicts == [TryVerdict.OPEN] * 5 + [TryVerdict.REFUSED] * 2


async def test_expired_code_is_refused_and_one_at_its_deadline_is_not(door: Door) -> None:
    await sent(door)
    door.clock.move(300)
    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.OPEN

    door.clock.move(0.001)

    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED


async def test_newer_request_of_the_same_number_and_purpose_voids_the_older_one(door: Door) -> None:
    await sent(door)
    door.clock.move(1)
    await sent(door, "newer-0123456789")

    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED
    assert (await door.checks.try_code("newer-0123456789", "shop", ENTRY)).verdict is TryVerdict.OPEN


async def test_one_of_a_thousand_concurrent_uses_succeeds(door: Door) -> None:
    await sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)

    uses = await asyncio.gather(*(door.checks.consume(ID, f"mark-{number}") for number in range(1000)))

    assert Counter(use.verdict for use in uses) == {UseVerdict.USED: 1, UseVerdict.REPEATED: 999}


async def test_use_is_repeated_for_ten_seconds_and_refused_from_then_on(door: Door) -> None:
    await sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)
    await door.checks.consume(ID, "mark")

    door.clock.move(10)
    soon = await door.checks.try_code(ID, "shop", ENTRY), await door.checks.consume(ID, "other")
    door.clock.move(0.001)
    late = await door.checks.try_code(ID, "shop", ENTRY), await door.checks.consume(ID, "other")

    assert [answer.verdict for answer in (*soon, *late)] == ["open", "repeated", "refused", "refused"]


async def test_use_at_the_end_of_a_life_and_of_the_tries_may_be_repeated_too(door: Door) -> None:
    await sent(door)
    door.clock.move(299)
    for _ in range(5):
        await door.checks.try_code(ID, "shop", ENTRY)
    await door.checks.consume(ID, "mark")
    door.clock.move(9)

    verdicts = [(await door.checks.try_code(ID, "shop", ENTRY)).verdict for _ in range(6)]

    assert verdicts == [TryVerdict.OPEN] * 5 + [TryVerdict.REFUSED]  # guesses stay bounded


async def test_use_whose_answer_was_lost_is_told_to_its_mark_and_may_be_repeated_from_then_on(door: Door) -> None:
    await sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)
    first = await door.checks.consume(ID, "mark")
    door.clock.move(60)

    assert await door.checks.went_through(ID, "other") is None
    assert await door.checks.went_through(ID, "mark") == first.used
    assert (await door.checks.consume(ID, "other")).verdict is UseVerdict.REPEATED


async def test_looking_whether_a_use_went_through_uses_nothing_up(door: Door) -> None:
    await sent(door)
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
    await sent(door)
    owned = door.request("owned-0123456789")
    await door.dispatched(structs.replace(owned, purpose="own", code=owned.to))

    for request_id, verdict in zip((ID, "owned-0123456789"), verdicts, strict=True):
        said = {(await door.checks.try_code(request_id, "shop", entry)).verdict for _ in range(6)}
        assert said == ({verdict} if verdict == "unreadable" else {"open", "refused"})


async def test_use_gives_the_attempts_with_their_receipts(door: Door) -> None:
    await door.dispatched(door.request(ID), "carrier-a", "carrier-b")
    await door.receipt_rows.receipt(ID, 2, ReceiptState.DELIVERED, write=True)
    await door.checks.try_code(ID, "shop", ENTRY)

    used = (await door.checks.consume(ID, "mark")).used

    assert used is not None
    assert [(attempt.provider, state) for attempt, state in used.attempts] == [
        ("carrier-a", None),
        ("carrier-b", ReceiptState.DELIVERED),
    ]


async def test_code_that_was_never_tried_cannot_be_used(door: Door) -> None:
    await sent(door)

    assert (await door.checks.consume(ID, "mark")).verdict is UseVerdict.REFUSED


async def test_the_first_answer_to_an_idempotency_key_is_kept(door: Door) -> None:
    now = door.clock.now()
    first = Remembered(digest="one", issued_at=now, expires_at=now)

    answers = [await door.checks.remember(ID, wanted) for wanted in (first, replace(first, digest="two"))]

    assert answers == [first, first]


async def test_what_a_missing_row_means_is_left_open_while_the_store_settles(door: Door) -> None:
    await sent(door)
    door.checks._store._settled_at = time.monotonic() + 60

    for call in (partial(door.checks.try_code, entry=ENTRY), door.checks.ask_again, door.checks.row):
        with pytest.raises(StoreAway):
            await call("another-0123456789", "shop")
    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.OPEN


@pytest.mark.parametrize(("field", "value"), [("d", "x"), ("i", "x"), ("q", "{"), ("k", None), ("u", "x")])
async def test_row_that_cannot_be_read_fails_its_own_request_alone(door: Door, field: str, value: str | None) -> None:
    other = structs.replace(door.request("other-0123456789"), purpose="payment")
    await door.dispatched(other)
    await sent(door)
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
            lambda: door.receipt_rows.receipt(ID, 1, ReceiptState.DELIVERED, write=False),
        ):
            with pytest.raises(StoreAway):
                await call()
