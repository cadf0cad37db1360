"""One contract for every adapter: over real sockets, whatever the other side does is classed and never believed."""

import asyncio
import gzip
import re
import socket
import sys
import time
import zlib
from dataclasses import replace
from json import dumps
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as replace_fields
from multidict import CIMultiDict

from pipeline.errors import (
    AcceptanceUnknown,
    InvalidMessage,
    Misconfigured,
    NotSent,
    Outcome,
    ProviderError,
    Unavailable,
)
from pipeline.evidence.reading import read
from pipeline.records import Counts, encode
from pipeline.records.topics import ATTEMPTS
from providers.base import MAX_BODY_BYTES, HttpProvider
from providers.seam import ProviderReceipt
from tests.providers.certificates import self_signed
from tests.providers.contract import (
    BY_STATUS,
    CODE,
    CONTRACTED,
    GUIDE,
    NEVER_ACCEPTED,
    NUMBER,
    Floods,
    Script,
    a_provider,
    a_stub,
    an_sms,
    answers,
    drips,
    sample,
    unopened,
    writes,
)
from tests.providers.proofs import check_forged, check_moved
from tests.samples import ATTEMPT

pytestmark = pytest.mark.parametrize("adapter", CONTRACTED)
for each in CONTRACTED:
    sample(each)  # imported now: a test module that is imported within a property test counts as nested in it


async def outcome(adapter: str, script: Script, *, timeout_s: float = 60.0) -> ProviderError:
    async with a_stub(script) as stub, a_provider(adapter, stub.url) as provider:
        with pytest.raises(ProviderError) as raised:
            await provider.send(an_sms(adapter, timeout_s=timeout_s))
        assert len(stub.requests) == 1, "the request was repeated"
    return raised.value


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_a_message_is_accepted_with_its_id(adapter: str, status: int) -> None:
    async with a_stub(answers(status, sample(adapter).accepted)) as stub, a_provider(adapter, stub.url) as provider:
        accepted = await provider.send(an_sms(adapter))

        assert accepted.message_id == sample(adapter).message_id


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "application/octet-stream"])
async def test_an_answer_with_another_content_type_is_believed(adapter: str, content_type: str) -> None:
    script = answers(201, sample(adapter).accepted, content_type=content_type)
    async with a_stub(script) as stub, a_provider(adapter, stub.url) as provider:
        accepted = await provider.send(an_sms(adapter))

        assert accepted.message_id == sample(adapter).message_id


async def test_the_request_asks_for_what_the_adapter_reads_and_sends_no_cookie_back(adapter: str) -> None:
    script = answers(201, sample(adapter).accepted, "Set-Cookie: a=b")
    async with a_stub(script) as stub, a_provider(adapter, stub.url) as provider:
        await provider.send(an_sms(adapter))
        await provider.send(an_sms(adapter))

        asked = f"\r\naccept: {sample(adapter).body.media_type}\r\n".encode()
        assert all(asked in request.lower() for request in stub.requests)
        assert not any(b"\r\ncookie:" in request.lower() for request in stub.requests)


async def test_the_words_of_the_provider_are_understood(adapter: str) -> None:
    for refusal in sample(adapter).refusals:
        error = await outcome(adapter, answers(refusal.status, refusal.body))

        assert type(error) is refusal.error, refusal


def test_the_words_of_every_class_are_in_the_sample(adapter: str) -> None:
    documented = set(sys.modules[CONTRACTED[adapter].__module__].REFUSALS.values())

    assert documented <= {refusal.error for refusal in sample(adapter).refusals}


@pytest.mark.parametrize("status", BY_STATUS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[1]",
        b'{"error":"never heard of","code":12345678}',
        b'{"error":{}}',
        b"ERR",
        b"Never heard of 12345678",
        b"\xef\xbb\xbf\0",
    ],
)
async def test_without_known_words_the_status_decides(adapter: str, status: int, body: bytes) -> None:
    error = await outcome(adapter, answers(status, body, "Location: /elsewhere"))

    assert (type(error), error.code) == (BY_STATUS[status], f"http_{status}")


ASKED_TO_WAIT = 429  # says nothing of the route but that it has no room, so that nothing is counted
TAKEN_PERHAPS = {*range(500, 600)} - {500, 503}  # a gateway's: its receipt tells


@pytest.mark.parametrize("word", ["brand_new_word", "in words", "31337"])
def test_a_word_that_nobody_knows_goes_to_another_provider_and_is_counted(adapter: str, word: str) -> None:
    provider, unlisted = unopened(adapter), sample(adapter).unlisted
    body = unlisted(word) if unlisted else b"A sentence of next year"
    for status in (*(range(200, 210) if unlisted else ()), *range(400, 600)):
        error = _refused(provider, status, body)
        counted = set() if status == ASKED_TO_WAIT else {"accepted"} if status in TAKEN_PERHAPS else {"refused"}

        assert error.outcome not in ENDING, status
        assert counted <= _counted(error.outcome), status


