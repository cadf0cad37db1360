"""What receipts change: the topic, the row, the metrics; on real Valkey and real HTTP."""

import time
from datetime import timedelta

import orjson
import pytest

from pipeline.records import OtpRequest, ReceiptState
from providers.seam import ProviderReceipt
from tests.workers.doors import NUMBER, Door, listening, storeless_door
from tests.workers.metrics.reading import counts
from tests.workers.receipts.callbacks import ID, OfOneNonce, a_token, app, bring, call, received, send, state_of
from workers.receipts.process import build_app


@pytest.mark.usefixtures("request_")
async def test_receipt_is_on_the_topic_and_in_the_row(door: Door) -> None:
    assert await call(door, "delivered") == 200

    (receipt,) = received(door)
    assert (receipt.request_id, receipt.number, receipt.provider) == (ID, 1, "carrier-a")
    assert (receipt.state, receipt.raw, receipt.message_id) == (ReceiptState.DELIVERED, "delivered", "m-1")
    assert receipt.sent_at == door.clock.now().replace(microsecond=0)
    assert await state_of(door) is ReceiptState.DELIVERED


@pytest.mark.usefixtures("request_")
async def test_doubled_and_late_receipts_are_acknowledged_and_change_nothing(door: Door) -> None:
    statuses = [await call(door, state) for state in ("delivered", "delivered", "undelivered", "enroute", "nonsense")]

    assert statuses == [200] * 5
    assert len(received(door)) == 1
    assert await state_of(door) is ReceiptState.DELIVERED


async def test_receipt_of_a_message_that_was_sent_again_meanwhile_is_on_the_topic_and_in_the_row(door: Door) -> None:
    await door.dispatched(door.request(ID), "carrier-a", "carrier-b")

    assert await call(door, "delivered", token=a_token(door, number=1)) == 200

    (receipt,) = received(door)
    assert (receipt.number, receipt.provider, receipt.state) == (1, "carrier-a", ReceiptState.DELIVERED)
    assert await state_of(door) is ReceiptState.DELIVERED


@pytest.mark.usefixtures("request_")
async def test_unknown_word_is_unknown_and_kept(door: Door) -> None:
    await call(door, "perhaps")

    (receipt,) = received(door)
    assert (receipt.state, receipt.raw) == (ReceiptState.UNKNOWN, "perhaps")


@pytest.mark.usefixtures("request_")
async def test_number_that_a_provider_quotes_goes_no_further(door: Door) -> None:
    fields = {"id": "m-1", "state": f"no {NUMBER}", "error": f"cannot reach {NUMBER}", "reference": a_token(door)}
    assert await send(door, orjson.dumps(fields), fields["reference"]) == 200

    (receipt,) = received(door)
    assert (receipt.raw, receipt.code) == ("no #", "cannot reach #")


async def test_receipt_of_an_attempt_that_the_store_has_lost_is_on_the_topic(door: Door) -> None:
    assert await call(door, "delivered") == 200

    assert len(received(door)) == 1


async def test_receipt_that_outlived_its_row_is_acknowledged_and_dropped(door: Door) -> None:
    token = a_token(door)
    door.clock.move(601)

    assert await call(door, "delivered", token=token) == 200
    assert not door.kafka.records


@pytest.mark.usefixtures("request_")
async def test_receipt_is_not_acknowledged_while_kafka_is_away(door: Door) -> None:
    door.kafka.hangs = True
    started = time.monotonic()
    refused = await call(door, "delivered")
    waited = time.monotonic() - started
    unwritten = await state_of(door)

    door.kafka.hangs = False
    repeated = await call(door, "delivered")

    assert (refused, unwritten, repeated) == (503, None, 200)
    assert waited < 2.0
    assert await state_of(door) is ReceiptState.DELIVERED


async def test_receipt_is_on_the_topic_while_the_store_is_away(prefix: str) -> None:
    async with storeless_door(prefix) as door, listening(app(door)) as door.url:
        assert await call(door, "delivered") == 200

        assert len(received(door)) == 1


def _part(number: int, parts: int, state: ReceiptState = ReceiptState.DELIVERED) -> ProviderReceipt:
    return ProviderReceipt(state=state, raw="part", part=(number, parts))


@pytest.mark.usefixtures("request_")
async def test_a_message_of_two_parts_has_arrived_when_both_have(door: Door) -> None:
    token = a_token(door)
    assert await bring(door, token, _part(2, 2)) == 200
    half = await state_of(door)
    assert await bring(door, token, _part(2, 2)) == 200  # again, which is not the other one
    still = await state_of(door)
    assert await bring(door, token, _part(1, 2)) == 200

    assert (half, still, await state_of(door)) == (ReceiptState.ENROUTE, ReceiptState.ENROUTE, ReceiptState.DELIVERED)
    assert [receipt.state for receipt in received(door)] == [ReceiptState.ENROUTE, ReceiptState.DELIVERED]
    assert counts(door.metrics, "otp_codes_in_time_total") == {("GB",): 1}


