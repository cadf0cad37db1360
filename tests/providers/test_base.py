"""HttpProvider: when bytes leave, when they must not, and what a failure therefore means."""

import asyncio
import signal
import sys
import time
from collections.abc import Mapping

import pytest
from aiohttp import client_exceptions
from msgspec.structs import replace

from pipeline.errors import AcceptanceUnknown, NotSent, SettingsError, Unavailable
from pipeline.settings import ProviderSettings, Secret
from pipeline.settings.needs import Needs
from providers.answers import refusal
from providers.base import HttpProvider, HttpRequest
from providers.fence import FAILURES
from providers.seam import Accepted, Callback, ProviderReceipt, Sms
from tests.providers.contract import (
    CREDENTIAL,
    a_provider,
    a_stub,
    an_sms,
    answers,
    resets,
    writes,
)

ACCEPTED = b'{"id":"4b0f"}'


class Plain(HttpProvider):
    """The least adapter."""

    adapter = "plain"
    needs = Needs(credential="anything", base_url=True)
    method = "POST"

    def build_request(self, sms: Sms) -> HttpRequest:
        return HttpRequest(method=self.method, url=self.base_url, headers={}, body=sms.text.encode())

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        del headers
        return Accepted(message_id=f"{status} {body.decode()}")

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        del callback
        return ()

    def checks(self) -> Mapping[str, HttpRequest]:
        return {what: HttpRequest(method="GET", url=f"{self.base_url}/{what}", headers={}) for what in ("a", "b")}

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        if status != 200:
            raise refusal(status, headers)
        return f"{what} {body.decode()}"


def settings(url: str, *, in_flight: int = 10) -> ProviderSettings:
    return ProviderSettings(adapter="plain", base_url=url, credential=Secret(CREDENTIAL), in_flight=in_flight)


