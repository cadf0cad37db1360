"""Why the shares of a country are what they are."""

from datetime import timedelta

from pipeline.records import Mode, OrderKind, RouteState
from pipeline.reports.explaining import explain_country
from tests.pipeline.orders.situations import an_order
from tests.samples import NOW, a_route, a_table

ROUTES = {"*": {"a": 60.0, "b": 40.0, "spare": 0.0}}
TABLE = a_table(
    a_route("a", 0.02, RouteState.BROKEN, seen=1, due=40.0),
    a_route("b", 0.98, leader=True),
    a_route("gone", 0.0),
    why="a in GB is broken",
)


def test_states_are_told_with_their_numbers_largest_share_first() -> None:
    story = explain_country("GB", TABLE, ROUTES, [], NOW)
    assert [route.provider for route in story.routes] == ["b", "a", "gone"]
    assert story.routes[1].says == "is broken: 1 of 40 receipts due in the last 8 s arrived, usual 95 %"
    assert [route.configured for route in story.routes] == [40.0, 60.0, 0.0]
    assert (story.mode, story.why, story.stale) == (Mode.AUTOMATIC, "a in GB is broken", False)


def test_only_orders_in_force_here_are_named() -> None:
    here, over = an_order(OrderKind.BAN, "a"), an_order(OrderKind.BAN, "a", expires_at=NOW)
    elsewhere, everywhere = an_order(OrderKind.BAN, "a", country="US"), an_order(OrderKind.HOLD, country="*")
    story = explain_country("GB", TABLE, ROUTES, [here, over, elsewhere, everywhere], NOW)
    assert set(story.orders) == {here, everywhere}


def test_table_that_nobody_renews_is_stale() -> None:
    assert explain_country("GB", TABLE, ROUTES, [], NOW + timedelta(seconds=31)).stale


def test_without_a_table_the_shares_of_the_settings_are_told() -> None:
    story = explain_country("DE", None, ROUTES, [], NOW)
    assert [(route.provider, route.share) for route in story.routes] == [("a", 0.6), ("b", 0.4), ("spare", 0.0)]
    assert (story.mode, story.why) == (None, None)
    assert "the shares of the settings hold" in story.says
