"""The sentences of a move."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.records import Mode, Route, RouteState, RouteTable
from pipeline.routing.explain import why

AT = datetime(2026, 1, 2, 12, 3, 7, tzinfo=UTC)


def route(provider: str, share: float, **more: Any) -> Route:
    known = {
        "state": RouteState.NORMAL, "normal": 0.99, "usual": 0.94, "due": 41.0, "seen": 39, "window_s": 8,
    }  # fmt: skip
    return Route(provider=f"carrier-{provider}", share=share, **{**known, **more})


def table(*routes: Route) -> RouteTable:
    return RouteTable(
        country="GB", revision=1, decided_at=AT, changed_at=AT, mode=Mode.AUTOMATIC, why="", routes=routes
    )


BEFORE = table(route("a", 0.96, leader=True), route("b", 0.02), route("c", 0.02))


def test_a_fault_is_told_with_its_numbers_and_moves() -> None:
    after = (
        route("a", 0.02, state=RouteState.BROKEN, seen=3, normal=0.01),
        route("b", 0.6, leader=True),
        route("c", 0.38),
    )
    assert why("GB", BEFORE, Mode.AUTOMATIC, after) == (
        "carrier-a in GB is broken: 3 of 41 receipts due in the last 8 s arrived, usual 94 %; "
        "carrier-b in GB delivers most: 94 %; "
        "moved 58 % to carrier-b, 36 % to carrier-c; 2 % stays with carrier-a"
    )


def test_a_return_says_how_long_it_waits() -> None:
    before = table(route("a", 0.02, state=RouteState.BROKEN), route("b", 0.98, leader=True))
    after = (route("a", 0.02, state=RouteState.RETURNING, returns_at=AT), route("b", 0.98, leader=True))
    assert why("GB", before, Mode.AUTOMATIC, after).endswith("usual 94 %; it waits until 12:03:07")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (Mode.ALL_BAD, "it is not the providers: nothing is moved"),
        (Mode.PINNED, "an operator has pinned carrier-a"),
        (Mode.HELD, "an operator holds the shares as they are"),
    ],
)
def test_other_modes_have_their_own_sentence(mode: Mode, words: str) -> None:
    assert words in why("GB", BEFORE, mode, BEFORE.routes)


def test_without_due_receipts_the_belief_itself_is_told() -> None:
    after = (route("a", 0.96, state=RouteState.SUSPECT, due=0.0, normal=0.4, leader=True), *BEFORE.routes[1:])
    assert why("GB", BEFORE, Mode.AUTOMATIC, after) == (
        "carrier-a in GB may be broken: 40 % sure that it works, no receipts due"
    )


def test_the_first_table_tells_its_shares() -> None:
    assert why("GB", None, Mode.AUTOMATIC, BEFORE.routes) == (
        "GB: starts with 96 % carrier-a, 2 % carrier-b, 2 % carrier-c"
    )
