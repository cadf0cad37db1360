"""What callbacks of each adapter do at the door: receipts count once, and only where our token is right."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession
from yarl import URL

from pipeline.proof.callback_token import LIFE
from pipeline.records import Receipt, ReceiptState, decode
from pipeline.records.topics import RECEIPTS
from pipeline.settings import Secret
from pipeline.settings.model import ReceiptsSettings
from providers.seam import Callback
from tests.providers.contract import CONTRACTED, NOW, TOKEN, sample, unopened
from tests.providers.kinds import Whose
from tests.providers.tokens import PUBLIC_URL, a_token
from tests.workers.doors import Door, listening, opened, settings_for
from workers.embedded.valkey import EmbeddedValkey
from workers.receipts.process import build_app

pytestmark = pytest.mark.parametrize("adapter", CONTRACTED)

SENT_AT = datetime.fromtimestamp(NOW, tz=UTC)
SECOND = timedelta(seconds=1)
# Tokens of nobody: each is as long as a right one.
WRONG = {
    "of another key": a_token(SENT_AT, key=Secret(b"x" * 32)),
    "changed": a_token(SENT_AT).replace(".1.one.", ".2.one."),
    "of another account": a_token(SENT_AT, provider="two"),
    "over": a_token(SENT_AT - LIFE - SECOND),
    "no token": "t1.one",
}


@pytest.fixture
async def door(adapter: str, valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[Door]:
    settings = replace(settings_for(valkey.url, prefix), receipts=ReceiptsSettings(public_url=PUBLIC_URL))
    async with opened(settings) as door:
        door.clock.move(NOW - door.clock.now().timestamp())
        await door.dispatched(door.request("request-0123456789"), "one")
        app = build_app(door.parts(), {name: unopened(adapter) for name in ("one", "two")})
        async with listening(app) as door.url:
            yield door


def _callbacks(adapter: str) -> Iterator[tuple[Callback, ReceiptState]]:
    """Give the genuine callbacks that say something of a message."""
    for body, state in sample(adapter).receipts:
        if state is not ReceiptState.UNKNOWN:
            yield from ((callback, state) for callback in sample(adapter).genuine(body))


async def _send(door: Door, callback: Callback, url: str) -> int:
    own = door.url + url.removeprefix(PUBLIC_URL)
    body = callback.body if callback.method == "POST" else None
    async with (
        ClientSession(auto_decompress=False) as client,
        client.request(callback.method, URL(own, encoded=True), data=body, headers=callback.headers) as answer,
    ):
        return answer.status


def _told(door: Door) -> list[ReceiptState]:
    return [decode(Receipt, value).state for value in door.kafka.on(RECEIPTS.name)]


async def test_a_genuine_receipt_tells_once_however_often_it_comes(adapter: str, door: Door) -> None:
    callback, state = next(one for one in _callbacks(adapter) if one[1] is ReceiptState.DELIVERED)
    statuses = [await _send(door, callback, callback.url) for _ in range(3)]

    assert (statuses, _told(door)) == ([200] * 3, [state])


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_receipt_at_an_address_with_a_wrong_token_tells_nothing(adapter: str, door: Door, wrong: str) -> None:
    for callback, _ in _callbacks(adapter):
        url = callback.url if TOKEN in callback.url else f"{callback.url}/{TOKEN}"  # one fixed address for all
        status = await _send(door, callback, url.replace(TOKEN, WRONG[wrong]))

        assert (400 <= status < 500, _told(door)) == (True, []), callback.url


async def test_a_receipt_at_an_address_without_a_token_tells_nothing_unless_it_repeats_a_whole_one(
    adapter: str, door: Door
) -> None:
    for callback, _ in _callbacks(adapter):
        await _send(door, callback, callback.url.replace(f"/{TOKEN}", ""))

    assert bool(_told(door)) is _repeats_all(adapter)


def _repeats_all(adapter: str) -> bool:
    callback, _ = next(_callbacks(adapter))
    (receipt,) = unopened(adapter).read_receipts(callback)
    return sample(adapter).whose is Whose.REFERENCE and receipt.reference == TOKEN


async def test_a_receipt_that_comes_when_its_token_is_over_tells_nothing(adapter: str, door: Door) -> None:
    door.clock.move((LIFE + SECOND).total_seconds())
    for callback, _ in _callbacks(adapter):
        await _send(door, callback, callback.url)

    assert _told(door) == []
