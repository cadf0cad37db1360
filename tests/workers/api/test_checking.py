"""Check a code."""

import asyncio
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.message.phone import seal
from pipeline.records import ReceiptState, Verdict, Verification, decode
from tests.workers.doors import BANK, NUMBER, SHOP, Door, listening, opened, settings_for, wrong
from tests.workers.metrics.reading import counts
from tests.workers.relay import relayed
from workers.api.app import build_app
from workers.embedded.valkey import EmbeddedValkey

ID = "request-0123456789"


async def _verify(door: Door, code: Any, request_id: str = ID, headers: dict[str, str] = SHOP) -> tuple[int, bytes]:
    url = f"{door.url}/v1/otp/{request_id}/verify"
    async with door.client.post(url, json={"code": code}, headers=headers) as answer:
        return answer.status, await answer.read()


RIGHT, REFUSED = (200, b'{"verified":true}'), (200, b'{"verified":false}')


async def _verifications(door: Door) -> list[Verification]:
    await door.publisher.drain(5.0)
    return [decode(Verification, value) for value in door.kafka.on("otp.verifications")]


PASTED = ["{code}\n", "\u202a{code}\u202c", "{text}", "\u200b{parted}"]


@pytest.mark.parametrize("entered", PASTED)
async def test_right_code_is_verified_however_it_was_pasted(door: Door, entered: str) -> None:
    code = await door.dispatched(door.request(ID))
    parted = f"{code[:3]}\u2013{code[3:]}"  # by an en dash
    text = f"{code} is your Shop code. Never share it.\n\n@shop.example.com #{code}"

    assert await _verify(door, entered.format(code=code, text=text, parted=parted)) == RIGHT


async def test_right_code_again_within_ten_seconds_is_verified_again_and_told_of_once(door: Door) -> None:
    code = await door.dispatched(door.request(ID))
    answers = [await _verify(door, code)]
    for seconds in (0, 10, 0.001):
        door.clock.move(seconds)
        answers.append(await _verify(door, code))

    assert answers == [RIGHT, RIGHT, RIGHT, REFUSED]
    assert [record.verdict for record in await _verifications(door)] == [Verdict.VERIFIED, Verdict.REFUSED]
    assert counts(door.metrics, "otp_verifications_total")["shop", "repeated"] == 2


async def test_right_code_again_is_not_verified_for_another_caller_nor_a_wrong_one_for_the_same(door: Door) -> None:
    code = await door.dispatched(door.request(ID))
    await _verify(door, code)

    assert await _verify(door, code, ID, BANK) == REFUSED
    assert await _verify(door, wrong(code)) == REFUSED


async def test_right_code_whose_answer_the_store_lost_is_verified_by_its_repeat_and_told_of_once(
    valkey: EmbeddedValkey, prefix: str
) -> None:
    async with (
        relayed(valkey.url) as relay,
        opened(settings_for(relay.url, prefix)) as door,
        listening(build_app(door.parts(), door.queue)) as door.url,
    ):
        code = await door.dispatched(door.request(ID))
        relay.losing = door.store._scripts["consume"].sha.encode()

        assert (await _verify(door, code))[0] == 503
        assert relay.lost.is_set()
        door.clock.move(60)  # as long as the store may have been away
        async with asyncio.timeout(10):
            while (answer := await _verify(door, code))[0] == 503:
                await asyncio.sleep(0.05)

        assert answer == RIGHT
        assert [record.verdict for record in await _verifications(door)] == [Verdict.VERIFIED]


async def test_right_code_a_hundred_times_at_once_is_told_of_once(door: Door) -> None:
    code = await door.dispatched(door.request(ID))

    answers = await asyncio.gather(*(_verify(door, code) for _ in range(100)))

    assert RIGHT in answers
    assert set(answers) <= {RIGHT, REFUSED}
    assert [record.verdict for record in await _verifications(door)].count(Verdict.VERIFIED) == 1


async def test_two_right_codes_at_once_are_both_verified(door: Door) -> None:
    code = await door.dispatched(door.request(ID))

    assert set(await asyncio.gather(_verify(door, code), _verify(door, code))) == {RIGHT}
    assert len(await _verifications(door)) == 1


