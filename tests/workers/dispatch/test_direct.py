"""What a caller may do wrong at the direct door, and what it is told; claims on real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.message.phone import seal
from pipeline.records import OtpRequest, RefusedRequest, encode
from pipeline.settings import StateSettings
from tests.workers.dispatch.parts import CALLER, GAP_S, KEY, KID, World
from workers.embedded.valkey import EmbeddedValkey
from workers.loop import Record
from workers.state.client import Store

REQUEST_ID = "request-0123456789"
MOST = 5  # dispatch.max_attempts


@pytest.fixture
async def world(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[World]:
    store = Store(StateSettings(url=valkey.url, prefix=prefix))
    yield World(store)
    await store.close()


def sealed(text: str) -> str:
    return seal(text, caller=CALLER, request_id=REQUEST_ID, kid=KID, key=KEY)


def texts(world: World) -> set[str]:
    return {sms.text for sms in world.sent()}


async def bury(world: World, record: Record) -> RefusedRequest:
    """Let a record fail, and give what its caller is told."""
    with pytest.raises(InvalidMessage) as caught:
        await world.dispatcher.handle(record)
    await world.dispatcher.dead_letter(record, caught.value)
    return world.topics.refused()[-1]


async def test_resend_with_new_times_brings_the_same_code_within_the_life_of_the_first(world: World) -> None:
    await world.ask()
    world.clock.move(GAP_S)
    again = world.request(resend=1, issued_at=world.clock.at, expires_at=world.clock.at + timedelta(seconds=600))

    await world.dispatcher.handle(world.record(encode(again)))

    assert len(world.sent()) == 2
    assert len(texts(world)) == 1
    (_, first), (_, second) = world.topics.retries()
    assert abs(second.deadline_at - first.deadline_at) < timedelta(milliseconds=1)
    assert (second.request.issued_at, second.request.expires_at) == (first.request.issued_at, first.request.expires_at)


async def test_resend_may_ask_in_another_language(world: World) -> None:
    await world.ask()
    world.clock.move(GAP_S)
    await world.ask(resend=1, locale="de", purpose="other")

    first, second = sorted(texts(world))
    assert "Code" in second + first
    assert first != second
    assert world.topics.retries()[-1][1].request.purpose == "login"


@pytest.mark.parametrize("resend", [0, 1])
@pytest.mark.parametrize(
    ("first", "changes", "field"),
    [
        ({}, {"number": "+447700900124"}, "to"),
        ({}, {"code": "739204"}, "code"),
        ({"code": "739204"}, {}, "code"),
        ({"code": "739204"}, {"code": "739205"}, "code"),
    ],
)
async def test_record_with_another_number_or_code_under_the_same_id_is_refused_with_the_field_named(
    world: World, resend: int, first: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    first, changes = [one | {"code": sealed(one["code"])} if "code" in one else one for one in (first, changes)]
    await world.ask(**first)
    world.clock.move(GAP_S)
    await world.ask(resend=resend, **changes)

    assert len(world.sent()) == 1
    (letter,), (told,) = world.topics.dead(), world.topics.refused()
    assert (letter.reason, told.reason, told.resend) == (DeadReason.CONFLICT, DeadReason.CONFLICT, resend)
    assert told.detail.startswith(f"`{field}` is not that of the first record")
    assert (told.request_id, told.caller, told.origin) == (REQUEST_ID, CALLER, letter.origin)


async def test_resend_with_the_same_code_sealed_anew_is_a_resend(world: World) -> None:
    await world.ask(code=sealed("739 204"))
    world.clock.move(GAP_S)
    await world.ask(resend=1, code=sealed("739204"))

    assert len(world.sent()) == 2
    assert len(texts(world)) == 1
    assert not world.topics.dead()


async def test_wishes_that_come_at_once_are_one_message_and_the_others_are_told(world: World) -> None:
    await world.ask()
    world.clock.move(GAP_S)
    records = [world.record(encode(world.request(resend=number))) for number in range(1, 13)]

    await asyncio.gather(*(world.dispatcher.handle(record) for record in records))

    assert len(world.sent()) == 2
    told = world.topics.refused()
    assert {one.reason for one in told} == {DeadReason.TOO_SOON}
    assert len({one.resend for one in told}) == 11
    assert "is 28 s too soon" in told[0].detail  # of 30 s, 2 are slack
    assert not world.topics.dead()


async def test_wishes_beyond_the_attempts_of_a_request_are_told_so(world: World) -> None:
    await world.ask(expires_at=world.clock.at + timedelta(seconds=600))
    for number in range(1, MOST + 2):
        world.clock.move(GAP_S)
        await world.ask(resend=number)

    assert len(world.sent()) == MOST
    assert [one.reason for one in world.topics.refused()] == [DeadReason.TOO_MANY] * 2
    assert not world.topics.dead()


@pytest.mark.parametrize("newer", [False, True])
async def test_wish_that_comes_too_late_is_told_so(world: World, newer: bool) -> None:  # noqa: FBT001 - a table's column
    await world.ask()
    world.clock.move(181)
    times = {} if newer else {"issued_at": world.clock.at - timedelta(seconds=181)}
    await world.ask(resend=1, **times, expires_at=world.clock.at + timedelta(seconds=119 + 181 * newer))

    assert len(world.sent()) == 1
    assert [one.reason for one in world.topics.refused()] == [DeadReason.EXPIRED]


async def test_wish_for_a_request_that_a_newer_one_has_replaced_is_told_so(world: World) -> None:
    await world.ask()
    world.clock.move(GAP_S)
    await world.ask(request_id="request-newer-56789")
    await world.ask(resend=1)

    assert [one.reason for one in world.topics.refused()] == [DeadReason.SUPERSEDED]


@pytest.mark.parametrize(
    "code", ["", " ", "123456\r\nwww", "https://evil.example/login?x=1", "URGENT", "12345", "7" * 70]
)
async def test_own_code_that_is_none_goes_nowhere(world: World, code: str) -> None:
    told = await bury(world, world.record(encode(world.request(code=sealed(code)))))

    assert (told.reason, told.request_id, told.caller) == (DeadReason.INVALID_CODE, REQUEST_ID, CALLER)
    assert "`code`" in told.detail
    assert not world.sent()
    assert await world.store.fields(f"otp:{REQUEST_ID}") == {}


def written(world: World, **changes: Any) -> bytes:
    """Give a request as a program of somebody else's writes it; a field that is dropped is None."""
    document = orjson.loads(encode(world.request())) | changes
    return orjson.dumps({name: value for name, value in document.items() if value != "dropped"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"purpose": "dropped"}, "missing required field `purpose`"),
        ({"issued_at": "2026-11-27T10:00:00"}, "an offset from UTC: Z, or one such as +01:00 at $.issued_at"),
        ({"locale": "english please"}, "at $.locale"),
        ({"expires_at": "soon"}, "at $.expires_at"),
    ],
)
async def test_record_that_cannot_be_read_is_told_by_request_caller_and_field(
    world: World, changes: dict[str, str], said: str
) -> None:
    told = await bury(world, world.record(written(world, **changes)))

    assert (told.request_id, told.caller, told.reason) == (REQUEST_ID, CALLER, DeadReason.INVALID_FIELD)
    assert said in told.detail
    assert world.topics.dead()[-1].request_id == REQUEST_ID


