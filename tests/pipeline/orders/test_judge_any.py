"""What holds of orders whatever is asked for, in any situation."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.dispatch.following import is_broken
from pipeline.orders import Accepted, Refused, Situation, Wanted, after, asked, judge, outlook
from pipeline.orders.asking import FIELDS
from pipeline.records import Order, OrderKind, RouteState, RouteTable, decode, encode
from pipeline.routing.overrides import covers, in_force
from pipeline.settings.countries import shares_for
from tests.pipeline.orders.situations import ORDER_ID, ROUTES, an_order, wanted
from tests.samples import NOW, a_route, a_table

COUNTRIES = ("GB", "US")
areas = st.sampled_from(["*", *COUNTRIES])
kinds = st.sampled_from([kind for kind in OrderKind if kind is not OrderKind.RESUME])
minutes = st.integers(-1, 10).map(lambda count: NOW + timedelta(minutes=count))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, RouteTable]:
    found = {}
    for country in draw(st.sets(st.sampled_from(COUNTRIES))):
        names = sorted(shares_for(ROUTES, country))
        leader = draw(st.sampled_from(names))
        states = {name: draw(st.sampled_from(RouteState)) for name in names}
        normal = st.floats(0, 1)
        routes = [a_route(name, float(name == leader), states[name], normal=draw(normal)) for name in names]
        found[country] = a_table(*routes, country=country)
    return found


@st.composite
def orders(draw: st.DrawFn) -> list[Order]:
    made = []
    for number in range(draw(st.integers(0, 5))):
        kind = draw(kinds)
        provider = None if kind is OrderKind.HOLD else draw(st.sampled_from("abc"))
        changes = {"country": draw(areas), "order_id": f"order-in-force-{number:03}", "expires_at": draw(minutes)}
        made.append(an_order(kind, provider, **changes))
    return made


@st.composite
def asked_for(draw: st.DrawFn) -> Wanted:
    kind = draw(kinds)
    provider = None if kind is OrderKind.HOLD else draw(st.sampled_from("abc"))
    return wanted(kind, provider, country=draw(areas), expires_at=draw(minutes), force=draw(st.booleans()))


situations = st.builds(Situation, routes=st.just(ROUTES), tables=tables(), orders=orders())


@given(asked_for(), situations)
def test_without_force_every_country_keeps_a_provider_that_works_if_it_had_one(
    order: Wanted, situation: Situation
) -> None:
    verdict = judge(order, situation, NOW, ORDER_ID)
    if isinstance(verdict, Refused) or verdict.order.forced or order.kind is not OrderKind.BAN:
        return
    held = in_force(after(verdict, situation.orders), NOW)
    for country in COUNTRIES:
        if covers(order.country, country) and order.provider in shares_for(ROUTES, country):
            banned = {one.provider for one in held if one.kind is OrderKind.BAN and covers(one.country, country)}
            assert [name for name in shares_for(ROUTES, country) if name not in banned | _broken(situation, country)]


def _broken(situation: Situation, country: str) -> set[str]:
    table = situation.tables.get(country)
    return {route.provider for route in table.routes if is_broken(route)} if table else set()


@given(asked_for(), situations)
def test_what_is_accepted_fits_on_the_topic_and_is_there_once(order: Wanted, situation: Situation) -> None:
    verdict = judge(order, situation, NOW, ORDER_ID)
    if isinstance(verdict, Accepted):
        assert decode(Order, encode(verdict.order)) == verdict.order
        held = in_force(after(verdict, situation.orders), NOW)
        alike = [
            one for one in held if (one.kind, one.provider, one.country) == (order.kind, order.provider, order.country)
        ]
        assert alike == [verdict.order]


@given(asked_for(), situations)
def test_shares_that_would_follow_are_a_whole_and_a_ban_leaves_none(order: Wanted, situation: Situation) -> None:
    verdict = judge(order, situation, NOW, ORDER_ID)
    if isinstance(verdict, Refused):
        return
    for one in outlook(verdict, situation, NOW):
        assert abs(sum(one.then.values()) - 1) < 1e-3
        assert all(0 <= share <= 1 for share in one.then.values())
        if order.kind is OrderKind.BAN and order.provider in one.then and not order.force:
            assert one.then[order.provider] == 0
        if order.kind is OrderKind.PIN and order.country == one.country and order.provider in one.then:
            probes = [held for held in situation.orders if held.kind is OrderKind.PROBE]
            assert one.then[order.provider] == 1 or probes


anything: Any = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()))
words = st.sampled_from(
    ["pin", "ban", "GB", "*", "a", "30m", "0s", "999999999d", "2026-01-02T12:00:00Z", "otp.requests/0"]
)


@given(st.dictionaries(st.sampled_from([*FIELDS, "odd"]), anything | words), st.text())
def test_whatever_is_asked_for_is_read_or_refused_with_a_field(document: dict[str, object], author: str) -> None:
    for who in (author, "ops"):
        read = asked(document, who, NOW)
        verdict = read if isinstance(read, Refused) else judge(read, Situation(routes=ROUTES), NOW, ORDER_ID)
        assert isinstance(verdict, Accepted) or (verdict.field and verdict.text)