@pytest.mark.parametrize("entered", [" ", "\u200b", "12345", "1234567", "hello", "x" * 64, "123456 654321"])
async def test_entry_that_is_no_code_costs_no_try_and_is_on_no_topic(door: Door, entered: str) -> None:
    code = await door.dispatched(door.request(ID))

    assert {await _verify(door, entered) for _ in range(6)} == {REFUSED}
    assert await _verify(door, code) == RIGHT
    assert len(await _verifications(door)) == 1
    assert counts(door.metrics, "otp_verifications_total")["shop", "unreadable"] == 6


async def test_right_code_after_five_wrong_ones_is_refused(door: Door) -> None:
    code = await door.dispatched(door.request(ID))
    for _ in range(5):
        await _verify(door, wrong(code))

    assert await _verify(door, code) == REFUSED


async def test_right_code_after_four_wrong_ones_is_verified(door: Door) -> None:
    code = await door.dispatched(door.request(ID))
    for _ in range(4):
        await _verify(door, wrong(code))

    assert await _verify(door, code) == RIGHT


async def test_wrong_expired_used_void_unknown_and_other_callers_codes_get_one_answer(door: Door) -> None:
    codes = {name: await door.dispatched(door.request(f"{name}-0123456789")) for name in ("older", "newer", "used")}
    await _verify(door, codes["used"], "used-0123456789")
    door.clock.move(11)
    expired = await door.dispatched(replace(door.request("expired-0123456789"), purpose="pay"))
    door.clock.move(299)
    other = await door.dispatched(replace(door.request("other-0123456789"), purpose="other"))
    door.clock.move(2)

    answers = {
        await _verify(door, wrong(other), "other-0123456789"),
        await _verify(door, expired, "expired-0123456789"),
        await _verify(door, codes["used"], "used-0123456789"),
        await _verify(door, codes["older"], "older-0123456789"),
        await _verify(door, other, "unknown-0123456789"),
        await _verify(door, other, "%00%0A*"),
        await _verify(door, other, "%FF%ED%A0%80"),
        await _verify(door, other, "x" * 4000),
        await _verify(door, other, "other-0123456789", BANK),
        await _verify(door, "x" * 64, "other-0123456789"),
        await _verify(door, "é", "other-0123456789"),
    }

    assert answers == {REFUSED}


async def _dispatched_own(door: Door, code: str) -> None:
    kid, key = next(iter(door.settings.callers["shop"].seal_keys.items()))
    own = seal(code, caller="shop", request_id=ID, kid=kid, key=key)
    await door.dispatched(replace(door.request(ID), code=own))


@pytest.mark.parametrize("entered", ["Ab7-Xy9", "\u200bAb7 Xy9\n", "Ab7\u2013Xy9"])
async def test_code_of_the_callers_own_is_checked_as_it_is_written_blanks_and_dashes_aside(
    door: Door, entered: str
) -> None:
    await _dispatched_own(door, "Ab7-Xy9")

    assert [await _verify(door, "ab7xy9"), await _verify(door, entered)] == [REFUSED, RIGHT]


async def test_empty_code_of_the_callers_own_matches_nothing(door: Door) -> None:
    await _dispatched_own(door, "- -")

    assert [await _verify(door, "-"), await _verify(door, "123456")] == [REFUSED, REFUSED]


async def test_code_whose_master_key_has_left_the_ring_is_refused(door: Door) -> None:
    code = await door.dispatched(door.request(ID))
    await door.store._client.hset(f"{door.settings.state.prefix}otp:{ID}", "k", "gone")

    assert await _verify(door, code) == REFUSED


@pytest.mark.parametrize("code", [None, 123456, "", "1" * 1025, ["123456"]])
async def test_body_that_is_no_code_is_refused_and_costs_no_try(door: Door, code: Any) -> None:
    right = await door.dispatched(door.request(ID))

    for _ in range(6):
        assert (await _verify(door, code))[0] == 422
    assert await _verify(door, right) == RIGHT


async def test_wiped_state_verifies_nothing(door: Door) -> None:
    request = door.request(ID)
    code = await door.dispatched(request)
    await _verify(door, code)
    await door.store._client.flushdb()
    door.clock.move(1)
    await door.dispatched(request)  # a redelivered record opens the row anew

    assert await _verify(door, code) == REFUSED


async def test_store_away_is_answered_503_and_never_valid(storeless: Door) -> None:
    status, body = await _verify(storeless, "123456")

    assert status == 503
    assert b"verified" not in body


