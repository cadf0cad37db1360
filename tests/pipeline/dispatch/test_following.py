"""A route table as it comes from its topic: refused or followed, what dispatch makes of it, and when it is stale."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dispatch.following import UNKNOWN_HEALTH, Refusal, RoutePlan, as_configured, follow, read
from pipeline.records import Route, RouteState, RouteTable, encode
from tests.samples import NOW, a_route, a_table

CONFIGURED = {"a": 50.0, "b": 30.0, "c": 20.0, "spare": 0.0}
NAN, INFINITE = float("nan"), float("inf")
BROKEN, SUSPECT = RouteState.BROKEN, RouteState.SUSPECT
BANNED, DRAINED = RouteState.BANNED, RouteState.DRAINED

USUAL = (a_route("a", 0.9), a_route("b", 0.1))


def _follow(table: RouteTable, known: RoutePlan | None = None) -> RoutePlan | Refusal:
    return follow(table, CONFIGURED, known, NOW)


def _plan(*routes: Route, **changes: Any) -> RoutePlan:
    plan = _follow(a_table(*(routes or USUAL), **changes))
    assert isinstance(plan, RoutePlan)
    return plan


def test_provider_that_a_table_does_not_have_is_a_spare() -> None:
    assert _plan().shares == {"a": 0.9, "b": 0.1, "c": 0.0, "spare": 0.0}


def test_provider_that_the_settings_do_not_know_is_left_out_and_the_rest_is_a_whole() -> None:
    plan = _plan(a_route("a", 0.6), a_route("b", 0.2), a_route("stranger", 0.2))

    assert plan.shares == pytest.approx({"a": 0.75, "b": 0.25, "c": 0.0, "spare": 0.0})
    assert "stranger" not in plan.health


def test_sum_that_rounding_has_left_short_is_scaled() -> None:
    assert sum(_plan(a_route("a", 0.333), a_route("b", 0.333), a_route("c", 0.333)).shares.values()) == 1.0


@pytest.mark.parametrize(
    ("routes", "reason"),
    [
        ([a_route("a", NAN), a_route("b", 1.0)], Refusal.NOT_FINITE),
        ([a_route("a", 1.0, normal=NAN)], Refusal.NOT_FINITE),
        ([a_route("a", 1.0, silence_s=INFINITE)], Refusal.NOT_FINITE),
        ([a_route("a", 1.0, due=-INFINITE)], Refusal.NOT_FINITE),
        ([a_route("a", -0.5), a_route("b", 1.5)], Refusal.INVALID_FIELD),
        ([a_route("a", 1.0, normal=1.5)], Refusal.INVALID_FIELD),
        ([a_route("a", 1.0, silence_s=-1.0)], Refusal.INVALID_FIELD),
        ([a_route("a", 0.5), a_route("a", 0.5)], Refusal.TWICE),
        ([a_route("a", 0.5), a_route("b", 0.4)], Refusal.SUM),
        ([a_route("a", 0.0), a_route("b", 0.0)], Refusal.SUM),
        ([a_route("stranger", 1.0)], Refusal.NO_PROVIDER),
        ([a_route("stranger", 1.0), a_route("a", 0.0)], Refusal.NO_PROVIDER),
    ],
)
def test_wrong_table_is_refused(routes: list[Route], reason: Refusal) -> None:
    assert _follow(a_table(*routes)) is reason


def test_table_of_no_route_at_all_is_refused() -> None:
    assert _follow(a_table()) is Refusal.SUM


@dataclass(frozen=True)
class Next:
    """A table beside the one that is known: revision 7, decided now."""

    revision: int
    decided_s: float  # later than the one that is known
    refused: bool


@pytest.mark.parametrize(
    "case",
    [
        Next(revision=8, decided_s=1, refused=False),
        Next(revision=8, decided_s=-1, refused=False),  # clocks differ a little
        Next(revision=7, decided_s=5, refused=False),  # a heartbeat
        Next(revision=7, decided_s=0, refused=False),  # read again
        Next(revision=7, decided_s=-5, refused=True),
        Next(revision=6, decided_s=1, refused=True),
        Next(revision=1, decided_s=30, refused=True),
        Next(revision=1, decided_s=31, refused=False),  # a decider that began anew, when nothing came for 30 s
    ],
    ids=str,
)
def test_older_table_is_refused_while_the_newer_one_is_fresh(case: Next) -> None:
    decided_at = NOW + timedelta(seconds=case.decided_s)
    table = a_table(*USUAL, revision=case.revision, decided_at=decided_at)

    followed = follow(table, CONFIGURED, _plan(), appended_at=max(decided_at, NOW))

    assert (followed is Refusal.OUTDATED) == case.refused


@pytest.mark.parametrize(("ahead_s", "refused"), [(0, False), (5, False), (5.1, True), (3600, True)])
def test_table_that_was_decided_after_its_own_record_is_refused(ahead_s: float, *, refused: bool) -> None:
    followed = _follow(a_table(*USUAL, decided_at=NOW + timedelta(seconds=ahead_s)))

    assert (followed is Refusal.FUTURE) == refused


GOOD = encode(a_table(*USUAL))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, Refusal.UNREADABLE),
        (b"", Refusal.UNREADABLE),
        (b"NaN", Refusal.UNREADABLE),
        (b"[" * 1000, Refusal.UNREADABLE),
        (b" " * 70_000, Refusal.UNREADABLE),
        (GOOD.replace(b'"v":1', b'"v":2'), Refusal.UNKNOWN_VERSION),
        (GOOD.replace(b'"share":0.9', b'"share":-0.9'), Refusal.INVALID_FIELD),
        (GOOD.replace(b'"share":0.9', b'"share":null'), Refusal.INVALID_FIELD),
        (GOOD.replace(b'"share":0.9', b'"share":"NaN"'), Refusal.INVALID_FIELD),
        (GOOD.replace(b'"share":0.9', b'"share":1e999'), Refusal.UNREADABLE),
        (GOOD.replace(b'"share":0.9', b'"share":NaN'), Refusal.UNREADABLE),
        (GOOD.replace(b'"normal"', b'"odd"'), Refusal.INVALID_FIELD),
        (GOOD.replace(b'"state":"normal"', b'"state":"asleep"'), Refusal.INVALID_FIELD),
        (GOOD.replace(b'"country":"GB"', b'"country":"nowhere"'), Refusal.INVALID_FIELD),
    ],
)
def test_record_that_is_no_table_is_refused(value: bytes | None, reason: Refusal) -> None:
    assert read(value) is reason


def test_field_that_a_later_release_has_added_is_ignored() -> None:
    assert read(GOOD.replace(b'"v":1', b'"v":1,"new":1')) == a_table(*USUAL)


def test_table_is_stale_30_s_after_its_decision() -> None:
    plan = _plan()

    assert not plan.is_stale(NOW + timedelta(seconds=30))
    assert plan.is_stale(NOW + timedelta(seconds=30.001))


def test_shares_of_the_settings_are_never_stale() -> None:
    assert not as_configured(CONFIGURED).is_stale(NOW + timedelta(days=365))


@pytest.mark.parametrize(
    ("state", "normal", "broken"),
    [
        (RouteState.NORMAL, 1.0, False),
        (RouteState.NORMAL, 0.1, False),
        (SUSPECT, 0.2, False),
        (SUSPECT, 0.19, True),
        (BROKEN, 0.5, True),
        (BANNED, 0.9, False),
        (BANNED, 0.1, True),
        (RouteState.RETURNING, 0.9, False),
        (RouteState.CANARY, 0.9, False),
    ],
)
def test_route_is_known_to_be_broken(state: RouteState, normal: float, *, broken: bool) -> None:
    plan = _plan(a_route("a", 0.9, state, normal=normal), a_route("b", 0.1))

    assert plan.health_of("a").broken == broken
    assert ("a" in plan.sound) == (not broken and state is not BANNED)


def test_no_route_counts_as_broken_when_all_are() -> None:
    every = [a_route(provider, 0.25, BROKEN) for provider in CONFIGURED]

    plan = _plan(*every)

    assert not any(plan.health_of(provider).broken for provider in CONFIGURED)
    assert plan.sound == plan.shares


def test_route_that_says_nothing_of_receipts_has_no_time_of_silence() -> None:
    plan = _plan(a_route("a", 0.9, silence_s=None), a_route("b", 0.1))

    assert plan.health_of("a").silence_s is None
    assert plan.health_of("b").silence_s == 20.0
    assert plan.health_of("c") == UNKNOWN_HEALTH


NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 0.5, 1.0])
ROUTES = st.builds(
    Route,
    provider=st.sampled_from([*CONFIGURED, "stranger"]),
    share=NUMBERS,
    state=st.sampled_from(RouteState),
    normal=NUMBERS,
    usual=st.just(0.9),
    due=NUMBERS,
    seen=st.integers(0, 9),
    window_s=st.just(8),
    silence_s=st.none() | NUMBERS,
)


@given(st.lists(ROUTES, max_size=5))
def test_whatever_a_table_says_what_is_followed_can_be_sent_by(routes: list[Route]) -> None:
    followed = _follow(a_table(*routes))

    if isinstance(followed, RoutePlan):
        assert followed.shares.keys() == CONFIGURED.keys()
        assert all(0 <= share <= 1 for share in followed.shares.values())
        assert sum(followed.shares.values()) == pytest.approx(1)
        assert followed.sound


def test_banned_provider_is_left_out_of_everything() -> None:
    plan = _plan(a_route("a", 0.1, BANNED), a_route("b", 0.9))
    assert plan.shares == pytest.approx({"b": 1.0, "c": 0.0, "spare": 0.0})
    assert "a" not in plan.sound


def test_bans_that_leave_nobody_are_not_followed() -> None:
    plan = _plan(a_route("a", 0.6, BANNED), a_route("b", 0.4, BANNED))
    assert plan.shares["a"] == 0.6


def test_drained_provider_is_kept_for_what_nobody_else_takes() -> None:
    plan = _plan(a_route("a", 0.0, DRAINED), a_route("b", 1.0))
    assert plan.drained == ("a",)
    assert "a" not in plan.sound
    assert plan.shares["a"] == 0


def test_drained_provider_that_has_a_share_is_as_any_other() -> None:
    plan = _plan(a_route("a", 0.9, DRAINED), a_route("b", 0.1, BROKEN))
    assert plan.drained == ()
    assert plan.sound["a"] == 0.9
