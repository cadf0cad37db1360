"""A forward proxy on loopback, as companies have one: it connects (CONNECT), and nothing else leads out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Proxy:
    """What was asked of it, and what it answers in place of a connection."""

    port: int = 0
    hosts: dict[str, int] = field(default_factory=dict)  # names that it alone knows -> ports on loopback
    answer: bytes = b""  # empty: it connects
    heads: list[bytes] = field(default_factory=list)

    def variables(self, *, scheme: str = "https", **more: str) -> Mapping[str, str]:
        return {scheme: f"http://127.0.0.1:{self.port}", **more}


@asynccontextmanager
async def a_proxy(**hosts: str) -> AsyncIterator[Proxy]:
    """Serve until the block ends. `hosts` are names, with the URLs of stubs that they stand for."""
    proxy = Proxy(hosts={name.replace("_", "."): int(url.rpartition(":")[2]) for name, url in hosts.items()})
    tasks = set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _connect(proxy, reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _connect(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    proxy.heads.append(head)
    if proxy.answer:
        writer.write(proxy.answer)
        await writer.drain()
        await reader.read()
        return
    host = head.split(b" ")[1].decode().rpartition(":")[0]
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", proxy.hosts[host])
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    try:
        await asyncio.gather(_pipe(reader, there_writer), _pipe(there_reader, writer))
    finally:
        there_writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()
