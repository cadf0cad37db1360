"""Providers' callbacks, on real Valkey and real HTTP, read by the adapter of the simulated carrier."""

import hmac
import random
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, ClassVar

import orjson
import pytest

from pipeline.errors import ProviderError, Unavailable
from pipeline.proof.callback_token import CallbackToken, issue
from pipeline.records import OtpRequest, Receipt, ReceiptState, decode
from pipeline.settings import Secret
from providers import providers_of
from providers.seam import Accepted, Callback, ProviderReceipt, Sms
from tests.workers.doors import NUMBER, Door, listening, opened, settings_for, storeless_door
from tests.workers.metrics.reading import counts
from workers.embedded.valkey import EmbeddedValkey
from workers.receipts.process import build_app

ID = "request-0123456789"


def _app(door: Door) -> Any:
    return build_app(door.parts(), providers_of(door.settings))


@pytest.fixture
async def door(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[Door]:
    async with opened(settings_for(valkey.url, prefix)) as door, listening(_app(door)) as door.url:
        yield door


@pytest.fixture
async def request_(door: Door) -> OtpRequest:
    request = door.request(ID)
    await door.dispatched(request)
    return request


def _token(door: Door, key: bytes = b"t" * 32, **changes: Any) -> str:
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


async def _call(
    door: Door, state: str, *, token: str | None = None, key: bytes = b"carrier-a", path: str = "carrier-a"
) -> int:
    token = token or _token(door)
    body = orjson.dumps({"id": "m-1", "state": state, "error": None, "reference": token})
    return await _send(door, body, token, key, path)


async def _send(door: Door, body: bytes, token: str | None, key: bytes = b"carrier-a", path: str = "carrier-a") -> int:
    return await _send_to(f"{door.url}/receipts/{path}/{token or _token(door)}", door, body, key)


async def _send_to(url: str, door: Door, body: bytes, key: bytes = b"carrier-a") -> int:
    headers = {"X-Carrier-Signature": hmac.digest(key, body, "sha256").hex()}
    async with door.client.post(url, data=body, headers=headers) as answer:
        return answer.status


def _received(door: Door) -> list[Receipt]:
    return [decode(Receipt, value) for value in door.kafka.on("otp.receipts")]


async def _state(door: Door) -> ReceiptState | None:
    row = await door.checks.row(ID, "shop")
    return row.states[1] if row and 1 in row.states else None


@pytest.mark.usefixtures("request_")
async def test_receipt_is_on_the_topic_and_in_the_row(door: Door) -> None:
    assert await _call(door, "delivered") == 200

    (receipt,) = _received(door)
    assert (receipt.request_id, receipt.number, receipt.provider) == (ID, 1, "carrier-a")
    assert (receipt.state, receipt.raw, receipt.message_id) == (ReceiptState.DELIVERED, "delivered", "m-1")
    assert receipt.sent_at == door.clock.now().replace(microsecond=0)
    assert await _state(door) is ReceiptState.DELIVERED


@pytest.mark.usefixtures("request_")
async def test_doubled_and_late_receipts_are_acknowledged_and_change_nothing(door: Door) -> None:
    statuses = [await _call(door, state) for state in ("delivered", "delivered", "undelivered", "enroute", "nonsense")]

    assert statuses == [200] * 5
    assert len(_received(door)) == 1
    assert await _state(door) is ReceiptState.DELIVERED


async def test_receipt_of_a_message_that_was_sent_again_meanwhile_is_on_the_topic_and_in_the_row(door: Door) -> None:
    await door.dispatched(door.request(ID), "carrier-a", "carrier-b")

    assert await _call(door, "delivered", token=_token(door, number=1)) == 200

    (receipt,) = _received(door)
    assert (receipt.number, receipt.provider, receipt.state) == (1, "carrier-a", ReceiptState.DELIVERED)
    assert await _state(door) is ReceiptState.DELIVERED


@pytest.mark.usefixtures("request_")
async def test_unknown_word_is_unknown_and_kept(door: Door) -> None:
    await _call(door, "perhaps")

    (receipt,) = _received(door)
    assert (receipt.state, receipt.raw) == (ReceiptState.UNKNOWN, "perhaps")


@pytest.mark.usefixtures("request_")
async def test_number_that_a_provider_quotes_goes_no_further(door: Door) -> None:
    fields = {"id": "m-1", "state": f"no {NUMBER}", "error": f"cannot reach {NUMBER}", "reference": _token(door)}
    assert await _send(door, orjson.dumps(fields), fields["reference"]) == 200

    (receipt,) = _received(door)
    assert (receipt.raw, receipt.code) == ("no #", "cannot reach #")


async def test_of_a_thousand_forged_receipts_none_is_accepted(door: Door) -> None:
    dice = random.Random(7)
    genuine = _token(door)
    statuses = set()
    for number in range(1000):
        forgeries: list[dict[str, Any]] = [
            {"token": _token(door, b"x" * 32)},
            {"token": _garbled(genuine, dice)},
            {"token": genuine, "key": b"carrier-b"},
            {"token": genuine, "path": "carrier-b", "key": b"carrier-b"},
            {"token": _token(door, provider="carrier-x"), "path": "carrier-x"},
        ]
        forged = forgeries[number % len(forgeries)]
        statuses.add(await _call(door, "delivered", **forged))

    assert statuses == {401}
    assert not door.kafka.records
    assert await _state(door) is None


def _garbled(token: str, dice: random.Random) -> str:
    place = dice.randrange(len(token))
    other = dice.choice([letter for letter in "abcXYZ019-_" if letter != token[place]])
    return token[:place] + other + token[place + 1 :]


@pytest.mark.usefixtures("request_")
@pytest.mark.parametrize("token", ["x", "a.b.c.d.e.f.g.h", "%00", "%FF.%FE", "\u20ac" * 8, "." * 7])
async def test_garbage_for_a_token_is_refused(door: Door, token: str) -> None:
    assert await _call(door, "delivered", token=token) == 401


@pytest.mark.usefixtures("request_")
async def test_unsigned_receipt_is_refused(door: Door) -> None:
    async with door.client.post(f"{door.url}/receipts/carrier-a/{_token(door)}", json={"state": "delivered"}) as answer:
        assert answer.status == 401

    assert not door.kafka.records


@pytest.mark.usefixtures("request_")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"state":1}', b"[" * 60_000])
async def test_signed_garbage_is_refused_as_such(door: Door, body: bytes) -> None:
    assert await _send(door, body, None) == 400


