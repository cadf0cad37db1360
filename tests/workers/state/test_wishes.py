"""Wishes for another message, on real Valkey."""

import asyncio

from msgspec import structs

from tests.workers.doors import ENTRY, Door
from tests.workers.state.requests import ID, sent
from workers.state.wishes import WishVerdict


async def test_wish_too_soon_is_told_how_long_to_wait(door: Door) -> None:
    await sent(door)
    door.clock.move(12)

    wish = await door.checks.ask_again(ID, "shop")

    assert (wish.verdict, wish.wait.total_seconds()) == (WishVerdict.EARLY, 18)


async def test_each_wish_gives_the_request_again_with_the_next_ordinal(door: Door) -> None:
    request = await sent(door)
    wishes = []
    for _ in range(3):
        door.clock.move(30)
        wishes.append(await door.checks.ask_again(ID, "shop"))

    assert [wish.request for wish in wishes] == [structs.replace(request, resend=ordinal) for ordinal in (1, 2, 3)]


async def test_wish_is_another_one_than_those_that_its_caller_has_written_on_kafka(door: Door) -> None:
    request = await sent(door)
    await door.store._client.hset(f"{door.store.prefix}otp:{ID}", mapping={"e1": 2, "e2": 3})
    door.clock.move(30)

    assert (await door.checks.ask_again(ID, "shop")).request == structs.replace(request, resend=3)


async def test_of_two_wishes_at_once_one_is_too_soon(door: Door) -> None:
    await sent(door)
    door.clock.move(30)

    wishes = await asyncio.gather(*(door.checks.ask_again(ID, "shop") for _ in range(2)))

    assert sorted(wish.verdict for wish in wishes) == [WishVerdict.ASKED, WishVerdict.EARLY]


async def test_no_wish_after_the_share_of_the_life_in_which_sends_may_start(door: Door) -> None:
    await sent(door)
    door.clock.move(180.001)

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.LATE


async def test_no_wish_for_a_verified_request(door: Door) -> None:
    await sent(door)
    await door.checks.try_code(ID, "shop", ENTRY)
    await door.checks.consume(ID, "mark")
    door.clock.move(30)

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.VERIFIED


async def test_no_wish_for_a_request_that_was_superseded(door: Door) -> None:
    await sent(door)
    door.clock.move(30)
    await sent(door, "newer-0123456789")

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.SUPERSEDED


async def test_no_wish_when_every_attempt_is_used_up(door: Door) -> None:
    await door.dispatched(door.request(ID), *["carrier-a", "carrier-b"] * 2, "carrier-a")
    door.clock.move(30)

    assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.SPENT