async def test_no_byte_leaves_when_the_connection_comes_too_late() -> None:
    received, go_on = bytearray(), asyncio.Event()

    async def first_waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            received.extend(data)
            await go_on.wait()
            writer.write(b"HTTP/1.1 201 X\r\nContent-Length: 13\r\n\r\n" + ACCEPTED)
        writer.close()

    server = await asyncio.start_server(first_waits, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, a_provider("carrier", url, in_flight=1) as provider:
        first = asyncio.create_task(provider.send(an_sms()))
        late = an_sms(within_s=0.1)
        second = asyncio.create_task(provider.send(late))
        await asyncio.sleep(late.send_before - time.monotonic())
        go_on.set()

        assert (await first).message_id == "4b0f"
        with pytest.raises(NotSent, match="fence"):
            await second
        assert received.count(b"POST ") == received.count(b"482913") == 1


@pytest.mark.processes
async def test_a_process_that_was_frozen_does_not_send_what_has_become_too_late() -> None:
    go_on = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await answers(201, ACCEPTED)(reader, writer)

    async with a_stub(waits) as stub:
        command = (sys.executable, "-m", "tests.providers.frozen_sender", stub.url, "1.5")
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"waiting\n"
            too_late = time.monotonic() + 1.5
            await stub.arrived.wait()
            process.send_signal(signal.SIGSTOP)
            go_on.set()
            await asyncio.sleep(too_late - time.monotonic())
            process.send_signal(signal.SIGCONT)

            assert await process.stdout.readline() == b"4b0f\n"
            assert await process.stdout.readline() == b"NotSent(fence)\n"
            assert len(stub.requests) == 1
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
async def test_no_method_is_ever_repeated(method: str) -> None:
    async with a_stub(resets) as stub:
        provider = Plain("one", settings(stub.url))
        provider.method = method
        with pytest.raises(AcceptanceUnknown):
            await provider.send(an_sms())
        await provider.close()

        assert len(stub.requests) == 1


async def test_a_kept_connection_that_dies_under_the_request_leaves_it_unknown() -> None:
    answered = False

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        await (resets if answered else answers(201, b"x"))(reader, writer)
        answered = True

    async with a_stub(once) as stub:
        provider = Plain("one", settings(stub.url, in_flight=1))
        await provider.send(an_sms())
        with pytest.raises(AcceptanceUnknown):
            await provider.send(an_sms())
        await provider.close()

        assert len(stub.requests) == 2


async def test_waiting_for_a_connection_in_vain_is_unavailable_and_sends_nothing() -> None:
    async with a_stub(writes(b"", hang=True)) as stub, a_provider("carrier", stub.url, in_flight=1) as provider:
        first = asyncio.create_task(provider.send(an_sms(timeout_s=1)))
        await stub.arrived.wait()
        with pytest.raises(Unavailable, match="timeout"):
            await provider.send(an_sms(timeout_s=0.1))

        assert len(stub.requests) == 1
        first.cancel()


async def test_a_provider_that_hangs_takes_no_connection_from_another() -> None:
    async with (
        a_stub(writes(b"", hang=True)) as stuck,
        a_stub(answers(201, ACCEPTED)) as well,
        a_provider("carrier", stuck.url, in_flight=1) as one,
        a_provider("carrier", well.url, in_flight=1) as two,
    ):
        hanging = asyncio.create_task(one.send(an_sms(timeout_s=5)))
        await stuck.arrived.wait()

        assert (await two.send(an_sms(timeout_s=1))).message_id == "4b0f"
        hanging.cancel()


async def test_a_cancelled_send_is_cancelled() -> None:
    async with a_stub(writes(b"", hang=True)) as stub, a_provider("carrier", stub.url) as provider:
        sending = asyncio.create_task(provider.send(an_sms()))
        await stub.arrived.wait()
        sending.cancel()

        with pytest.raises(asyncio.CancelledError):
            await sending


class Broken(Plain):
    """An adapter with a defect on either side."""

    def build_request(self, sms: Sms) -> HttpRequest:
        if sms.country == "XX":
            raise KeyError(sms.to)
        return super().build_request(sms)

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        raise ValueError(status, headers, body)


async def test_a_defect_in_building_a_request_means_that_nothing_left() -> None:
    sms = replace(an_sms(), country="XX")

    with pytest.raises(Unavailable, match="defect"):
        await Broken("one", settings("http://127.0.0.1:9")).send(sms)


async def test_a_defect_in_reading_an_answer_means_that_nobody_knows() -> None:
    async with a_stub(answers(201, ACCEPTED)) as stub:
        provider = Broken("one", settings(stub.url))
        with pytest.raises(AcceptanceUnknown, match="defect"):
            await provider.send(an_sms())
        await provider.close()


@pytest.mark.parametrize("name", [*client_exceptions.__all__, "TooManyRedirects", "UnixClientConnectorError"])
def test_every_error_of_the_http_client_has_a_word(name: str) -> None:
    kind = getattr(client_exceptions, name)

    word = next(FAILURES[ancestor] for ancestor in kind.__mro__ if ancestor in FAILURES)
    assert word != "defect"


def test_settings_without_a_credential_say_what_to_set() -> None:
    with pytest.raises(SettingsError, match=r"providers\.one\.credential: missing; set it"):
        Plain("one", ProviderSettings(adapter="plain", base_url="https://x.test"))


async def test_check_asks_everything_at_once_and_says_what_the_provider_says() -> None:
    async with a_stub(answers(200, b"well")) as stub:
        provider = Plain("one", settings(stub.url))
        findings = await provider.check()
        await provider.close()

    assert [(finding.what, finding.detail, finding.error) for finding in findings] == [
        ("a", "a well", None),
        ("b", "b well", None),
    ]


def test_a_request_shows_nothing_in_its_repr() -> None:
    request = HttpRequest(url="https://x.test/secret", headers={"A": "secret"}, body=b"secret")

    assert "secret" not in repr(request)