async def test_row_that_cannot_be_read_is_answered_500_and_others_go_on(door: Door) -> None:
    broken, other = replace(door.request("broken-0123456789"), purpose="payment"), door.request(ID)
    codes = [await door.dispatched(broken), await door.dispatched(other)]
    await door.store._client.hset(f"{door.settings.state.prefix}otp:{broken.request_id}", "d", "x")

    status, body = await _verify(door, codes[0], broken.request_id)

    assert status == 500
    assert b"nothing was decided, ask for another code" in body
    assert await _verify(door, codes[1]) == RIGHT


@pytest.mark.processes
async def test_replica_in_place_of_the_store_is_answered_503_and_told_by_readyz(tmp_path: Path, prefix: str) -> None:
    async with (
        EmbeddedValkey(tmp_path) as server,
        opened(settings_for(server.url, prefix)) as door,
        listening(build_app(door.parts(), door.queue)) as door.url,
    ):
        code = await door.dispatched(door.request(ID))
        await door.store._client.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
        for _ in range(10):
            async with door.client.post(f"{door.url}/v1/otp/{ID}/verify", json={"code": code}, headers=SHOP) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            async with door.client.get(f"{door.url}/readyz") as ready:
                assert (await ready.json())["store"] == "away"


async def test_verification_names_the_route_that_brought_the_code(door: Door) -> None:
    code = await door.dispatched(door.request(ID), "carrier-a", "carrier-b")
    await door.receipt_rows.receipt(ID, 2, ReceiptState.DELIVERED, write=True)
    await _verify(door, wrong(code))
    await _verify(door, code)

    refused, verified = await _verifications(door)
    assert (refused.verdict, refused.provider) == (Verdict.REFUSED, None)
    assert (verified.verdict, verified.provider, verified.country) == (Verdict.VERIFIED, "carrier-b", "GB")


async def test_check_of_an_unknown_id_is_on_no_topic(door: Door) -> None:
    await door.dispatched(door.request(ID))
    await _verify(door, "123456", ID, BANK)
    await _verify(door, "123456", "unknown-0123456789")

    assert await _verifications(door) == []


@pytest.mark.parametrize("hangs", [True, False])
async def test_right_code_is_right_while_kafka_is_away(door: Door, *, hangs: bool) -> None:
    door.kafka.available = door.kafka.hangs = hangs
    code = await door.dispatched(door.request(ID))
    started = time.monotonic()

    assert await _verify(door, code) == RIGHT
    assert time.monotonic() - started < 1.0

    door.kafka.hangs = False


async def test_neither_code_nor_number_is_in_any_log_line(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    async with door.client.post(f"{door.url}/v1/otp", json={"to": NUMBER, "purpose": "login"}, headers=SHOP):
        pass
    async with door.client.post(f"{door.url}/v1/otp", json={NUMBER: NUMBER, "purpose": NUMBER}, headers=SHOP):
        pass
    code = await door.dispatched(door.request(ID))
    for entered in (wrong(code), code, code, NUMBER):
        await _verify(door, entered)

    logged = capfd.readouterr().out
    assert "code.checked" in logged
    assert "request.accepted" in logged
    assert not any(secret in logged for secret in (code, wrong(code), NUMBER, NUMBER[1:], "7700"))


@pytest.mark.slow
async def test_time_of_the_answer_does_not_tell_a_known_id_from_an_unknown_one(door: Door) -> None:
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(1000):
        request_id = f"known-{number:010}"
        code = await door.dispatched(replace(door.request(request_id), purpose=f"p{number}"))
        for kind, asked in (("known", request_id), ("unknown", f"other-{number:010}")):
            started = time.perf_counter()
            await _verify(door, wrong(code), asked)
            times[kind].append(time.perf_counter() - started)

    assert abs(median(times["known"]) - median(times["unknown"])) < 0.001


async def test_entered_codes_are_counted_by_what_they_were(door: Door) -> None:
    code = await door.dispatched(door.request(ID))
    door.clock.move(12)
    for entered, request_id in ((wrong(code), ID), (code, ID), (code, "other-0123456789")):
        await _verify(door, entered, request_id)

    told = counts(door.metrics, "otp_verifications_total")
    assert told == {("shop", "refused"): 1, ("shop", "verified"): 1, ("shop", "unknown"): 1}
    assert counts(door.metrics, "otp_codes_in_time_total") == {("GB",): 1}
    assert counts(door.metrics, "otp_accept_to_verified_seconds_sum") == {
        ("GB", "carrier-a"): pytest.approx(12, abs=0.01)
    }
