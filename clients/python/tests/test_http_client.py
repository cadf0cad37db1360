"""What is sent over HTTP, and what is made of the answers."""

import logging
import traceback
from datetime import UTC, datetime

import pytest
from scripted import ACCEPTED, CUT, Scripted, answering, problem

from ithaca_otp import Accepted, Failed, HttpClient, Invalid, NotFound, Over, ProblemType, Refused, TooSoon, Unavailable

NUMBER, CODE, KEY = "+447700900123", "739204", "the-api-key"
GOOD = Scripted(status=202, body=ACCEPTED)
TIMELINE = {
    "request_id": "k3v0Yp7mS1qXb2R8wZ5tNA",
    "state": "verified",
    "issued_at": "2026-01-02T03:04:05Z",
    "expires_at": "2026-01-02T03:09:05.5Z",
    "verified_at": None,
    "attempts": [
        {
            "number": 1,
            "provider": "carrier-a",
            "trigger": "first",
            "outcome": "accepted",
            "at": "2026-01-02T03:04:05Z",
            "receipt": None,
        }
    ],
}


async def test_ask_sends_what_was_given_and_nothing_else() -> None:
    async with answering(GOOD) as server, HttpClient(server.url, KEY) as client:
        accepted = await client.ask(NUMBER, purpose="login")
        await client.ask(NUMBER, purpose="login", locale="de", ttl_s=120)

    plain, full = server.asked
    assert (plain.method, plain.path, plain.headers["Authorization"]) == ("POST", "/v1/otp", f"Bearer {KEY}")
    assert plain.body == {"to": NUMBER, "purpose": "login"}
    assert full.body == plain.body | {"locale": "de", "ttl_s": 120}
    expires_at = datetime(2026, 1, 2, 3, 9, 5, tzinfo=UTC)
    assert accepted == Accepted(request_id="k3v0Yp7mS1qXb2R8wZ5tNA", expires_at=expires_at, resend_after_s=30)


async def test_every_ask_has_an_idempotency_key_of_its_own_or_the_one_that_is_given() -> None:
    async with answering(GOOD) as server, HttpClient(server.url, KEY) as client:
        for given in (None, None, "mine"):
            await client.ask(NUMBER, purpose="login", idempotency_key=given)

    first, second, third = (asked.headers["Idempotency-Key"] for asked in server.asked)
    assert len({first, second}) == 2
    assert third == "mine"


async def test_address_may_have_a_path_of_its_own_and_an_id_cannot_leave_its_place() -> None:
    async with answering(GOOD) as server, HttpClient(f"{server.url}/otp/", KEY) as client:
        await client.resend("a/b?c")

    assert [asked.path for asked in server.asked] == ["/otp/v1/otp/a%2Fb%3Fc/resend"]


@pytest.mark.parametrize("verified", [True, False])
async def test_verify_tells_what_the_api_says(verified: bool) -> None:  # noqa: FBT001 - what is told
    answer = Scripted(status=200, body={"verified": verified})
    async with answering(answer) as server, HttpClient(server.url, KEY) as client:
        assert await client.verify("id", f" {CODE[:3]}-{CODE[3:]}") is verified

    assert (server.asked[0].path, server.asked[0].body) == ("/v1/otp/id/verify", {"code": " 739-204"})


async def test_status_gives_the_timeline() -> None:
    answer = Scripted(status=200, body=TIMELINE)
    async with answering(answer) as server, HttpClient(server.url, KEY) as client:
        timeline = await client.status("id")

    assert (server.asked[0].method, server.asked[0].path) == ("GET", "/v1/otp/id")
    assert (timeline.state, timeline.verified_at, timeline.attempts[0].provider) == ("verified", None, "carrier-a")
    assert timeline.expires_at == datetime(2026, 1, 2, 3, 9, 5, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "undecided",
    [
        problem(503, headers={"Retry-After": "0"}),
        problem(408),
        Scripted(status=502, body=b"<html>", kind="text/html"),
        Scripted(status=504),
        Scripted(status=429),
        Scripted(status=CUT),
    ],
    ids=["503", "408", "502", "504", "429", "no answer"],
)
async def test_what_decides_nothing_is_repeated_with_the_same_key_and_body(undecided: Scripted) -> None:
    async with answering(undecided, undecided, GOOD) as server, HttpClient(server.url, KEY) as client:
        accepted = await client.ask(NUMBER, purpose="login")

    assert accepted.request_id == ACCEPTED["request_id"]
    assert len({asked.headers["Idempotency-Key"] for asked in server.asked}) == 1
    assert [asked.body for asked in server.asked] == [{"to": NUMBER, "purpose": "login"}] * 3


async def test_verify_is_repeated_as_well() -> None:
    answers = (Scripted(status=CUT), Scripted(status=200, body={"verified": True}))
    async with answering(*answers) as server, HttpClient(server.url, KEY) as client:
        assert await client.verify("id", CODE)


