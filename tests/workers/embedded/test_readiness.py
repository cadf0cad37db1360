import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from workers.embedded.ports import LOOPBACK, free_ports
from workers.embedded.readiness import http_ready, kafka_ready, valkey_ready


async def ready(_: web.Request) -> web.Response:
    return web.Response()


async def not_yet(_: web.Request) -> web.Response:
    return web.Response(status=503)


@pytest.fixture
async def door() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.add_routes([web.get("/readyz", ready), web.get("/not-yet", not_yet)])
    server = TestServer(app)
    async with server:
        yield server


async def test_http_server_is_ready_when_it_answers_ok(door: TestServer) -> None:
    assert await http_ready(str(door.make_url("/readyz")))()


async def test_http_server_that_answers_503_is_not_ready(door: TestServer) -> None:
    assert not await http_ready(str(door.make_url("/not-yet")))()


async def test_nothing_is_ready_where_nobody_listens() -> None:
    (port,) = free_ports(1)

    for ask in (http_ready(f"http://{LOOPBACK}:{port}/"), kafka_ready(port, 1), valkey_ready(port)):
        assert not await ask()


# A Metadata response, version 1: length, correlation, one broker (id, host, port, no rack), the controller's id.
BROKER = b"\0\0\0\1" + b"\0\0\0\7" + b"\0\1h" + b"\0\0\x23\x84" + b"\xff\xff"
NO_CONTROLLER = b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("answer", "is_ready"),
    [
        (b"\0\0\0\0" + BROKER + b"\0\0\0\7", True),
        (b"\0\0\0\0" + BROKER + NO_CONTROLLER, False),
        (b"\0\0\0\0" + b"\0\0\0\0" + b"\0\0\0\7", False),  # no broker
        (b"\0\0\0\0" + b"\0\0\0\2", False),  # cut off
        (b"", False),
    ],
)
async def test_kafka_is_ready_with_a_controller_and_enough_brokers(answer: bytes, *, is_ready: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(len(answer).to_bytes(4, "big") + answer)
        writer.close()

    async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]

        assert await kafka_ready(port, 1)() is is_ready


async def test_valkey_that_loads_its_data_is_not_ready() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"-LOADING Valkey is loading the dataset in memory\r\n")
        writer.close()

    async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
        assert not await valkey_ready(server.sockets[0].getsockname()[1])()