async def test_token_over_three_days_old_is_over(door: Door) -> None:
    token = _token(door)
    door.clock.move(timedelta(days=3, seconds=1).total_seconds())

    assert await _call(door, "delivered", token=token) == 410


async def test_body_over_64_kb_is_refused(door: Door) -> None:
    assert await _send(door, b"x" * 65_537, None) == 413


async def test_receipt_of_an_attempt_that_the_store_has_lost_is_on_the_topic(door: Door) -> None:
    assert await _call(door, "delivered") == 200

    assert len(_received(door)) == 1


async def test_receipt_that_outlived_its_row_is_acknowledged_and_dropped(door: Door) -> None:
    token = _token(door)
    door.clock.move(601)

    assert await _call(door, "delivered", token=token) == 200
    assert not door.kafka.records


@pytest.mark.usefixtures("request_")
async def test_receipt_is_not_acknowledged_while_kafka_is_away(door: Door) -> None:
    door.kafka.hangs = True
    started = time.monotonic()
    refused = await _call(door, "delivered")
    waited = time.monotonic() - started
    unwritten = await _state(door)

    door.kafka.hangs = False
    repeated = await _call(door, "delivered")

    assert (refused, unwritten, repeated) == (503, None, 200)
    assert waited < 2.0
    assert await _state(door) is ReceiptState.DELIVERED


async def test_receipt_is_on_the_topic_while_the_store_is_away(prefix: str) -> None:
    async with storeless_door(prefix) as door, listening(_app(door)) as door.url:
        assert await _call(door, "delivered") == 200

        assert len(_received(door)) == 1


