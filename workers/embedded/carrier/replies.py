"""What a request gets back, the ordered faults among it."""

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web

from workers.embedded.carrier.faults import Fault, Form, Garbage, Order

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER, on, 0 s: closing sends RST instead of FIN

_BODIES: Final[Mapping[Garbage, bytes]] = {
    Garbage.HTML: b"<!doctype html><html><body><h1>It works!</h1></body></html>",
    Garbage.EMPTY: b"",
    Garbage.TRUNCATED: b'{"id": "4b0',
    Garbage.LIST: b"[]",
    Garbage.DEEP: b'{"id":' * 100_000,
    Garbage.HUGE: b'{"id":"' + b"7" * (8 << 20) + b'"}',
}
_KINDS: Final = tuple(Garbage)
_UNHEARD_OF: Final = "brand_new_word"  # in no table


def taken(message_id: str) -> web.Response:
    """201 with the id."""
    return web.Response(body=b'{"id":"%b"}' % message_id.encode(), status=201, content_type="application/json")


def refused(status: int, error: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Give a status, usually that of an error, with our word for it."""
    return web.Response(
        body=orjson.dumps({"error": error}), status=status, content_type="application/json", headers=headers
    )


async def faulty(request: web.Request, fault: Fault, order: Order, message_id: str) -> web.StreamResponse:
    """Answer, or fail to, as ordered."""
    answer = _ANSWERS.get(fault)
    if answer is not None:
        return answer(order, message_id)
    match fault:
        case Fault.RESET_BEFORE | Fault.RESET_AFTER:
            return _reset(request)
        case Fault.SLOW_BODY:
            return await _drip(request, message_id.encode())
        case Fault.ENDLESS_BODY:
            return await _flood(request)
        case Fault.HANG:
            await asyncio.Event().wait()  # until the client goes: that cancels this handler
    return taken(message_id)  # late, but well


def _throttle(order: Order, _: str) -> web.Response:
    headers = {} if order.retry_after is None else {"Retry-After": order.retry_after}
    return refused(HTTPStatus.TOO_MANY_REQUESTS, "throttled", headers)


def _garbage(order: Order, message_id: str) -> web.Response:
    kind = order.kind or _KINDS[sum(message_id.encode()) % len(_KINDS)]
    return web.Response(body=_BODIES[kind], content_type="application/json")


def _new_word(order: Order, message_id: str) -> web.Response:
    return _FORMS[order.form or tuple(Form)[sum(message_id.encode()) % len(Form)]]()


_FORMS: Final[Mapping[Form, Callable[[], web.Response]]] = {
    Form.WORD: lambda: refused(HTTPStatus.UNPROCESSABLE_ENTITY, _UNHEARD_OF),
    Form.GONE: lambda: refused(HTTPStatus.GONE, _UNHEARD_OF),
    Form.PAGE: lambda: web.Response(
        body=b"<!doctype html><h1>Bad Request</h1>", status=HTTPStatus.BAD_REQUEST, content_type="text/html"
    ),
    Form.INSIDE: lambda: refused(HTTPStatus.OK, _UNHEARD_OF),
}
_ANSWERS: Final[Mapping[Fault, Callable[[Order, str], web.Response]]] = {
    Fault.UNAUTHORIZED: lambda _order, _id: refused(HTTPStatus.UNAUTHORIZED, "unauthorized"),
    Fault.FORBIDDEN: lambda _order, _id: refused(HTTPStatus.FORBIDDEN, "forbidden"),
    Fault.THROTTLE: _throttle,
    Fault.SERVER_ERROR: lambda order, _id: refused(order.status, "server_error"),
    Fault.REFUSE: lambda order, _id: refused(HTTPStatus.UNPROCESSABLE_ENTITY, order.error),
    Fault.NEW_WORD: _new_word,
    Fault.NO_ID: lambda _order, _id: web.json_response({"status": "ok"}),
    Fault.GARBAGE: _garbage,
}


def _reset(request: web.Request) -> web.Response:
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response()  # goes nowhere


async def _drip(request: web.Request, message_id: bytes) -> web.StreamResponse:
    body = b'{"id":"%b"}' % message_id
    response = web.StreamResponse(status=201, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    for at in range(len(body)):
        await response.write(body[at : at + 1])
        await asyncio.sleep(1)
    return response


async def _flood(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=201, headers={"Content-Type": "application/json"})
    await response.prepare(request)
    block = b" " * 65_536
    while request.transport is not None:
        try:
            await response.write(block)
        except ConnectionError:
            break
    return response
