"""Whose a callback is: forged, mangled and foreign ones, on real HTTP, read by the adapter of the simulated carrier."""

import random
from datetime import timedelta
from typing import Any

import orjson
import pytest

from pipeline.errors import Unavailable
from pipeline.records import ReceiptState
from providers.seam import ProviderReceipt
from tests.workers.doors import NUMBER, Door, listening
from tests.workers.metrics.reading import counts
from tests.workers.receipts.callbacks import OfOneNonce, a_token, bring, call, received, send, send_to, state_of
from workers.receipts.process import build_app


async def test_of_a_thousand_forged_receipts_none_is_accepted(door: Door) -> None:
    dice = random.Random(7)
    genuine = a_token(door)
    statuses = set()
    for number in range(1000):
        forgeries: list[dict[str, Any]] = [
            {"token": a_token(door, b"x" * 32)},
            {"token": _garbled(genuine, dice)},
            {"token": genuine, "key": b"carrier-b"},
            {"token": genuine, "path": "carrier-b", "key": b"carrier-b"},
            {"token": a_token(door, provider="carrier-x"), "path": "carrier-x"},
        ]
        forged = forgeries[number % len(forgeries)]
        statuses.add(await call(door, "delivered", **forged))

    assert statuses == {401}
    assert not door.kafka.records
    assert await state_of(door) is None


def _garbled(token: str, dice: random.Random) -> str:
    place = dice.randrange(len(token))
    other = dice.choice([letter for letter in "abcXYZ019-_" if letter != token[place]])
    return token[:place] + other + token[place + 1 :]


@pytest.mark.usefixtures("request_")
@pytest.mark.parametrize("token", ["x", "a.b.c.d.e.f.g.h", "%00", "%FF.%FE", "\u20ac" * 8, "." * 7])
async def test_garbage_for_a_token_is_refused(door: Door, token: str) -> None:
    assert await call(door, "delivered", token=token) == 401


@pytest.mark.usefixtures("request_")
async def test_unsigned_receipt_is_refused(door: Door) -> None:
    async with door.client.post(
        f"{door.url}/receipts/carrier-a/{a_token(door)}", json={"state": "delivered"}
    ) as answer:
        assert answer.status == 401

    assert not door.kafka.records


@pytest.mark.usefixtures("request_")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"state":1}', b"[" * 60_000])
async def test_signed_garbage_is_refused_as_such(door: Door, body: bytes) -> None:
    assert await send(door, body, None) == 400


async def test_token_over_three_days_old_is_over(door: Door) -> None:
    token = a_token(door)
    door.clock.move(timedelta(days=3, seconds=1).total_seconds())

    assert await call(door, "delivered", token=token) == 410


async def test_body_over_64_kb_is_refused(door: Door) -> None:
    assert await send(door, b"x" * 65_537, None) == 413


@pytest.mark.usefixtures("request_")
async def test_log_holds_no_token_and_grows_slower_than_a_flood(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    token = a_token(door)
    for _ in range(100):
        await call(door, "delivered", token=token, key=b"forged")

    logged = capfd.readouterr().out
    assert logged.count("receipt.unusual") == 7
    assert not any(secret in logged for secret in (token, token[-10:], NUMBER))


@pytest.mark.usefixtures("request_")
async def test_genuine_receipt_at_the_address_of_another_attempt_is_refused(door: Door) -> None:
    body = orjson.dumps({"id": "m-1", "state": "delivered", "error": None, "reference": a_token(door)})

    assert await send(door, body, a_token(door, number=2)) == 401
    assert received(door) == []


@pytest.mark.usefixtures("request_")
async def test_provider_with_one_address_names_the_attempt_by_its_reference(door: Door) -> None:
    body = orjson.dumps({"id": "m-1", "state": "delivered", "error": None, "reference": a_token(door)})

    assert await send_to(f"{door.url}/receipts/carrier-a", door, body) == 200
    assert await state_of(door) is ReceiptState.DELIVERED


@pytest.mark.parametrize("reference", ["", "not-a-token-of-ours", None])
async def test_genuine_receipt_of_a_message_that_was_never_ours_is_taken_and_changes_nothing(
    door: Door, reference: str | None
) -> None:
    body = orjson.dumps({"id": "m-1", "state": "delivered", "error": None, "reference": reference})

    assert await send_to(f"{door.url}/receipts/carrier-a", door, body) == 200
    assert received(door) == []


@pytest.mark.usefixtures("request_")
async def test_of_several_receipts_one_that_is_wrong_takes_nothing_from_the_others(door: Door) -> None:
    token = a_token(door)
    good = ProviderReceipt(state=ReceiptState.DELIVERED, raw="there", reference=token)
    of_another = ProviderReceipt(state=ReceiptState.DELIVERED, raw="there", reference=a_token(door, number=2))
    of_nobody = ProviderReceipt(state=ReceiptState.UNKNOWN, raw="nameless", reference="")

    assert await bring(door, token, of_another, good, of_nobody) == 200
    assert [(receipt.number, receipt.state) for receipt in received(door)] == [(1, ReceiptState.DELIVERED)]
    assert counts(door.metrics, "otp_callbacks_total") == {("advanced",): 1, ("refused_seal_broken",): 2}


@pytest.mark.usefixtures("request_")
async def test_a_callback_in_which_nothing_is_right_is_refused(door: Door) -> None:
    wrong = ProviderReceipt(state=ReceiptState.DELIVERED, raw="there", reference=a_token(door, number=2))

    assert await bring(door, a_token(door), wrong, wrong) == 401
    assert received(door) == []


async def test_body_that_is_not_what_its_headers_say_is_refused(door: Door) -> None:
    url = f"{door.url}/receipts/carrier-a/{a_token(door)}"
    async with door.client.post(url, data=b"abcde", headers={"Content-Encoding": "gzip"}) as answer:
        assert answer.status == 400


async def test_callback_whose_proof_cannot_be_had_is_to_be_repeated(door: Door) -> None:
    away = OfOneNonce(Unavailable("timeout"))
    async with listening(build_app(door.parts(), {"carrier-a": away})) as door.url:
        assert await send(door, b"", None) == 503

    assert received(door) == []
