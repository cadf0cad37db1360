"""What callers say of their own codes, on real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from pipeline.settings import StateSettings
from tests.samples import REQUEST_ID
from tests.workers.state.test_claims import CLAIM, GAP_MS, LONG, WISH
from workers.embedded.valkey import EmbeddedValkey
from workers.state.caller_reports import Report, Reports
from workers.state.claiming import ClaimVerdict
from workers.state.claims import Claims
from workers.state.client import Store

OWN: Final = replace(CLAIM, own="hash of a code")
REPORT: Final = Report(request_id=REQUEST_ID, caller="shop", at_ms=CLAIM.issued_ms + 3000)
KEY: Final = f"otp:{REQUEST_ID}"


@pytest.fixture
async def store(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[Store]:
    store = Store(StateSettings(url=valkey.url, prefix=prefix))
    yield store
    await store.close()


async def test_code_that_its_caller_reports_ends_its_request(store: Store) -> None:
    claims = Claims(store, owner="one", lease_s=LONG)
    await claims.claim(OWN)

    assert await Reports(store).take(REPORT)

    wish = replace(WISH, own=OWN.own, asked_ms=WISH.asked_ms + GAP_MS)
    assert (await claims.claim(wish)).verdict is ClaimVerdict.VERIFIED
    assert (await claims.look(REQUEST_ID, 1, "any")).seen.verified


async def test_first_report_tells_when(store: Store) -> None:
    await Claims(store, owner="one", lease_s=LONG).claim(OWN)
    reports = Reports(store)

    assert await reports.take(REPORT)
    assert await reports.take(replace(REPORT, at_ms=REPORT.at_ms + 1000))

    assert (await store.fields(KEY))[b"v"] == str(REPORT.at_ms).encode()


async def test_report_that_the_row_does_not_prove_moves_nothing(store: Store) -> None:
    claims, reports = Claims(store, owner="one", lease_s=LONG), Reports(store)
    assert not await reports.take(REPORT)  # of a request that nobody has
    assert await store.fields(KEY) == {}

    await claims.claim(CLAIM)  # its code is derived: the API alone can say that it was entered
    assert not await reports.take(REPORT)

    other = replace(OWN, request_id="request-other-56789", purpose="other")
    await claims.claim(other)
    assert not await reports.take(replace(REPORT, request_id=other.request_id, caller="bank"))
    assert not (await claims.look(REQUEST_ID, 1, "any")).seen.verified
    assert not (await claims.look(other.request_id, 1, "any")).seen.verified


@pytest.mark.processes
async def test_what_is_reported_while_the_store_is_away_is_kept_until_it_is_back(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    await server.start()
    store = Store(StateSettings(url=server.url, timeout_s=0.5))
    claims, reports = Claims(store, owner="one", lease_s=LONG), Reports(store)
    try:
        server.kill()
        await claims.claim(OWN)  # both are owed, and the row is written first
        assert not await reports.take(REPORT)
        await server.stop()
        await server.start()
        async with asyncio.timeout(10):
            while reports.owed:
                await asyncio.sleep(0.05)
        assert (await claims.look(REQUEST_ID, 1, "any")).seen.verified
    finally:
        await store.close()
        await server.stop()
