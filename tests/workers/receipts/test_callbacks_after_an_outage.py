"""A signed callback that first came while we were away, repeated with its first proof: real adapters, real HTTP."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from pipeline.proof.callback_token import CallbackToken, issue
from pipeline.records import Receipt, ReceiptState, decode
from pipeline.settings import Secret
from providers.base import HttpProvider
from providers.telnyx import TelnyxProvider
from providers.vonage_sms import VonageSmsProvider
from tests.providers import test_telnyx, test_vonage_sms
from tests.workers.doors import Door, listening, opened, settings_for
from workers.embedded.valkey import EmbeddedValkey
from workers.receipts.process import build_app

ID = "request-0123456789"
NAME = "carrier-a"


@dataclass(frozen=True, slots=True)
class Posted:
    """What a provider posts, as often as it must: always the same."""

    body: bytes
    headers: Mapping[str, str]


def _telnyx(url: str, token: str, second: str) -> Posted:
    del token
    callback = test_telnyx.signed(test_telnyx.event(url=url), time=second)
    return Posted(callback.body, callback.headers)


def _vonage_sms(url: str, token: str, second: str) -> Posted:
    del url
    fields = test_vonage_sms.fields_of(client_ref=token.rpartition(".")[2], timestamp=second)
    body = urlencode(test_vonage_sms.with_sig(fields)).encode()
    return Posted(body, {"Content-Type": "application/x-www-form-urlencoded"})


SIGNING: Sequence[tuple[HttpProvider, Callable[[str, str, str], Posted]]] = (
    (TelnyxProvider(NAME, test_telnyx.SETTINGS), _telnyx),
    (VonageSmsProvider(NAME, test_vonage_sms.SETTINGS), _vonage_sms),
)


@pytest.fixture
async def door(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[Door]:
    async with opened(settings_for(valkey.url, prefix)) as door:
        yield door


def _token(door: Door) -> str:
    token = CallbackToken(request_id=ID, number=1, provider=NAME, country="GB", sent_at=door.clock.now(), config="c")
    return issue(token, {"t1": Secret(b"t" * 32)})


async def _post(door: Door, url: str, posted: Posted) -> int:
    async with door.client.post(url, data=posted.body, headers=posted.headers) as answer:
        return answer.status


@pytest.mark.parametrize("row", ["kept", "over"])
@pytest.mark.parametrize("away_s", [0, 600, 4 * 3600, 23 * 3600])
@pytest.mark.parametrize(("provider", "sign"), SIGNING, ids=["telnyx", "vonage-sms"])
async def test_what_came_while_we_were_away_counts_once_when_it_is_repeated(
    door: Door, provider: HttpProvider, sign: Callable[[str, str, str], Posted], away_s: int, row: str
) -> None:
    if row == "kept":
        await door.dispatched(door.request(ID))
    token = _token(door)
    async with listening(build_app(door.parts(), {NAME: provider})) as base:
        url = f"{base}/receipts/{NAME}/{token}"
        posted = sign(url, token, f"{door.clock.now().timestamp():.0f}")
        door.clock.move(away_s)
        answers = [await _post(door, url, posted) for _ in range(2)]
        door.clock.move(3600)
        answers.append(await _post(door, url, posted))

    assert answers == [200, 200, 200]
    (receipt,) = [decode(Receipt, value) for value in door.kafka.on("otp.receipts")]
    assert (receipt.request_id, receipt.state) == (ID, ReceiptState.DELIVERED)
