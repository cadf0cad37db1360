"""A relay before the store that loses the answer to one command, which the store has carried out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from yarl import URL

CHUNK = 65_536


@dataclass(slots=True)
class Relay:
    """Passes everything on, until an answer is to be lost: its connection is cut instead."""

    upstream: URL
    url: str = ""
    losing: bytes | None = None  # what the command holds whose answer is lost, once
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection's commands on, each with its answer."""
        store_reader, store_writer = await asyncio.open_connection(self.upstream.host, self.upstream.port)
        with contextlib.suppress(ConnectionError):
            while command := await reader.read(CHUNK):
                store_writer.write(command)
                answer = await store_reader.read(CHUNK)
                if self.losing and self.losing in command and not answer.startswith(b"-"):
                    self.losing = None
                    self.lost.set()
                    break
                writer.write(answer)
        writer.close()
        store_writer.close()


@contextlib.asynccontextmanager
async def relayed(store_url: str) -> AsyncIterator[Relay]:
    """Give a relay before a store."""
    relay = Relay(upstream=URL(store_url))
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.url = f"valkey://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    try:
        yield relay
    finally:
        server.close()
