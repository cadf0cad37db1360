"""What the page's API refuses before anything is asked of Kafka."""

from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest

from tests.workers.ops.ops_door import ANN, BOB, OpsDoor, ops_door


@pytest.fixture
async def page() -> AsyncIterator[OpsDoor]:
    async with ops_door() as door:
        yield door


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/orders"),
        ("DELETE", "/v1/orders/some-order"),
        ("POST", "/v1/dead-letters/redrive"),
    ],
)
async def test_a_viewer_may_not_act(page: OpsDoor, method: str, path: str) -> None:
    async with page.client.request(method, page.url + path, headers=BOB, json={}) as answer:
        assert answer.status == HTTPStatus.FORBIDDEN
        assert "viewer" in (await answer.json())["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "no-such-reason"}, "reason"),
        ({"reason": 7}, "reason"),
        ({"number": "+447700900123"}, "body"),
    ],
)
async def test_a_wrong_filter_is_named_and_not_repeated(page: OpsDoor, body: dict[str, object], field: str) -> None:
    async with page.client.post(f"{page.url}/v1/dead-letters/redrive", headers=ANN, json=body) as answer:
        assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
        document = await answer.json()
    assert document["field"] == field
    assert "447700900123" not in str(document)