@pytest.mark.parametrize(("word", "code"), [("brand_new-Word.7", "brand_new-Word.7"), ("in words", None)])
def test_a_word_that_nobody_knows_is_kept_where_it_is_one(adapter: str, word: str, code: str | None) -> None:
    unlisted = sample(adapter).unlisted
    for status in (200, 400, 403, 422) if unlisted else (400, 403, 422):
        error = _refused(unopened(adapter), status, unlisted(word) if unlisted else word.encode())

        assert error.code == (code if code and unlisted else f"http_{status}")


@pytest.mark.parametrize("word", [CODE, NUMBER, NUMBER[1:], f"{CODE[:3]}-{CODE[3:]}", f"x_{CODE}", "49.170.123.45.67"])
def test_a_word_that_may_be_a_number_or_a_code_is_not_kept(adapter: str, word: str) -> None:
    unlisted = sample(adapter).unlisted
    for status in (200, 400, 403, 422):
        error = _refused(unopened(adapter), status, unlisted(word) if unlisted else word.encode())

        assert word not in str(error)


ENDING = frozenset({Outcome.REJECTED, Outcome.MALFORMED})  # on the word of a second provider the code is lost


def _refused(provider: HttpProvider, status: int, body: bytes) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        provider.read_response(status, CIMultiDict(), body)
    return raised.value


def _counted(outcome: Outcome) -> set[str]:
    """Give what the routing counts of an attempt with this outcome."""
    record = encode(replace_fields(ATTEMPT, outcome=outcome))
    found = read(ATTEMPTS.name, record, ATTEMPT.sent_at.timestamp(), [ATTEMPT.provider])
    return {Counts.__struct_fields__[field] for change in found.changes for field in change.fields}


async def test_the_wait_that_a_throttling_provider_asks_for_is_kept(adapter: str) -> None:
    error = await outcome(adapter, answers(429, b"{}", "Retry-After: 17"))

    assert error.retry_after_s == 17


@pytest.mark.parametrize("case", NEVER_ACCEPTED)
async def test_nothing_is_accepted_without_an_id(adapter: str, case: str) -> None:
    assert type(await outcome(adapter, NEVER_ACCEPTED[case])) is AcceptanceUnknown


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 201 Created\r\nContent-Le", b'HTTP/1.1 201 X\r\nContent-Length: 9\r\n\r\n{"id']
)
async def test_an_answer_that_stops_is_cut_at_the_limit(adapter: str, data: bytes) -> None:
    started = time.monotonic()
    error = await outcome(adapter, writes(data, hang=True), timeout_s=0.2)

    assert (type(error), error.code) == (AcceptanceUnknown, "timeout")
    assert time.monotonic() - started < 1


async def test_an_answer_of_one_byte_at_a_time_is_cut_at_the_limit(adapter: str) -> None:
    error = await outcome(
        adapter, drips(b'HTTP/1.1 201 X\r\nContent-Length: 99\r\n\r\n{"id":"x"' + b" " * 90), timeout_s=0.3
    )

    assert (type(error), error.code) == (AcceptanceUnknown, "timeout")


async def test_an_error_status_counts_although_its_body_never_ends(adapter: str) -> None:
    script = writes(b"HTTP/1.1 401 X\r\nContent-Length: 99\r\n\r\n{", hang=True)

    assert type(await outcome(adapter, script, timeout_s=0.2)) is Misconfigured


@pytest.mark.parametrize("coding", ["br", "gzip"])
async def test_an_error_status_counts_although_its_body_cannot_be_decoded(adapter: str, coding: str) -> None:
    script = answers(401, b"\x28\xb5\x2f\xfd of some coding", f"Content-Encoding: {coding}")
    error = await outcome(adapter, script)

    assert (type(error), error.code) == (Misconfigured, "http_401")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_an_answer_in_a_common_coding_is_read_though_none_was_asked_for(adapter: str, coding: str) -> None:
    body = sample(adapter).accepted
    coded = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    script = answers(201, coded, f"Content-Encoding: {coding}")
    async with a_stub(script) as stub, a_provider(adapter, stub.url) as provider:
        accepted = await provider.send(an_sms(adapter))

        assert accepted.message_id == sample(adapter).message_id


def test_a_flaw_in_an_answer_hides_no_id(adapter: str) -> None:
    for flaw in sample(adapter).body.flaws:
        body = flaw(sample(adapter).accepted)

        assert unopened(adapter).read_response(201, CIMultiDict(), body).message_id == sample(adapter).message_id, body