@pytest.mark.usefixtures("request_")
async def test_a_message_of_which_one_part_failed_has_failed(door: Door) -> None:
    token = a_token(door)
    for part in (_part(1, 2), _part(2, 2, ReceiptState.UNDELIVERABLE), _part(1, 2)):
        assert await bring(door, token, part) == 200

    assert await state_of(door) is ReceiptState.UNDELIVERABLE
    assert [receipt.state for receipt in received(door)] == [ReceiptState.ENROUTE, ReceiptState.UNDELIVERABLE]


async def test_without_the_store_the_last_part_speaks_for_the_message(prefix: str) -> None:
    async with storeless_door(prefix) as door:
        for number in (1, 2):
            assert await bring(door, a_token(door), _part(number, 2)) == 200

        assert [receipt.state for receipt in received(door)] == [ReceiptState.ENROUTE, ReceiptState.DELIVERED]


def _late(nonce: str, state: ReceiptState = ReceiptState.DELIVERED) -> ProviderReceipt:
    return ProviderReceipt(state=state, raw="late", nonce=nonce)


async def test_a_receipt_repeated_after_a_long_outage_of_ours_counts_once_by_its_nonce(door: Door) -> None:
    token = a_token(door)
    for after_s, nonces in ((4 * 3600, ["n-1", "n-1", "n-2"]), (60 * 3600, ["n-2", "n-1", "n-3"])):
        door.clock.move(after_s)
        for nonce in nonces:
            assert await bring(door, token, _late(nonce)) == 200

    assert len(received(door)) == 3  # n-1, n-2 and, after 64 hours, n-3: no copy of any


async def test_what_was_only_on_its_way_tells_nothing_once_its_code_is_over(door: Door) -> None:
    token = a_token(door)
    door.clock.move(601)

    assert await bring(door, token, _late("n-1", ReceiptState.ENROUTE)) == 200
    assert not door.kafka.records


@pytest.mark.parametrize(
    ("state", "seconds"), [(ReceiptState.DELIVERED, 3 * 86_400 - 60), (ReceiptState.ENROUTE, 600 - 60)]
)
@pytest.mark.usefixtures("request_")
async def test_a_nonce_is_remembered_for_as_long_as_a_replay_could_count(
    door: Door, state: ReceiptState, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives: list[timedelta] = []
    use_nonce = door.receipt_rows.use_nonce

    async def noted(provider: str, nonce: str, life: timedelta) -> None:
        lives.append(life)
        await use_nonce(provider, nonce, life)

    monkeypatch.setattr(door.receipt_rows, "use_nonce", noted)
    token = a_token(door)
    door.clock.move(60)
    for _ in range(2):
        assert await bring(door, token, _late("n-1", state)) == 200

    (life,) = lives
    assert life.total_seconds() == pytest.approx(seconds, abs=30)  # a token has whole seconds, and the test takes some
    assert len(received(door)) == 1


@pytest.mark.usefixtures("request_")
async def test_an_empty_nonce_is_none(door: Door) -> None:
    for state in (ReceiptState.ENROUTE, ReceiptState.DELIVERED):
        assert await bring(door, a_token(door), _late("", state)) == 200

    assert await state_of(door) is ReceiptState.DELIVERED


async def test_callback_that_comes_again_under_its_nonce_is_taken_once(door: Door) -> None:
    async with listening(build_app(door.parts(), {"carrier-a": OfOneNonce()})) as door.url:
        answers = [await send(door, b"", None) for _ in range(3)]

    assert answers == [200, 200, 200]
    assert len(received(door)) == 1  # without a row nothing else would tell them apart


@pytest.mark.usefixtures("request_")
async def test_nonce_of_a_receipt_that_says_nothing_new_is_used_up_too(door: Door) -> None:
    assert await call(door, "enroute") == 200
    provider = OfOneNonce()
    async with listening(build_app(door.parts(), {"carrier-a": provider})) as door.url:
        assert await send(door, b"", None) == 200
        assert await door.receipt_rows.nonce_is_used("carrier-a", "n-1")


async def test_receipts_are_counted_and_timed_from_the_acceptance_of_their_code(
    door: Door, request_: OtpRequest
) -> None:
    door.clock.move(7)
    await call(door, "delivered")
    await call(door, "delivered")
    await call(door, "delivered", key=b"forged")

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
