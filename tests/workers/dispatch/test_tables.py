"""The newest route table of each country, in memory: refused when it is wrong, kept when no newer one comes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from pipeline.dispatch.following import Refusal
from pipeline.records import Route, RouteState, encode
from tests.samples import NOW, a_route, a_table
from workers.dispatch.tables import Tables
from workers.log import ALLOWED
from workers.loop import Record

SETTINGS = {"GB": {"a": 60.0, "b": 40.0}, "*": {"a": 100.0}}


def _record(value: bytes | None, offset: int = 0) -> Record:
    stamp_ms = int(NOW.timestamp() * 1000)
    return Record(topic="otp.routes", partition=0, offset=offset, key=b"GB", value=value, timestamp_ms=stamp_ms)


def _take(tables: Tables, *routes: Route, **changes: Any) -> None:
    tables.take(_record(encode(a_table(*routes, **changes))))


@pytest.fixture
def tables() -> Tables:
    return Tables(SETTINGS)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


def _shares(tables: Tables, country: str = "GB") -> dict[str, float]:
    plan = tables.of(country)
    return dict(plan.shares) if plan else {}


def test_without_a_table_the_shares_of_the_settings_hold(tables: Tables) -> None:
    assert _shares(tables) == {"a": 60.0, "b": 40.0}
    assert _shares(tables, "DE") == {"a": 100.0}
    assert Tables({"GB": {"a": 100.0}}).of("DE") is None


def test_table_of_one_country_moves_no_other(tables: Tables) -> None:
    _take(tables, a_route("a", 0.1), a_route("b", 0.9))

    assert _shares(tables) == {"a": 0.1, "b": 0.9}
    assert _shares(tables, "DE") == {"a": 100.0}


def test_country_that_has_no_shares_of_its_own_in_the_settings_may_have_a_table(tables: Tables) -> None:
    _take(tables, a_route("a", 0.5), a_route("b", 0.5), country="DE")

    assert _shares(tables, "DE") == {"a": 1.0}


def test_wrong_table_is_refused_and_the_last_good_one_kept(tables: Tables) -> None:
    _take(tables, a_route("a", 0.1), a_route("b", 0.9))
    good = encode(a_table(a_route("a", 0.9), a_route("b", 0.1), revision=8))

    tables.take(_record(good.replace(b'"share":0.9', b'"share":-0.9')))
    tables.take(_record(good.replace(b'"v":1', b'"v":2')))
    tables.take(_record(None))
    _take(tables, a_route("stranger", 1.0), revision=8)

    assert _shares(tables) == {"a": 0.1, "b": 0.9}
    assert tables.refused == {
        Refusal.INVALID_FIELD: 1,
        Refusal.UNKNOWN_VERSION: 1,
        Refusal.UNREADABLE: 1,
        Refusal.NO_PROVIDER: 1,
    }


def test_figures_are_what_json_can_say(tables: Tables) -> None:
    _take(tables, a_route("a", 0.4))

    assert orjson.loads(orjson.dumps(tables.figures())) == {
        "tables": 0,
        "stale": [],
        "refused": {"sum": 1},
        "orders": 0,
    }


def test_refusal_is_said_once_until_a_good_table_comes(tables: Tables, logged: list[Any]) -> None:
    for _ in range(3):
        _take(tables, a_route("a", 0.4))
    _take(tables, a_route("a", 1.0))
    _take(tables, a_route("a", 0.4))

    refusals = [line for line in logged if line["event"] == "routes.refused"]
    assert [(line["reason"], line["country"]) for line in refusals] == [(Refusal.SUM, "GB")] * 2
    assert tables.refused[Refusal.SUM] == 4
    assert all(line.keys() <= ALLOWED | {"log_level"} for line in logged)


def test_stale_table_is_kept_and_said_once(tables: Tables, logged: list[Any]) -> None:
    _take(tables, a_route("a", 0.1), a_route("b", 0.9))
    for age_s in (29, 31, 32, 3600):
        tables.look(NOW + timedelta(seconds=age_s))

    assert _shares(tables) == {"a": 0.1, "b": 0.9}
    assert tables.figures() == {"tables": 1, "stale": ["GB"], "refused": {}, "orders": 0}
    assert [(line["event"], line["countries"]) for line in logged] == [("routes.stale", ["GB"])]
    assert all(line.keys() <= ALLOWED | {"log_level"} for line in logged)


def test_table_that_is_fresh_again_is_said_once(tables: Tables, logged: list[Any]) -> None:
    _take(tables, a_route("a", 1.0))
    tables.look(NOW + timedelta(seconds=31))
    _take(tables, a_route("a", 1.0), decided_at=NOW + timedelta(seconds=2))
    for age_s in (31, 32):
        tables.look(NOW + timedelta(seconds=age_s))

    assert [line["event"] for line in logged] == ["routes.stale", "routes.fresh"]
    assert tables.figures()["stale"] == []


def test_route_that_is_broken_is_known_to_be(tables: Tables) -> None:
    _take(tables, a_route("a", 0.02, RouteState.BROKEN), a_route("b", 0.98))

    plan = tables.of("GB")
    assert plan
    assert (plan.health_of("a").broken, plan.health_of("b").broken) == (True, False)