@pytest.mark.parametrize("message_id", [b"", b"7" * 129, b"\xff\xfe", b"a\x7fb"])
def test_an_answer_whose_id_is_none_promises_nothing(adapter: str, message_id: bytes) -> None:
    body = sample(adapter).accepted.replace(sample(adapter).message_id.encode(), message_id)

    assert type(_refused(unopened(adapter), 201, body)) is AcceptanceUnknown


async def test_of_an_endless_answer_only_64_kb_are_read(adapter: str) -> None:
    floods = Floods()

    assert type(await outcome(adapter, floods)) is AcceptanceUnknown
    assert floods.written < MAX_BODY_BYTES + (8 << 20)  # what the buffers of two sockets hold


async def test_a_port_where_nobody_listens_is_unavailable(adapter: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with a_provider(adapter, f"http://127.0.0.1:{taken.getsockname()[1]}") as provider:
            with pytest.raises(Unavailable, match="connect_failed"):
                await provider.send(an_sms(adapter))


async def test_a_host_without_an_address_is_unavailable(adapter: str) -> None:
    async with a_provider(adapter, "http://nowhere.invalid") as provider:
        with pytest.raises(Unavailable, match="dns_failed"):
            await provider.send(an_sms(adapter))


async def test_a_certificate_that_nobody_vouches_for_is_unavailable_and_gets_no_request(
    adapter: str, tmp_path: Path
) -> None:
    async with (
        a_stub(answers(201, sample(adapter).accepted), tls=self_signed(tmp_path)) as stub,
        a_provider(adapter, stub.url) as provider,
    ):
        with pytest.raises(Unavailable, match="tls_failed"):
            await provider.send(an_sms(adapter))

        assert stub.requests == []


async def test_a_connection_reset_before_the_request_was_read_is_classed(adapter: str) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server, a_provider(adapter, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as provider:
        with pytest.raises((Unavailable, AcceptanceUnknown)):  # whether bytes had left is decided by the scheduler
            await provider.send(an_sms(adapter))


async def test_a_message_is_not_sent_when_it_is_too_late(adapter: str) -> None:
    async with a_stub(answers(201, sample(adapter).accepted)) as stub, a_provider(adapter, stub.url) as provider:
        with pytest.raises(NotSent, match="fence"):
            await provider.send(an_sms(adapter, within_s=0))

        assert stub.requests == []


@pytest.mark.parametrize("status", [200, 400, 422, 500])
@pytest.mark.parametrize(
    "echo",
    [
        f'{{"error":"{CODE}","code":"{NUMBER[1:]}","message":"{NUMBER} {CODE}"}}',
        f"ERR {CODE} {NUMBER}: {CODE}",
        f"{NUMBER[1:]} is no number for {CODE}",
    ],
)
async def test_an_echo_of_number_and_code_stays_out_of_the_error(adapter: str, status: int, echo: str) -> None:
    error = await outcome(adapter, answers(status, echo.encode()))

    shown = f"{error!r} {error} {error.code} {error.__cause__!r} {error.__context__!r}"
    assert not any(secret in shown for secret in (CODE, NUMBER[1:], *_secrets(adapter)))


def _secrets(adapter: str) -> list[str]:
    settings = sample(adapter).settings
    keys = [settings.credential, *settings.webhook_keys.values()]
    return [key.reveal().decode() for key in keys if key]


def test_every_state_of_a_receipt_is_understood(adapter: str) -> None:
    for body, state in sample(adapter).receipts:
        for callback in sample(adapter).genuine(body):
            (receipt,) = unopened(adapter).read_receipts(callback)

            assert (receipt.state, receipt.raw[:64]) == (state, receipt.raw), body


def test_a_callback_whose_proof_is_not_the_providers_is_forged(adapter: str) -> None:
    check_forged(unopened(adapter), sample(adapter))


def test_a_receipt_that_was_changed_on_its_way_is_forged(adapter: str) -> None:
    covered = sample(adapter).proof and sample(adapter).covers_body
    for body, _ in sample(adapter).receipts if covered else ():
        for callback in sample(adapter).genuine(body):
            for place in range(0, len(body), 7):
                flipped = bytes([*body[:place], body[place] ^ 1, *body[place + 1 :]])
                with pytest.raises(InvalidMessage):
                    unopened(adapter).read_receipts(replace(callback, body=flipped))


def test_a_receipt_cannot_be_moved_to_the_address_of_another_attempt(adapter: str) -> None:
    check_moved(unopened(adapter), sample(adapter))


@pytest.mark.parametrize("late_s", [-300.0, 0.0, 600.0, 3_600.0])
def test_a_callback_repeated_after_an_outage_of_ours_is_believed_with_its_first_proof(
    adapter: str, late_s: float
) -> None:
    for body, state in sample(adapter).receipts:
        for callback in sample(adapter).genuine(body):
            (receipt,) = unopened(adapter).read_receipts(replace(callback, received_at=callback.received_at + late_s))

            assert receipt.state is state


@pytest.mark.parametrize(("status", "error"), [(401, Misconfigured), (403, Misconfigured), (500, Unavailable)])
async def test_check_says_what_is_wrong_and_raises_nothing(
    adapter: str, status: int, error: type[ProviderError]
) -> None:
    async with a_stub(answers(status, b"{}")) as stub, a_provider(adapter, stub.url) as provider:
        findings = await provider.check()

    assert findings, f"{adapter}: give `checks` at least one request that proves the credential; {GUIDE}, 2"
    assert {type(finding.error) for finding in findings} == {error}


async def test_check_without_anybody_there_says_so(adapter: str) -> None:
    async with a_provider(adapter, "http://nowhere.invalid") as provider:
        findings = await provider.check()

    assert {finding.error.code for finding in findings if finding.error} == {"dns_failed"}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "state", "error"]) | st.text(), inner),
)
bodies = st.binary() | json.map(dumps).map(str.encode)


