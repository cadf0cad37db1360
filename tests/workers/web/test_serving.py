"""What our HTTP servers share."""

import pytest
from aiohttp import http_parser, web

from tests.workers.doors import Door, listening, storeless_door
from workers.web import serving
from workers.web.problems import Handler
from workers.web.serving import check_parser, new_app


def test_aiohttp_parses_with_its_c_parser(capfd: pytest.CaptureFixture[str]) -> None:
    check_parser()

    assert capfd.readouterr().out == ""


def test_parser_in_python_is_warned_of(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(serving, "HttpRequestParser", http_parser.HttpRequestParserPy)

    check_parser()

    assert "http.parser_in_python" in capfd.readouterr().out


async def test_defect_of_a_handler_is_a_problem_document_that_says_nothing_of_it(
    prefix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async def broken(_: web.Request) -> web.Response:
        raise ValueError("+447700900123")

    async with (
        storeless_door(prefix) as door,
        listening(_with(door, broken)) as url,
        door.client.get(f"{url}/broken") as answer,
    ):
        text = await answer.text()

    logged = capfd.readouterr().out
    assert (answer.status, answer.content_type) == (500, "application/problem+json")
    assert "http.defect" in logged
    assert "ValueError" in logged
    assert "7700" not in text + logged


def _with(door: Door, handler: Handler) -> web.Application:
    app = new_app(door.parts())
    app.router.add_get("/broken", handler)
    return app
