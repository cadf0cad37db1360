"""Ask for a code, and ask again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import orjson
import pytest
from yarl import URL

from pipeline.message.phone import unseal
from pipeline.records import OtpRequest, decode
from tests.workers.doors import BANK, NUMBER, SHOP, Door
from workers.web.problems import ProblemType

GOOD = {"to": NUMBER, "purpose": "login"}


async def _ask(door: Door, body: Any = None, **headers: str) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    async with door.client.post(f"{door.url}/v1/otp", json=body or GOOD, headers=SHOP | headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


async def _post(door: Door, path: str, headers: Mapping[str, str] = SHOP, **more: Any) -> tuple[int, Any, Any]:
    async with door.client.post(f"{door.url}{path}", headers=headers, **more) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


def _requests(door: Door) -> list[OtpRequest]:
    return [decode(OtpRequest, value) for value in door.kafka.on("otp.requests")]


async def test_accepted_request_is_on_the_topic_with_its_number_sealed(door: Door) -> None:
    status, body, _ = await _ask(door, GOOD | {"locale": "de", "ttl_s": 120})

    (request,) = _requests(door)
    keys = door.settings.callers["shop"].seal_keys
    assert (status, body["request_id"], body["resend_after_s"]) == (202, request.request_id, 30)
    assert unseal(request.to, caller="shop", request_id=request.request_id, keys=keys) == NUMBER
    assert (request.caller, request.purpose, request.locale, request.resend) == ("shop", "login", "de", 0)
    assert request.issued_at == door.clock.now()
    assert request.expires_at == door.clock.now() + timedelta(seconds=120)


async def test_number_goes_on_in_its_normal_form_and_a_repeat_may_write_it_in_another(door: Door) -> None:
    answers = [
        await _ask(door, {"to": to, "purpose": "login"}, **{"Idempotency-Key": "order-1"})
        for to in ("+4407700900123", NUMBER)
    ]

    keys = door.settings.callers["shop"].seal_keys
    assert [status for status, _, _ in answers] == [202, 202]
    for request in _requests(door):
        assert unseal(request.to, caller="shop", request_id=request.request_id, keys=keys) == NUMBER


@pytest.mark.parametrize("number", ["+449098790000", "+19005550123", "+37190012345"])
async def test_premium_rate_number_is_refused_and_the_setting_named(door: Door, number: str) -> None:
    status, problem, _ = await _ask(door, {"to": number, "purpose": "login"})

    assert (status, problem["field"]) == (422, "to")
    assert "otp.premium_numbers" in problem["detail"]
    assert not door.kafka.records


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"\xff", 400, None),
        (b"[" * 30_000, 400, None),
        (b"[]", 422, None),
        (b"null", 422, None),
        (b"{}", 422, "to"),
        (b'{"purpose":"login"}', 422, "to"),
        (b'{"to":null,"purpose":"login"}', 422, "to"),
        (b'{"to":447700900123,"purpose":"login"}', 422, "to"),
        (b'{"to":"447700900123","purpose":"login"}', 422, "to"),
        (b'{"to":"+44 7700 900123","purpose":"login"}', 422, "to"),
        (b'{"to":"+447700900123\\n","purpose":"login"}', 422, "to"),
        (b'{"to":"+4477","purpose":"login"}', 422, "to"),
        (b'{"to":"+1000000","purpose":"login"}', 422, "to"),
        (b'{"to":"+447700900123"}', 422, "purpose"),
        (b'{"to":"+447700900123","purpose":"a b"}', 422, "purpose"),
        (b'{"to":"+447700900123","purpose":"login","locale":"x"}', 422, "locale"),
        (b'{"to":"+447700900123","purpose":"login","locale":"en' + b"-aaaaaaaa" * 4 + b'"}', 422, "locale"),
        (b'{"to":"+447700900123","purpose":"login","ttl_s":601}', 422, "ttl_s"),
        (b'{"to":"+447700900123","purpose":"login","ttl_s":0}', 422, "ttl_s"),
        (b'{"to":"+447700900123","purpose":"login","ttl_s":"60"}', 422, "ttl_s"),
        (b'{"to":"+447700900123","purpose":"login","code":"123456"}', 422, "code"),
        (b'{"to":"+447700900123","purpose":"login","+447700900123":1}', 422, None),
        (b'{"to":"' + b"1" * 65_536 + b'"}', 413, None),
    ],
)
async def test_bad_body_is_refused_with_the_field_named_and_not_repeated(
    door: Door, body: bytes, status: int, field: str | None
) -> None:
    answered, problem, headers = await _post(door, "/v1/otp", data=body)

    assert (answered, problem["status"], problem.get("field")) == (status, status, field)
    assert headers["Content-Type"].startswith("application/problem+json")
    assert "7700" not in str(problem).replace("such as +447700900123", "")
    assert not door.kafka.records


async def test_what_is_null_is_read_as_what_is_not_there(door: Door) -> None:
    status, _, _ = await _ask(door, GOOD | {"locale": None, "ttl_s": None})

    (request,) = _requests(door)
    assert (status, request.locale, request.expires_at - request.issued_at) == (202, "en", timedelta(seconds=300))


@pytest.mark.parametrize("key", ["", "Bearer", "Bearer wrong", "Basic shop-key", "Bearer shop-key x", "Bearer \xe9"])
@pytest.mark.parametrize("path", ["", "/some-request/resend", "/some-request/verify"])
async def test_without_a_callers_key_nothing_is_done(door: Door, key: str, path: str) -> None:
    status, problem, headers = await _post(door, f"/v1/otp{path}", {"Authorization": key}, json=GOOD)

    assert (status, problem["status"], headers["WWW-Authenticate"]) == (401, 401, "Bearer")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [("GET", "/nothing", 404, None), ("PUT", "/v1/otp", 405, "POST"), ("DELETE", "/v1/otp/x", 405, "GET")],
)
async def test_what_aiohttp_refuses_is_a_problem_document_too(
    door: Door, method: str, path: str, status: int, allow: str | None
) -> None:
    async with door.client.request(method, door.url + path) as answer:
        problem = await answer.json(content_type="application/problem+json")

    assert (answer.status, problem["status"], answer.headers.get("Allow")) == (status, status, allow)


async def test_kafka_known_to_be_away_is_answered_at_once(door: Door) -> None:
    door.kafka.available = False
    started = time.monotonic()

    status, _, headers = await _ask(door)

    assert (status, headers["Retry-After"]) == (503, "1")
    assert time.monotonic() - started < 0.5


async def test_nothing_is_accepted_while_requests_wait_for_a_fifth_of_a_life(door: Door) -> None:
    door.queue.age_s = 61.5

    async with door.client.post(f"{door.url}/v1/otp", json=GOOD, headers=SHOP) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")

    assert not door.kafka.records


async def test_kafka_that_does_not_acknowledge_is_answered_within_two_seconds(door: Door) -> None:
    door.kafka.hangs = True
    started = time.monotonic()

    status, problem, _ = await _ask(door)

    assert status == 503
    assert "unknown" in problem["detail"]
    assert time.monotonic() - started < 2.0


async def test_repeat_under_the_same_key_gives_the_same_answer_and_record(door: Door) -> None:
    first = await _ask(door, **{"Idempotency-Key": "order-1"})
    door.clock.move(5)
    second = await _ask(door, **{"Idempotency-Key": "order-1"})

    one, other = _requests(door)
    assert (first[0], second[0], first[1]) == (202, 202, second[1])
    assert (one.request_id, one.issued_at, one.expires_at) == (other.request_id, other.issued_at, other.expires_at)


async def test_hundred_repeats_at_once_are_one_request(door: Door) -> None:
    answers = await asyncio.gather(*(_ask(door, **{"Idempotency-Key": "order-1"}) for _ in range(100)))

    assert {status for status, _, _ in answers} == {202}
    assert len({(request.request_id, request.issued_at) for request in _requests(door)}) == 1


async def test_same_key_with_another_body_is_refused(door: Door) -> None:
    await _ask(door, **{"Idempotency-Key": "order-1"})

    status, problem, _ = await _ask(door, GOOD | {"ttl_s": 60}, **{"Idempotency-Key": "order-1"})

    assert (status, problem["field"], problem["type"]) == (422, "Idempotency-Key", ProblemType.KEY_REUSED)
    assert len(_requests(door)) == 1


async def test_two_idempotency_keys_are_refused(door: Door) -> None:
    headers = [*SHOP.items(), ("Idempotency-Key", "order-1"), ("Idempotency-Key", "order-2")]
    async with door.client.post(f"{door.url}/v1/otp", json=GOOD, headers=headers) as answer:
        problem = await answer.json(content_type=None)

    assert (answer.status, problem["field"]) == (422, "Idempotency-Key")
    assert not door.kafka.records


async def test_body_that_begins_with_a_byte_order_mark_is_read(door: Door) -> None:
    status, _, _ = await _post(door, "/v1/otp", data=b"\xef\xbb\xbf" + orjson.dumps(GOOD))

    assert status == 202


async def test_same_key_of_another_caller_is_another_request(door: Door) -> None:
    await _post(door, "/v1/otp", SHOP | {"Idempotency-Key": "order-1"}, json=GOOD)
    await _post(door, "/v1/otp", BANK | {"Idempotency-Key": "order-1"}, json=GOOD)

    one, other = _requests(door)
    assert one.request_id != other.request_id


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "\xe9"])
async def test_unusable_idempotency_key_is_refused(door: Door, key: str) -> None:
    status, problem, _ = await _ask(door, **{"Idempotency-Key": key})

    assert (status, problem["field"]) == (422, "Idempotency-Key")


async def test_codes_are_to_be_had_without_the_store_and_repeats_keep_their_id(storeless: Door) -> None:
    answers = [await _ask(storeless, **{"Idempotency-Key": "order-1"}) for _ in range(2)]

    assert [status for status, _, _ in answers] == [202, 202]
    assert len({request.request_id for request in _requests(storeless)}) == 1


async def test_wish_for_another_message_is_the_next_attempt_of_the_same_request(door: Door) -> None:
    request = door.request("request-0123456789")
    await door.dispatched(request)
    door.clock.move(30)

    status, body, _ = await _post(door, "/v1/otp/request-0123456789/resend")

    (again,) = _requests(door)
    assert (status, body["request_id"], again.resend) == (202, request.request_id, 1)
    assert (again.to, again.issued_at, again.expires_at) == (request.to, request.issued_at, request.expires_at)


async def test_wish_too_soon_is_told_when_to_come_again(door: Door) -> None:
    await door.dispatched(door.request("request-0123456789"))
    door.clock.move(29.5)

    status, problem, headers = await _post(door, "/v1/otp/request-0123456789/resend")

    assert (status, problem["type"], headers["Retry-After"]) == (409, ProblemType.TOO_SOON, "1")


async def _too_late(door: Door) -> None:
    await door.dispatched(door.request("request-0123456789"))
    door.clock.move(181)


async def _superseded(door: Door) -> None:
    await door.dispatched(door.request("request-0123456789"))
    door.clock.move(1)
    await door.dispatched(door.request("newer-0123456789"))


async def _verified(door: Door) -> None:
    code = await door.dispatched(door.request("request-0123456789"))
    await _post(door, "/v1/otp/request-0123456789/verify", json={"code": code})


async def _out_of_attempts(door: Door) -> None:
    await door.dispatched(door.request("request-0123456789"), *["carrier-a"] * 5)


@pytest.mark.parametrize(
    ("happens", "kind"),
    [
        (_too_late, ProblemType.TOO_LATE),
        (_superseded, ProblemType.SUPERSEDED),
        (_verified, ProblemType.VERIFIED),
        (_out_of_attempts, ProblemType.OUT_OF_ATTEMPTS),
    ],
)
async def test_wish_that_cannot_be_fulfilled_is_told_why_in_words_for_programs(
    door: Door, happens: Callable[[Door], Awaitable[None]], kind: ProblemType
) -> None:
    await happens(door)

    status, problem, _ = await _post(door, "/v1/otp/request-0123456789/resend")

    assert (status, problem["type"]) == (410, kind)
    assert "make a new request" in problem["detail"]


async def test_wish_for_another_callers_request_is_answered_like_one_for_none(door: Door) -> None:
    await door.dispatched(door.request("request-0123456789"))

    theirs = await _post(door, "/v1/otp/request-0123456789/resend", BANK)
    nobodys = await _post(door, "/v1/otp/unknown-0123456789/resend", BANK)

    assert theirs[:2] == nobodys[:2]
    assert theirs[0] == 404


async def test_wish_is_not_noted_while_kafka_is_known_to_be_away(door: Door) -> None:
    await door.dispatched(door.request("request-0123456789"))
    door.clock.move(30)
    door.kafka.available = False
    refused, _, _ = await _post(door, "/v1/otp/request-0123456789/resend")

    door.kafka.available = True
    status, _, _ = await _post(door, "/v1/otp/request-0123456789/resend")

    assert (refused, status) == (503, 202)


@pytest.mark.slow
async def test_body_that_does_not_arrive_is_given_up_after_five_seconds(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(door.url).port)
    head = "POST /v1/otp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer shop-key\r\nContent-Length: 50\r\n\r\n{"
    writer.write(head.encode())
    started = time.monotonic()

    answer = await reader.readline()

    assert b" 408 " in answer
    assert 4.5 < time.monotonic() - started < 6.0
    writer.close()
    await writer.wait_closed()