NAMES = [
    "id",
    "sid",
    "code",
    "error",
    "error_code",
    "errors",
    "status",
    "message",
    "messages",
    "recipients",
    "items",
    "data",
    "to",
    "type",
    "invalid_parameters",
    "name",
    "source",
    "pointer",
    "parameter",
    "violations",
    "property",
    "requestError",
    "serviceException",
    "validationErrors",
    "groupId",
    "text",
    "from",
    "__type",
    "Reason",
    "Fields",
    "Name",
    "MessageId",
    "message_uuid",
    "invalid_number",
    "api_id",
    "error-text",
    "message-id",
    "detail",
    "title",
]
VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["to", "/from", "failed"])
)
said = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
)


@given(answer=said, status=st.sampled_from([200, 201, 302, 400, 401, 403, 404, 422, 429, 500, 502]))
def test_any_answer_is_an_id_or_an_error_in_a_short_word(adapter: str, answer: object, status: int) -> None:
    _check_word(_code_of(unopened(adapter), status, dumps(answer).encode()), status)


WORDS = [
    "OK",
    "ERR",
    "ERROR",
    "105",
    "-1",
    ":",
    "=",
    "|",
    " ",
    "\n",
    "\0",
    "\ufeff",
    "id",
    "success",
    CODE,
    NUMBER,
    "é",
]
texts = st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=8)


@given(text=texts, glue=st.sampled_from(["", " ", "\r\n"]), coding=st.sampled_from(["utf-8", "utf-16", "latin-1"]))
def test_any_plain_text_is_an_id_or_an_error_in_a_short_word(
    adapter: str, text: list[str], glue: str, coding: str
) -> None:
    body = glue.join(text).encode(coding, errors="replace")
    for status in (200, 202, 302, 400, 401, 422, 429, 500, 502):
        _check_word(_code_of(unopened(adapter), status, body), status)


def _check_word(code: str | None, status: int) -> None:
    """Fail unless what is kept of an answer is none, or a word that can be neither a number nor a code."""
    assert code is not None or status < 300
    assert code is None or re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", code)
    assert code is None or not re.search(r"[0-9]{6}", re.sub(r"[_.:-]", "", code))


def _code_of(provider: HttpProvider, status: int, body: bytes) -> str | None:
    """Give the code of the error; none: accepted."""
    try:
        provider.read_response(status, CIMultiDict(), body)
    except ProviderError as error:
        return error.code
    return None


@given(body=bodies, forged=st.none() | st.text(), url=st.none() | st.text())
def test_any_callback_gives_receipts_or_is_invalid(
    adapter: str, body: bytes, forged: str | None, url: str | None
) -> None:
    proof = sample(adapter).proof
    for callback in sample(adapter).genuine(body):
        headers = CIMultiDict(callback.headers)
        if proof and forged is not None:
            headers[proof] = forged
        changed = replace(callback, headers=headers, url=callback.url if url is None else url)
        try:
            receipts = unopened(adapter).read_receipts(changed)
        except InvalidMessage:
            continue
        assert forged is None or not proof, "a forged signature was believed"
        assert all(isinstance(receipt, ProviderReceipt) for receipt in receipts)
        kept = [word for receipt in receipts for word in (receipt.raw, receipt.code, receipt.message_id) if word]
        assert all(len(word) <= 64 and word.isprintable() for word in kept), kept