async def test_ask_that_stays_undecided_tells_the_key_to_repeat_it_with() -> None:
    async with answering(problem(503)) as server, HttpClient(server.url, KEY, give_up_s=1.0) as client:
        with pytest.raises(Unavailable, match=r"within 1 s.*nobody knows.*same `idempotency_key`") as away:
            await client.ask(NUMBER, purpose="login")

    assert {asked.headers["Idempotency-Key"] for asked in server.asked} == {away.value.key}
    assert len(server.asked) >= 2


async def test_wait_that_is_longer_than_the_time_left_is_not_begun() -> None:
    answer = problem(503, headers={"Retry-After": "60"})
    async with answering(answer) as server, HttpClient(server.url, KEY) as client:
        with pytest.raises(Unavailable, match=r"the last was HTTP 503 \(detail\)") as away:
            await client.ask(NUMBER, purpose="login")

    assert (len(server.asked), away.value.retry_after_s) == (1, 60.0)


async def test_server_that_is_not_there_is_told() -> None:
    async with HttpClient("http://127.0.0.1:1", KEY, give_up_s=0.2) as client:
        with pytest.raises(Unavailable, match=r"GET at 127\.0\.0\.1: no answer that decides"):
            await client.status("id")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(401), Refused),
        (problem(404, type=ProblemType.NO_SUCH_REQUEST), NotFound),
        (problem(409, type=ProblemType.TOO_SOON, headers={"Retry-After": "12"}), TooSoon),
        (problem(410, type=ProblemType.VERIFIED), Over),
        (problem(410, type="urn:ithaca:problem:of-tomorrow"), Over),
        (problem(422, type=ProblemType.INVALID_FIELD, field="to"), Invalid),
        (problem(413), Refused),
    ],
)
async def test_refusal_is_told_at_once_as_the_problem_document_says(answer: Scripted, kind: type[Refused]) -> None:
    async with answering(answer) as server, HttpClient(server.url, KEY) as client:
        with pytest.raises(Refused, match=r"^detail$") as refused:
            await client.resend("id")

    error = refused.value
    assert type(error) is kind
    assert (error.status, error.type, error.field) == (answer.status, answer.body["type"], answer.body.get("field"))
    assert error.retry_after_s == (12.0 if kind is TooSoon else 0.0)
    assert len(server.asked) == 1


async def test_fault_of_the_server_is_told_in_its_words_and_not_repeated() -> None:
    async with answering(problem(500, "ask for another code")) as server, HttpClient(server.url, KEY) as client:
        with pytest.raises(Failed, match=r"^ask for another code$"):
            await client.resend("id")

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Scripted(status=200, body=b"<html>sign in</html>", kind="text/html"),
        Scripted(status=202, body=[]),
        Scripted(status=202, body=ACCEPTED | {"expires_at": "soon"}),
        Scripted(status=202, body=ACCEPTED | {"request_id": None}),
        Scripted(status=302, headers={"Location": "/elsewhere"}),
        Scripted(status=403, body=b"no", kind="text/plain"),
        Scripted(status=422, body={"detail": f"{NUMBER} is bad"}),
    ],
)
async def test_answer_of_something_else_is_said_to_be_none_of_ithacas(answer: Scripted) -> None:
    async with answering(answer) as server, HttpClient(server.url, KEY) as client:
        with pytest.raises(Failed, match="look whether `url` is that of the API") as failed:
            await client.ask(NUMBER, purpose="login")

    assert NUMBER not in str(failed.value)


@pytest.mark.parametrize("url", ["", "otp.example.com", "ftp://otp.example.com", "https://name:word@otp.example.com"])
def test_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="such as https://"):
        HttpClient(url, KEY)


@pytest.mark.parametrize("key", ["", "from-a-file\n", "two words"])
def test_key_that_no_header_can_hold_is_refused_and_not_told(key: str) -> None:
    with pytest.raises(ValueError, match="strip what was read from a file") as error:
        HttpClient("https://otp.example.com", key)

    assert not key or key not in str(error.value)


async def test_client_outside_its_block_says_how_it_is_used() -> None:
    with pytest.raises(RuntimeError, match="async with HttpClient"):
        await HttpClient("https://otp.example.com", KEY).ask(NUMBER, purpose="login")


@pytest.mark.parametrize("answer", [Scripted(status=CUT), problem(503), problem(422), Scripted(status=202)])
async def test_neither_number_nor_code_nor_key_is_in_an_error_its_trace_or_a_log(
    answer: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = ""
    async with answering(answer) as server, HttpClient(server.url, KEY, give_up_s=0.2) as client:
        for call in (client.ask(NUMBER, purpose="login"), client.verify("id", CODE)):
            try:
                await call
            except (Refused, Failed, Unavailable) as error:
                said += "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        said += repr(client)

    assert said
    assert [secret for secret in (NUMBER, CODE, KEY) if secret in said + caplog.text] == []