@pytest.mark.usefixtures("request_")
async def test_log_holds_no_token_and_grows_slower_than_a_flood(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    token = _token(door)
    for _ in range(100):
        await _call(door, "delivered", token=token, key=b"forged")

    logged = capfd.readouterr().out
    assert logged.count("receipt.unusual") == 7
    assert not any(secret in logged for secret in (token, token[-10:], NUMBER))


@pytest.mark.usefixtures("request_")
async def test_genuine_receipt_at_the_address_of_another_attempt_is_refused(door: Door) -> None:
    body = orjson.dumps({"id": "m-1", "state": "delivered", "error": None, "reference": _token(door)})

    assert await _send(door, body, _token(door, number=2)) == 401
    assert _received(door) == []


@pytest.mark.usefixtures("request_")
async def test_provider_with_one_address_names_the_attempt_by_its_reference(door: Door) -> None:
    body = orjson.dumps({"id": "m-1", "state": "delivered", "error": None, "reference": _token(door)})

    assert await _send_to(f"{door.url}/receipts/carrier-a", door, body) == 200
    assert await _state(door) is ReceiptState.DELIVERED


@pytest.mark.parametrize("reference", ["", "not-a-token-of-ours", None])
async def test_genuine_receipt_of_a_message_that_was_never_ours_is_taken_and_changes_nothing(
    door: Door, reference: str | None
) -> None:
    body = orjson.dumps({"id": "m-1", "state": "delivered", "error": None, "reference": reference})

    assert await _send_to(f"{door.url}/receipts/carrier-a", door, body) == 200
    assert _received(door) == []


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


async def _callback(door: Door, token: str, *receipts: ProviderReceipt) -> int:
    """Bring a callback with these receipts; whose they are is in them, or in the address alone."""
    async with listening(build_app(door.parts(), {"carrier-a": OfMany(*receipts)})) as url:
        return await _send_to(f"{url}/receipts/carrier-a/{token}", door, b"")


@pytest.mark.usefixtures("request_")
async def test_of_several_receipts_one_that_is_wrong_takes_nothing_from_the_others(door: Door) -> None:
    token = _token(door)
    good = ProviderReceipt(state=ReceiptState.DELIVERED, raw="there", reference=token)
    of_another = ProviderReceipt(state=ReceiptState.DELIVERED, raw="there", reference=_token(door, number=2))
    of_nobody = ProviderReceipt(state=ReceiptState.UNKNOWN, raw="nameless", reference="")

    assert await _callback(door, token, of_another, good, of_nobody) == 200
    assert [(receipt.number, receipt.state) for receipt in _received(door)] == [(1, ReceiptState.DELIVERED)]
    assert counts(door.metrics, "otp_callbacks_total") == {("advanced",): 1, ("refused_seal_broken",): 2}


@pytest.mark.usefixtures("request_")
async def test_a_callback_in_which_nothing_is_right_is_refused(door: Door) -> None:
    wrong = ProviderReceipt(state=ReceiptState.DELIVERED, raw="there", reference=_token(door, number=2))

    assert await _callback(door, _token(door), wrong, wrong) == 401
    assert _received(door) == []


def _part(number: int, parts: int, state: ReceiptState = ReceiptState.DELIVERED) -> ProviderReceipt:
    return ProviderReceipt(state=state, raw="part", part=(number, parts))


@pytest.mark.usefixtures("request_")
async def test_a_message_of_two_parts_has_arrived_when_both_have(door: Door) -> None:
    token = _token(door)
    assert await _callback(door, token, _part(2, 2)) == 200
    half = await _state(door)
    assert await _callback(door, token, _part(2, 2)) == 200  # again, which is not the other one
    still = await _state(door)
    assert await _callback(door, token, _part(1, 2)) == 200

    assert (half, still, await _state(door)) == (ReceiptState.ENROUTE, ReceiptState.ENROUTE, ReceiptState.DELIVERED)
    assert [receipt.state for receipt in _received(door)] == [ReceiptState.ENROUTE, ReceiptState.DELIVERED]
    assert counts(door.metrics, "otp_codes_in_time_total") == {("GB",): 1}


@pytest.mark.usefixtures("request_")
async def test_a_message_of_which_one_part_failed_has_failed(door: Door) -> None:
    token = _token(door)
    for part in (_part(1, 2), _part(2, 2, ReceiptState.UNDELIVERABLE), _part(1, 2)):
        assert await _callback(door, token, part) == 200

    assert await _state(door) is ReceiptState.UNDELIVERABLE
    assert [receipt.state for receipt in _received(door)] == [ReceiptState.ENROUTE, ReceiptState.UNDELIVERABLE]


async def test_without_the_store_the_last_part_speaks_for_the_message(prefix: str) -> None:
    async with storeless_door(prefix) as door:
        for number in (1, 2):
            assert await _callback(door, _token(door), _part(number, 2)) == 200

        assert [receipt.state for receipt in _received(door)] == [ReceiptState.ENROUTE, ReceiptState.DELIVERED]


def _late(nonce: str, state: ReceiptState = ReceiptState.DELIVERED) -> ProviderReceipt:
    return ProviderReceipt(state=state, raw="late", nonce=nonce)


async def test_a_receipt_repeated_after_a_long_outage_of_ours_counts_once_by_its_nonce(door: Door) -> None:
    token = _token(door)
    for after_s, nonces in ((4 * 3600, ["n-1", "n-1", "n-2"]), (60 * 3600, ["n-2", "n-1", "n-3"])):
        door.clock.move(after_s)
        for nonce in nonces:
            assert await _callback(door, token, _late(nonce)) == 200

    assert len(_received(door)) == 3  # n-1, n-2 and, after 64 hours, n-3: no copy of any


async def test_what_was_only_on_its_way_tells_nothing_once_its_code_is_over(door: Door) -> None:
    token = _token(door)
    door.clock.move(601)

    assert await _callback(door, token, _late("n-1", ReceiptState.ENROUTE)) == 200
    assert not door.kafka.records


@pytest.mark.parametrize(
    ("state", "seconds"), [(ReceiptState.DELIVERED, 3 * 86_400 - 60), (ReceiptState.ENROUTE, 600 - 60)]
)
@pytest.mark.usefixtures("request_")
async def test_a_nonce_is_remembered_for_as_long_as_a_replay_could_count(
    door: Door, state: ReceiptState, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives: list[timedelta] = []
    use_nonce = door.checks.use_nonce

    async def noted(provider: str, nonce: str, life: timedelta) -> None:
        lives.append(life)
        await use_nonce(provider, nonce, life)

    monkeypatch.setattr(door.checks, "use_nonce", noted)
    token = _token(door)
    door.clock.move(60)
    for _ in range(2):
        assert await _callback(door, token, _late("n-1", state)) == 200

    (life,) = lives
    assert life.total_seconds() == pytest.approx(seconds, abs=30)  # a token has whole seconds, and the test takes some
    assert len(_received(door)) == 1


@pytest.mark.usefixtures("request_")
async def test_an_empty_nonce_is_none(door: Door) -> None:
    for state in (ReceiptState.ENROUTE, ReceiptState.DELIVERED):
        assert await _callback(door, _token(door), _late("", state)) == 200

    assert await _state(door) is ReceiptState.DELIVERED


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


async def test_callback_that_comes_again_under_its_nonce_is_taken_once(door: Door) -> None:
    async with listening(build_app(door.parts(), {"carrier-a": OfOneNonce()})) as door.url:
        answers = [await _send(door, b"", None) for _ in range(3)]

    assert answers == [200, 200, 200]
    assert len(_received(door)) == 1  # without a row nothing else would tell them apart


@pytest.mark.usefixtures("request_")
async def test_nonce_of_a_receipt_that_says_nothing_new_is_used_up_too(door: Door) -> None:
    assert await _call(door, "enroute") == 200
    provider = OfOneNonce()
    async with listening(build_app(door.parts(), {"carrier-a": provider})) as door.url:
        assert await _send(door, b"", None) == 200
        assert await door.checks.nonce_is_used("carrier-a", "n-1")


async def test_body_that_is_not_what_its_headers_say_is_refused(door: Door) -> None:
    url = f"{door.url}/receipts/carrier-a/{_token(door)}"
    async with door.client.post(url, data=b"abcde", headers={"Content-Encoding": "gzip"}) as answer:
        assert answer.status == 400


async def test_callback_whose_proof_cannot_be_had_is_to_be_repeated(door: Door) -> None:
    away = OfOneNonce(Unavailable("timeout"))
    async with listening(build_app(door.parts(), {"carrier-a": away})) as door.url:
        assert await _send(door, b"", None) == 503

    assert _received(door) == []


async def test_receipts_are_counted_and_timed_from_the_acceptance_of_their_code(
    door: Door, request_: OtpRequest
) -> None:
    door.clock.move(7)
    await _call(door, "delivered")
    await _call(door, "delivered")
    await _call(door, "delivered", key=b"forged")

    assert request_.request_id == ID
    assert counts(door.metrics, "otp_receipts_total") == {("GB", "carrier-a", "DELIVERED"): 1}
    assert counts(door.metrics, "otp_codes_in_time_total") == {("GB",): 1}
    assert counts(door.metrics, "otp_accept_to_receipt_seconds_sum") == {
        ("GB", "carrier-a"): pytest.approx(7, abs=0.01)
    }
    assert counts(door.metrics, "otp_callbacks_total") == {
        ("advanced",): 1,
        ("known",): 1,
        ("refused_seal_broken",): 1,
    }
