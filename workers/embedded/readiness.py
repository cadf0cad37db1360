"""How each kind of server says that it is ready: one question over the network, answered or not."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from workers.embedded.ports import LOOPBACK

Ready = Callable[[], Awaitable[bool]]

ANSWER_WITHIN_S: Final = 1.0
NO_ANSWER: Final = (OSError, EOFError, TimeoutError, aiohttp.ClientError, struct.error)
# Metadata request, version 1, correlation id 0, client id "ithaca", of no topic (kafka.apache.org/protocol).
METADATA_REQUEST: Final = struct.pack(">hhih6si", 3, 1, 0, 6, b"ithaca", 0)


def http_ready(url: str) -> Ready:
    """Ready when a GET of this address answers 2xx."""

    async def ask() -> bool:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return answer.ok

    return _fenced(ask)


def kafka_ready(port: int, brokers: int) -> Ready:
    """Ready when the broker at this port knows a controller and so many live brokers."""

    async def ask() -> bool:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(struct.pack(">i", len(METADATA_REQUEST)) + METADATA_REQUEST)
            (length,) = struct.unpack(">i", await reader.readexactly(4))
            return _live_brokers(await reader.readexactly(length)) >= brokers
        finally:
            writer.close()

    return _fenced(ask)


def valkey_ready(port: int) -> Ready:
    """Ready when Valkey at this port answers a PING; while it loads its data it answers otherwise."""

    async def ask() -> bool:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        finally:
            writer.close()

    return _fenced(ask)


def _fenced(ask: Ready) -> Ready:
    async def ready() -> bool:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await ask()
        except NO_ANSWER:
            return False

    return ready


def _live_brokers(answer: bytes) -> int:
    """Count the brokers in a Metadata response, version 1; none without a controller."""
    (count,) = struct.unpack_from(">i", answer, 4)
    at = 8
    for _ in range(count):
        (host_length,) = struct.unpack_from(">h", answer, at + 4)
        at += 4 + 2 + host_length + 4  # node id, host, port
        (rack_length,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack_length, 0)
    (controller,) = struct.unpack_from(">i", answer, at)
    return count if controller >= 0 else 0


async def never() -> bool:
    """Of a process that is there to end."""
    return False
