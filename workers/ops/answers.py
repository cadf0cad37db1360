"""Answers that hold records."""

from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web


def answer(document: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Give a JSON answer that nobody keeps."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(document),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
