"""Callbacks as providers bring them, and what became of them."""

import hmac
from typing import Any, ClassVar

import orjson

from pipeline.errors import ProviderError
from pipeline.proof.callback_token import CallbackToken, issue
from pipeline.records import Receipt, ReceiptState, decode
from pipeline.settings import Secret
from providers import providers_of
from providers.seam import Accepted, Callback, ProviderReceipt, Sms
from tests.workers.doors import Door, listening
from workers.receipts.process import build_app

ID = "request-0123456789"


def app(door: Door) -> Any:
    return build_app(door.parts(), providers_of(door.settings))


def a_token(door: Door, key: bytes = b"t" * 32, **changes: Any) -> str:
    fields: dict[str, Any] = {
        "request_id": ID,
        "number": 1,
        "provider": "carrier-a",
        "country": "GB",
        "config": "c",
        "sent_at": door.clock.now(),
    }
    token = CallbackToken(**(fields | changes))
    return issue(token, {"t1": Secret(key)})


async def call(
    door: Door, state: str, *, token: str | None = None, key: bytes = b"carrier-a", path: str = "carrier-a"
) -> int:
    token = token or a_token(door)
    body = orjson.dumps({"id": "m-1", "state": state, "error": None, "reference": token})
    return await send(door, body, token, key, path)


async def send(door: Door, body: bytes, token: str | None, key: bytes = b"carrier-a", path: str = "carrier-a") -> int:
    return await send_to(f"{door.url}/receipts/{path}/{token or a_token(door)}", door, body, key)


async def send_to(url: str, door: Door, body: bytes, key: bytes = b"carrier-a") -> int:
    headers = {"X-Carrier-Signature": hmac.digest(key, body, "sha256").hex()}
    async with door.client.post(url, data=body, headers=headers) as answer:
        return answer.status


def received(door: Door) -> list[Receipt]:
    return [decode(Receipt, value) for value in door.kafka.on("otp.receipts")]


async def state_of(door: Door) -> ReceiptState | None:
    row = await door.checks.row(ID, "shop")
    return row.states[1] if row and 1 in row.states else None


class OfMany:
    """A provider whose callback holds these receipts, whatever is asked."""

    name = "carrier-a"
    adapter: ClassVar[str] = "of many"

    def __init__(self, *receipts: ProviderReceipt) -> None:
        self.receipts = receipts

    async def send(self, sms: Sms) -> Accepted:
        raise NotImplementedError

    async def receive(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        del callback
        return self.receipts

    async def close(self) -> None:
        pass


async def bring(door: Door, token: str, *receipts: ProviderReceipt) -> int:
    """Bring a callback with these receipts; whose they are is in them, or in the address alone."""
    async with listening(build_app(door.parts(), {"carrier-a": OfMany(*receipts)})) as url:
        return await send_to(f"{url}/receipts/carrier-a/{token}", door, b"")


class OfOneNonce:
    """A provider each of whose callbacks says `enroute` under the same nonce."""

    name = "carrier-a"
    adapter: ClassVar[str] = "of one nonce"

    def __init__(self, error: ProviderError | None = None) -> None:
        self.error = error

    async def send(self, sms: Sms) -> Accepted:
        raise NotImplementedError

    async def receive(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        del callback
        if self.error:
            raise self.error
        return (ProviderReceipt(state=ReceiptState.ENROUTE, raw="enroute", nonce="n-1"),)

    async def close(self) -> None:
        pass
