"""Who may look at the operators' page, and who may act."""

from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
from aiohttp import ClientSession, CookieJar

from tests.workers.ops.ops_door import ANN, BOB, OpsDoor, ops_door


@pytest.fixture
async def page() -> AsyncIterator[OpsDoor]:
    async with ops_door() as door:
        yield door


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield session


async def logged_in(browser: ClientSession, page: OpsDoor, key: str) -> dict[str, str]:
    async with browser.post(f"{page.url}/v1/session", json={"key": key}) as answer:
        assert answer.status == HTTPStatus.OK
        found: dict[str, str] = await answer.json()
        return found


@pytest.mark.parametrize("path", ["/v1/board", "/v1/events", "/v1/history/GB", "/v1/session"])
async def test_nobody_sees_figures_without_a_key(page: OpsDoor, path: str) -> None:
    async with page.client.get(page.url + path) as answer:
        assert answer.status == HTTPStatus.UNAUTHORIZED
        assert "log in" in (await answer.json())["detail"]


@pytest.mark.parametrize("key", ["", "key-of-eve", "key-of-ann ", "x" * 5000])
async def test_a_wrong_key_gets_the_same_answer_whatever_it_is(page: OpsDoor, key: str) -> None:
    async with page.client.post(f"{page.url}/v1/session", json={"key": key}) as answer:
        assert answer.status == HTTPStatus.UNAUTHORIZED
        assert (await answer.json())["detail"].startswith("no operator has this key")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"key"'])
async def test_a_body_that_is_no_object_is_refused(page: OpsDoor, body: bytes) -> None:
    async with page.client.post(f"{page.url}/v1/session", data=body) as answer:
        assert answer.status == HTTPStatus.BAD_REQUEST


async def test_a_session_lets_its_operator_look(page: OpsDoor, browser: ClientSession) -> None:
    await logged_in(browser, page, "key-of-bob")
    async with browser.get(f"{page.url}/v1/board") as answer:
        assert answer.status == HTTPStatus.OK


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(page: OpsDoor) -> None:
    async with page.client.post(f"{page.url}/v1/session", json={"key": "key-of-ann"}) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_a_bearer_key_needs_no_session(page: OpsDoor) -> None:
    async with page.client.get(f"{page.url}/v1/session", headers=BOB) as answer:
        assert (await answer.json())["name"] == "bob"


async def test_an_action_of_a_session_needs_its_token(page: OpsDoor, browser: ClientSession) -> None:
    session = await logged_in(browser, page, "key-of-ann")
    for token, status in (("", HTTPStatus.FORBIDDEN), ("00", HTTPStatus.FORBIDDEN), (session["csrf"], HTTPStatus.OK)):
        async with browser.delete(f"{page.url}/v1/session", headers={"X-CSRF-Token": token}) as answer:
            assert answer.status == status


async def test_who_logs_out_sees_nothing_any_more(page: OpsDoor, browser: ClientSession) -> None:
    session = await logged_in(browser, page, "key-of-ann")
    await browser.delete(f"{page.url}/v1/session", headers={"X-CSRF-Token": session["csrf"]})
    async with browser.get(f"{page.url}/v1/board") as answer:
        assert answer.status == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("path", ["/", "/ops.js", "/ops.css", "/charts.js", "/icon.svg", "/v1/board", "/nothing"])
async def test_every_answer_lets_nothing_else_run(page: OpsDoor, path: str) -> None:
    async with page.client.get(page.url + path, headers=ANN) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/ops.js", "/ops.css", "/charts.js"])
async def test_the_page_needs_no_other_server(page: OpsDoor, path: str) -> None:
    async with page.client.get(page.url + path) as answer:
        text = (await answer.text()).replace("http://www.w3.org/2000/svg", "")
    assert "http:" not in text
    assert "https:" not in text
