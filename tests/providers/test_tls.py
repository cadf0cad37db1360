"""A provider that cannot prove who it is gets nothing."""

import asyncio
import ssl
from pathlib import Path

import pytest

from pipeline.errors import Unavailable
from tests.providers.certificates import an_authority
from tests.providers.contract import a_provider, a_stub, an_sms, answers

ACCEPTED = b'{"id":"4b0f"}'


@pytest.mark.parametrize(("name", "days"), [("elsewhere.test", 1), ("localhost", -1)])
async def test_a_certificate_of_another_name_or_time_gets_no_request(tmp_path: Path, name: str, days: int) -> None:
    authority = an_authority()
    trust = ssl.create_default_context(cadata=authority.pem())
    server = authority.server(tmp_path, name=name, days=days)
    async with (
        a_stub(answers(201, ACCEPTED), tls=server) as stub,
        a_provider("carrier", stub.url, tls=trust) as provider,
    ):
        with pytest.raises(Unavailable, match="tls_failed"):
            await provider.send(an_sms())

        assert stub.requests == []


async def test_a_certificate_of_a_trusted_authority_is_good(tmp_path: Path) -> None:
    authority = an_authority()
    trust = ssl.create_default_context(cadata=authority.pem())
    server = authority.server(tmp_path)
    async with (
        a_stub(answers(201, ACCEPTED), tls=server) as stub,
        a_provider("carrier", stub.url, tls=trust) as provider,
    ):
        assert (await provider.send(an_sms())).message_id == "4b0f"


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n"])
async def test_a_handshake_that_breaks_off_is_unavailable_and_nothing_is_sent_in_plain(reply: bytes) -> None:
    received = bytearray()

    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(65_536))
        writer.write(reply)
        writer.transport.close() if reply else writer.transport.abort()

    server = await asyncio.start_server(breaks, "127.0.0.1", 0)
    async with server, a_provider("carrier", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as provider:
        with pytest.raises(Unavailable):
            await provider.send(an_sms())

    assert b"482913" not in received
