"""See what became of a request."""

from datetime import datetime
from typing import Any

import pytest

from pipeline.records import ReceiptState
from tests.workers.doors import BANK, ENTRY, NUMBER, SHOP, Door

ID = "request-0123456789"


async def _look(door: Door, request_id: str = ID, headers: dict[str, str] = SHOP) -> tuple[int, dict[str, Any]]:
    async with door.client.get(f"{door.url}/v1/otp/{request_id}", headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_timeline_tells_attempts_and_receipts_without_number_and_code(door: Door) -> None:
    request = door.request(ID)
    code = await door.dispatched(request, "carrier-a", "carrier-b")
    await door.receipt_rows.receipt(ID, 2, ReceiptState.DELIVERED, write=True)

    status, seen = await _look(door)

    assert (status, seen["state"], seen["verified_at"]) == (200, "open", None)
    assert [(made["number"], made["provider"], made["outcome"], made["receipt"]) for made in seen["attempts"]] == [
        (1, "carrier-a", "accepted", None),
        (2, "carrier-b", "accepted", "DELIVERED"),
    ]
    assert (datetime.fromisoformat(seen["expires_at"]) - request.expires_at).total_seconds() < 0.001
    assert not any(secret in str(seen) for secret in (code, NUMBER, NUMBER[-6:]))


async def test_another_callers_request_looks_like_none(door: Door) -> None:
    await door.dispatched(door.request(ID))

    theirs, nobodys = await _look(door, ID, BANK), await _look(door, "unknown-0123456789", BANK)

    assert theirs == nobodys
    assert theirs[0] == 404


async def _verified(door: Door) -> None:
    await door.checks.try_code(ID, "shop", ENTRY)
    await door.checks.consume(ID, "mark")


async def _superseded(door: Door) -> None:
    door.clock.move(1)
    await door.dispatched(door.request("newer-0123456789"))


async def _expired(door: Door) -> None:
    door.clock.move(301)


@pytest.mark.parametrize(
    ("happens", "state"), [(_verified, "verified"), (_superseded, "superseded"), (_expired, "expired")]
)
async def test_state_says_why_a_request_is_over(door: Door, happens: Any, state: str) -> None:
    await door.dispatched(door.request(ID))
    await happens(door)

    assert (await _look(door))[1]["state"] == state


async def test_store_away_is_answered_503(storeless: Door) -> None:
    assert (await _look(storeless))[0] == 503


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/openapi.json", 200)])
async def test_health_and_description_need_no_key(door: Door, path: str, status: int) -> None:
    async with door.client.get(door.url + path) as answer:
        assert answer.status == status


async def test_process_is_not_ready_while_kafka_is_away(door: Door) -> None:
    door.kafka.available = False

    async with door.client.get(f"{door.url}/readyz") as answer:
        assert (answer.status, (await answer.json())["kafka"]) == (503, "away")


async def test_process_is_ready_without_the_store(storeless: Door) -> None:
    await _look(storeless)

    async with storeless.client.get(f"{storeless.url}/readyz") as answer:
        assert (answer.status, (await answer.json())["store"]) == (200, "away")


async def test_readiness_says_when_the_door_refuses_and_codes_are_checked_on(door: Door) -> None:
    door.queue.age_s = 100.0

    async with door.client.get(f"{door.url}/readyz") as answer:
        figures = await answer.json()
    assert (answer.status, figures["door"], figures["queue_age_s"]) == (200, "refuses", 100.0)


async def test_row_that_cannot_be_read_is_answered_500(door: Door) -> None:
    await door.dispatched(door.request(ID))
    await door.store._client.hset(f"{door.settings.state.prefix}otp:{ID}", "d", "x")

    async with door.client.get(f"{door.url}/v1/otp/{ID}", headers=SHOP) as answer:
        assert (answer.status, answer.content_type) == (500, "application/problem+json")
        assert "ask for another code" in (await answer.json())["detail"]
