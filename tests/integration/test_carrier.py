"""The simulated carriers over real HTTP, asked through their own adapter."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.errors import (
    AcceptanceUnknown,
    Misconfigured,
    ProviderError,
    Refused,
    Rejected,
    Throttled,
    Unavailable,
)
from pipeline.records import ReceiptState
from pipeline.settings import Secret
from tests.integration.carriers import (
    KEY,
    NUMBER,
    QUICK,
    Receiver,
    World,
    a_provider,
    a_receiver,
    a_world,
    an_sms,
)
from workers.embedded.carrier.faults import Fault, Form
from workers.embedded.carrier.journal import NAME


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with a_receiver() as receiver:
        yield receiver


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as world:
        yield world


def digest(text: str) -> str:
    return hmac.digest(KEY.reveal(), text.encode(), "sha256").hex()


async def test_a_message_is_journaled_before_it_is_answered(world: World) -> None:
    before = time.monotonic()
    accepted = await world.send(an_sms())
    (row,) = world.journal()

    assert before < row["monotonic"] < time.monotonic()
    assert row["delivered_at"] > row["at"]
    del row["monotonic"], row["at"], row["delivered_at"]
    assert row == {
        "row": "request",
        "carrier": "carrier-a",
        "request_id": "request-0123456789-1",
        "attempt": 2,
        "message_id": accepted.message_id,
        "code_hmac": digest("482913"),
        "number_hmac": digest(NUMBER),
        "validity_s": 300.0,
        "decision": "delivered",
        "fault": None,
    }


async def test_the_journal_holds_neither_code_nor_number(world: World) -> None:
    await world.send(an_sms())
    journal = (world.folder / NAME).read_bytes()

    assert b"482913" not in journal
    assert NUMBER[1:].encode() not in journal


async def test_a_delivery_can_be_read_as_it_arrives_and_later_from_the_handset(world: World) -> None:
    waiting = asyncio.create_task(world.get("/handsets/events?since=0"))
    accepted = await world.send(an_sms(), "carrier-b")
    events = await waiting
    (delivery,) = events["deliveries"]

    assert events["next"] == delivery["number"] == 1
    assert (delivery["carrier"], delivery["to"], delivery["message_id"]) == ("carrier-b", NUMBER, accepted.message_id)
    assert delivery["text"] == an_sms().text
    assert await world.get(f"/carrier-b/handsets/{NUMBER}") == {"messages": [delivery]}
    assert await world.get(f"/carrier-a/handsets/{NUMBER}") == {"messages": []}


async def test_waiting_for_deliveries_ends_without_any(world: World) -> None:
    assert await world.get("/handsets/events?since=7&wait_s=0.01") == {"next": 7, "deliveries": []}


@pytest.mark.parametrize(
    ("fault", "options", "expected"),
    [
        (Fault.UNAUTHORIZED, {}, Misconfigured),
        (Fault.FORBIDDEN, {}, Misconfigured),
        (Fault.THROTTLE, {}, Throttled),
        (Fault.SERVER_ERROR, {}, Unavailable),
        (Fault.SERVER_ERROR, {"status": 502}, AcceptanceUnknown),
        (Fault.REFUSE, {}, Rejected),
        *((Fault.NEW_WORD, {"form": form}, Refused) for form in Form),
        (Fault.REFUSE, {"error": "invalid_callback_url"}, Refused),
        (Fault.REFUSE, {"error": "brand_new_word"}, Refused),
        (Fault.HANG, {}, AcceptanceUnknown),
        (Fault.SLOW, {"seconds": 9}, AcceptanceUnknown),
        (Fault.SLOW_BODY, {}, AcceptanceUnknown),
        (Fault.ENDLESS_BODY, {}, AcceptanceUnknown),
        (Fault.NO_ID, {}, AcceptanceUnknown),
        (Fault.RESET_BEFORE, {}, AcceptanceUnknown),
        (Fault.RESET_AFTER, {}, AcceptanceUnknown),
        (Fault.GARBAGE, {}, AcceptanceUnknown),
        (Fault.GARBAGE, {"kind": "html"}, AcceptanceUnknown),
        (Fault.GARBAGE, {"kind": "empty"}, AcceptanceUnknown),
        (Fault.GARBAGE, {"kind": "truncated"}, AcceptanceUnknown),
        (Fault.GARBAGE, {"kind": "list"}, AcceptanceUnknown),
        (Fault.GARBAGE, {"kind": "deep"}, AcceptanceUnknown),
        (Fault.GARBAGE, {"kind": "huge"}, AcceptanceUnknown),
    ],
)
async def test_each_fault_is_met_on_the_wire_and_journaled(
    world: World, fault: Fault, options: dict[str, Any], expected: type[ProviderError]
) -> None:
    await world.order("carrier-a", **{fault: options})
    with pytest.raises(ProviderError) as raised:
        await world.send(an_sms(timeout_s=0.3))

    assert type(raised.value) is expected
    assert [row["fault"] for row in world.journal()] == [fault]


@pytest.mark.parametrize(("given", "wait_s"), [("17", 17.0), ("soon", None), (None, None)])
async def test_a_throttling_carrier_says_how_long_or_not(world: World, given: str | None, wait_s: float | None) -> None:
    await world.order("carrier-a", throttle={"retry_after": given})
    with pytest.raises(Throttled) as raised:
        await world.send(an_sms())

    assert raised.value.retry_after_s == wait_s


async def test_a_fault_of_one_carrier_or_country_leaves_the_others_alone(world: World) -> None:
    await world.order("carrier-a", server_error={"prefixes": ["+49"]})

    with pytest.raises(Unavailable):
        await world.send(an_sms())
    assert await world.send(an_sms(to="+33612345678"))
    assert await world.send(an_sms(), "carrier-b")


async def test_a_dropped_message_is_accepted_and_reaches_nobody(world: World) -> None:
    await world.order("carrier-a", silent_drop={})
    await world.send(an_sms(1))
    await world.order("carrier-a")
    await world.send(an_sms(2))
    await world.get("/handsets/events?since=0")

    assert [row["decision"] for row in world.journal()] == ["dropped", "delivered"]
    messages = (await world.get(f"/carrier-a/handsets/{NUMBER}"))["messages"]
    assert [message["client_reference"] for message in messages] == [an_sms(2).attempt_id]


async def test_orders_are_shown_and_cleared(world: World) -> None:
    status, shown = await world.order("carrier-a", hang={"share": 0.02})
    assert (status, shown) == (200, {"hang": {"prefixes": [], "share": 0.02, "taken": False}})
    assert await world.get("/carrier-a/faults") == shown

    async with world.http.delete(f"{world.url}/carrier-a/faults") as response:
        assert await response.json() == {}


async def test_an_unknown_fault_changes_nothing_and_lists_what_there_is(world: World) -> None:
    await world.order("carrier-a", hang={})
    status, answer = await world.order("carrier-a", hangs={})

    assert status == 400
    assert "silent_drop" in answer["error"]
    assert "hang" in await world.get("/carrier-a/faults")


async def test_another_token_a_bad_body_and_a_number_that_is_none_are_refused(world: World) -> None:
    stranger = a_provider(world.url, "carrier-a", Secret(b"token-b"))
    with pytest.raises(Misconfigured):
        await stranger.send(an_sms())
    await stranger.close()
    with pytest.raises(Rejected):
        await world.send(an_sms(to="+0"))
    headers = {"Authorization": "Bearer token-a"}
    async with world.http.post(f"{world.url}/carrier-a/v1/messages", data=b"{", headers=headers) as response:
        assert response.status == 400

    assert [row["decision"] for row in world.journal()] == ["refused"] * 3


async def test_a_receipt_comes_signed_to_the_url_of_its_message(world: World, receiver: Receiver) -> None:
    accepted = await world.send(an_sms(callback_url=receiver.url))
    callback = await receiver.callbacks.get()
    (receipt,) = world.carriers["carrier-a"].read_receipts(callback)

    assert callback.url == receiver.url
    assert (receipt.state, receipt.message_id) == (ReceiptState.DELIVERED, accepted.message_id)


async def test_a_receipt_that_is_not_taken_comes_again_and_each_try_is_journaled(
    world: World, receiver: Receiver
) -> None:
    receiver.statuses = [503]
    await world.send(an_sms(callback_url=receiver.url))
    first, second = await receiver.callbacks.get(), await receiver.callbacks.get()
    while len(world.journal("receipt")) < 2:  # the second answer is on its way to the journal
        await asyncio.sleep(0.01)

    assert first.body == second.body
    assert [(row["state"], row["status"]) for row in world.journal("receipt")] == [
        ("delivered", 503),
        ("delivered", 204),
    ]


async def test_reordered_receipts_arrive_in_the_wrong_order(world: World, receiver: Receiver) -> None:
    await world.order("carrier-a", receipts_reordered={})
    await world.send(an_sms(callback_url=receiver.url))
    callbacks = [await receiver.callbacks.get() for _ in range(2)]

    assert [orjson.loads(callback.body)["state"] for callback in callbacks] == ["delivered", "enroute"]


async def test_concurrency_and_order_of_arrival_change_no_decision(tmp_path: Path) -> None:
    behaviour = replace(QUICK, delivery_share=0.5)
    decided = []
    for run in ("forwards", "backwards"):
        async with a_world(tmp_path / run, behaviour) as world:
            numbers = range(60) if run == "forwards" else range(59, -1, -1)
            await asyncio.gather(*[world.send(an_sms(number)) for number in numbers])
            decided.append({row["request_id"]: row["decision"] for row in world.journal()})

    assert decided[0] == decided[1]
    assert set(decided[0].values()) == {"delivered", "failed"}
