"""Requests of our HTTP servers are counted by route and class of status."""

from tests.workers.doors import BANK, Door, listening, storeless_door
from tests.workers.metrics.reading import counts
from workers.api.app import build_app


async def _get(door: Door, path: str) -> int:
    async with door.client.get(f"{door.url}{path}", headers=BANK) as answer:
        return answer.status


async def test_answers_and_refusals_are_counted_under_the_path_with_placeholders(prefix: str) -> None:
    async with storeless_door(prefix) as door, listening(build_app(door.parts(), door.queue)) as door.url:
        paths = "/openapi.json", "/v1/otp/request-0123456789", "/v1/otp/+447700900123/x", "/+447700900123"
        statuses = [await _get(door, path) for path in paths]

    assert statuses == [200, 503, 404, 404]
    assert counts(door.metrics, "otp_http_requests_total") == {
        ("/openapi.json", "2xx"): 1,
        ("/v1/otp/{request_id}", "5xx"): 1,
        ("none", "4xx"): 2,
    }
    assert counts(door.metrics, "otp_http_request_seconds_count") == {
        ("/openapi.json",): 1,
        ("/v1/otp/{request_id}",): 1,
        ("none",): 2,
    }
