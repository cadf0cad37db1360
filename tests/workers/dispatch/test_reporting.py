"""What callers report of codes of their own; rows on real Valkey."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.message.phone import seal
from pipeline.records import Reporter, Verdict, Verification, encode
from pipeline.records.topics import VERIFICATIONS
from pipeline.settings import StateSettings
from tests.workers.dispatch.parts import CALLER, GAP_S, KEY, KID, SETTINGS, World
from tests.workers.doors import ENTRY
from workers.dispatch.process import is_own_fault
from workers.dispatch.reporting import Reporting
from workers.embedded.valkey import EmbeddedValkey
from workers.loop import Record
from workers.state.caller_reports import Reports
from workers.state.checks import Checks
from workers.state.client import Store
from workers.state.entries import TryVerdict

REQUEST_ID = "request-0123456789"
OWN = seal("739204", caller=CALLER, request_id=REQUEST_ID, kid=KID, key=KEY)


@pytest.fixture
async def world(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[World]:
    store = Store(StateSettings(url=valkey.url, prefix=prefix))
    yield World(store)
    await store.close()


def a_report(world: World, **changes: Any) -> Record:
    """Make a report as a program of somebody else's writes it."""
    document = {"request_id": REQUEST_ID, "caller": CALLER, "verdict": "verified", "at": world.clock.at} | changes
    return world.record(orjson.dumps(document), VERIFICATIONS.name)


def reporting(world: World) -> Reporting:
    return Reporting({CALLER, "shop"}, SETTINGS.state.keep_s, Reports(world.store), world.clock)


async def checks(world: World) -> Checks:
    checks = Checks(world.store, world.clock, world.settings)
    await checks.settle()
    return checks


async def test_code_that_its_caller_reports_as_entered_is_not_sent_again(world: World) -> None:
    of_api = await checks(world)
    world.clock.move(0.01)
    await world.ask(code=OWN)
    world.clock.move(3)
    await reporting(world).handle(a_report(world))

    await world.look()
    world.clock.move(GAP_S)
    await world.look()  # the first one again: what a crash would leave
    await world.ask(resend=1, code=OWN)

    assert len(world.sent()) == 1
    row = await of_api.row(REQUEST_ID, CALLER)
    assert row is not None
    assert row.verified_at is not None
    assert (await of_api.try_code(REQUEST_ID, CALLER, ENTRY)).verdict is TryVerdict.REFUSED


@pytest.mark.parametrize(
    "changes", [{"verdict": "refused"}, {"caller": "shop"}, {"reported_by": "api"}, {"request_id": "request-other-567"}]
)
async def test_any_other_report_ends_nothing(world: World, changes: dict[str, str]) -> None:
    await world.ask(code=OWN)

    await reporting(world).handle(a_report(world, **changes))

    world.clock.move(GAP_S)
    await world.ask(resend=1, code=OWN)
    assert len(world.sent()) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"verdict": "ok"}, DeadReason.INVALID_FIELD), ({"caller": "nobody"}, DeadReason.UNKNOWN_CALLER)],
)
async def test_report_that_cannot_be_taken_is_told(world: World, changes: dict[str, str], reason: DeadReason) -> None:
    record = a_report(world, **changes)
    with pytest.raises(InvalidMessage) as caught:
        await reporting(world).handle(record)

    await world.dispatcher.dead_letter(record, caught.value)

    (told,) = world.topics.refused()
    assert (told.reason, told.request_id, told.origin.topic) == (reason, REQUEST_ID, VERIFICATIONS.name)


async def test_what_is_older_than_any_row_is_not_even_read(world: World) -> None:
    old, unreadable = a_report(world), world.record(b"{", VERIFICATIONS.name)
    world.clock.move(600 + SETTINGS.state.keep_s + 0.001)
    young = a_report(world)

    for record in (old, unreadable, young):
        await reporting(world).handle(record)

    assert world.store.operations["report"] == 1


async def test_what_the_api_writes_costs_the_store_nothing(world: World) -> None:
    entered = Verification(
        request_id=REQUEST_ID,
        caller=CALLER,
        verdict=Verdict.VERIFIED,
        reported_by=Reporter.API,
        at=world.clock.at + timedelta(seconds=1),
    )
    await reporting(world).handle(world.record(encode(entered), VERIFICATIONS.name))

    assert world.store.operations["report"] == 0


async def test_a_report_that_cannot_be_read_is_no_fault_of_ours_whatever_name_it_bears(world: World) -> None:
    with pytest.raises(InvalidMessage) as raised:
        await reporting(world).handle(a_report(world, verdict=5))

    assert raised.value.source is None
    assert not is_own_fault(raised.value, [CALLER])