@pytest.mark.parametrize("value", [b"{", b"", None, b" " * 70_000])
async def test_record_of_which_nothing_can_be_read_is_told_by_its_key(world: World, value: bytes | None) -> None:
    record = Record(topic="otp.requests", partition=0, offset=1, key=REQUEST_ID.encode(), value=value, timestamp_ms=0)

    told = await bury(world, record)

    assert (told.request_id, told.caller) == (REQUEST_ID, None)


async def test_record_that_names_nobody_is_a_dead_letter_alone(world: World) -> None:
    record = world.record(b"{")
    with pytest.raises(InvalidMessage) as caught:
        await world.dispatcher.handle(record)
    await world.dispatcher.dead_letter(record, caught.value)

    assert len(world.topics.dead()) == 1
    assert not world.topics.refused()


async def test_broken_seal_is_told_with_its_field(world: World) -> None:
    other = seal("739204", caller=CALLER, request_id="another-request-id", kid=KID, key=KEY)

    to = await bury(world, world.record(encode(world.request(to=other))))
    code = await bury(world, world.record(encode(world.request(code=other))))

    assert (to.detail, code.detail) == tuple(
        f"`{field}`: the seal is another request's: `rid` in its header is not the record's `request_id`"
        for field in ("to", "code")
    )


def test_nothing_sealed_is_told() -> None:
    assert not set(RefusedRequest.__struct_fields__) & {"to", "code", "request"}
    assert "to" in OtpRequest.__struct_fields__
