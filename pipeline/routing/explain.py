"""Why shares change, in sentences that an operator understands."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.records import Mode, Route, RouteState, RouteTable

SHOWN: Final = 0.005  # a smaller change of a share is not worth a word
_SENTENCES: Final = {
    RouteState.SUSPECT: "may be broken",
    RouteState.BROKEN: "is broken",
    RouteState.RETURNING: "delivers again",
    RouteState.BANNED: "is banned by an operator",
    RouteState.DRAINED: "is drained by an operator",
    RouteState.NORMAL: "is as usual",
}


def why(country: str, before: RouteTable | None, mode: Mode, routes: Sequence[Route]) -> str:
    """Say what has changed since the table before, and what of it is the reason."""
    if mode is Mode.ALL_BAD:
        return f"{country}: messages through every provider are missing, so it is not the providers: nothing is moved"
    if mode is Mode.PINNED:
        return f"{country}: an operator has pinned {_leader(routes)}"
    if mode is Mode.HELD:
        return f"{country}: an operator holds the shares as they are"
    if before is None:
        return f"{country}: starts with {_shares(routes)}"
    old = {route.provider: route for route in before.routes}
    reasons = [_state(country, old.get(route.provider), route) for route in routes]
    moved = _moved(old, routes)
    told = [*filter(None, reasons), *([moved] if moved else [])]
    return "; ".join(told) or f"{country}: {_shares(routes)}"


def _state(country: str, old: Route | None, route: Route) -> str | None:
    where = f"{route.provider} in {country}"
    if old is None:
        return None
    if old.state is not route.state and route.state in _SENTENCES:
        return f"{where} {_SENTENCES[route.state]}: {heard(route)}{_wait(route)}"
    return f"{where} delivers most: {_percent(route.usual)}" if route.leader and not old.leader else None


def state(route: Route) -> str:
    """Say what is believed of a route, and by what."""
    word = _SENTENCES.get(route.state, "is not known well yet")
    return f"{word}: {heard(route)}{_wait(route)}"


def _wait(route: Route) -> str:
    return f"; it waits until {route.returns_at:%H:%M:%S}" if route.returns_at else ""


def heard(route: Route) -> str:
    """Say what was due and what came."""
    if route.due < 1:
        return f"{_percent(route.normal)} sure that it works, no receipts due"
    due = max(round(route.due), 1)
    return f"{route.seen} of {due} receipts due in the last {route.window_s} s arrived, usual {_percent(route.usual)}"


def _moved(old: Mapping[str, Route], routes: Sequence[Route]) -> str:
    taken = [route for route in routes if _change(old, route) < -SHOWN]
    given = [route for route in routes if _change(old, route) > SHOWN]
    if not taken or not given:
        return ""
    to = ", ".join(f"{_percent(_change(old, route))} to {route.provider}" for route in given)
    stays = ", ".join(f"{_percent(route.share)} stays with {route.provider}" for route in taken)
    return f"moved {to}; {stays}"


def _change(old: Mapping[str, Route], route: Route) -> float:
    return route.share - (old[route.provider].share if route.provider in old else 0.0)


def _leader(routes: Sequence[Route]) -> str:
    return next((route.provider for route in routes if route.leader), "no provider")


def _shares(routes: Sequence[Route]) -> str:
    return ", ".join(f"{_percent(route.share)} {route.provider}" for route in routes)


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
