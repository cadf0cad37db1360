"""The OpenAPI document against the running door, by schemathesis."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.workers.doors import SHOP, Door, listening, opened, settings_for
from workers.api.app import build_app
from workers.embedded.valkey import EmbeddedValkey

# All but the one that valid data are accepted: the pattern of E.164 lets numbers pass that no country has.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    ignored_auth,
]
EXAMPLES = 40  # an operation and mode


def _exercise(url: str, request_ids: Sequence[str]) -> Counter[int]:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    statuses: Counter[int] = Counter()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        secured = "security" in operation.definition.raw and operation.definition.raw["security"]
        for mode in GenerationMode if secured else [GenerationMode.POSITIVE]:
            _exercise_operation(operation, mode, statuses)
            for request_id in request_ids if "{request_id}" in operation.path else ():
                _exercise_operation(operation, mode, statuses, request_id)
    return statuses


def _exercise_operation(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    statuses: Counter[int],
    request_id: str | None = None,
) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: "schemathesis.Case[Any]") -> None:
        if request_id:
            case.path_parameters = {"request_id": request_id}
        response = case.call(headers=SHOP)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=CHECKS, headers=SHOP)

    run()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_door_does_what_its_description_says(valkey: EmbeddedValkey, prefix: str) -> None:
    async with opened(settings_for(valkey.url, prefix)) as door, listening(build_app(door.parts(), door.queue)) as url:
        ids = await _requests_in_every_state(door)

        statuses = await asyncio.to_thread(_exercise, url, ids)

    assert statuses.keys() >= {200, 202, 400, 401, 404, 409, 410, 422}


async def _requests_in_every_state(door: Door) -> list[str]:
    """Leave an expired request, one that may be sent again, and a fresh one."""
    for request_id in ("expired-0123456789", "waiting-0123456789", "fresh-0123456789"):
        await door.dispatched(door.request(request_id, life_s=600))
        door.clock.move(300)
    return ["expired-0123456789", "waiting-0123456789", "fresh-0123456789"]
