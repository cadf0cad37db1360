"""The routes in trouble -> what is wrong: one rule for each cause, tried in the order of the tables at the end.

A rule takes the routes that it explains; what is left is for the rules after it, and the last one takes all of them.
"""

from collections.abc import Callable, Iterator
from typing import Final

from pipeline.evidence.routes import RouteName
from pipeline.incidents.measure import SURE, Measure, Sign
from pipeline.incidents.picture import Fault, Picture, countries, of_country, of_provider, providers
from pipeline.incidents.scope import Scope
from pipeline.records import Cause, Mode

SEVERAL: Final = 2  # providers that fail together
FLOOD: Final = 3.0  # times the usual requests are far above it
ASKING: Final = 2.0  # times the usual requests for another message: people miss their codes ...
ASKED: Final = 5  # ... and so many at least

Routes = frozenset[RouteName]
Rule = Callable[[Picture, Routes], Iterator[Fault]]


def find_faults(picture: Picture) -> list[Fault]:
    """Explain the whole pool, and what concerns all routes together though none is in trouble."""
    wide = (list(rule(picture, picture.pool)) for rule in WIDE)
    found = next(filter(None, wide), [])
    left = picture.pool.difference(*(fault.routes for fault in found))
    for rule in NARROW:
        for fault in rule(picture, left):
            found.append(fault)
            left -= fault.routes
    return found


def _configuration(picture: Picture, left: Routes) -> Iterator[Fault]:
    """Only what one version sends is bad, on routes and in seconds in which another version is fine."""
    where = left or picture.seen
    versions = picture.world.gather(where, picture.since, lambda message: message[2], mixed=True)
    for sign in Sign:
        bad = [config for config, measure in versions.items() if measure.of(sign).fallen]
        if len(bad) == 1 and any(measure.of(sign).fine for measure in versions.values()):
            yield Fault(scope=Scope(cause=Cause.CONFIGURATION, config=bad[0]), routes=left, where=where)
            return


def _signal(picture: Picture, left: Routes) -> Iterator[Fault]:
    """Find a signal that has stopped at one blow while the other one tells that messages arrive."""
    flow = picture.world.baselines.flow
    if picture.all.hand_overs.fallen:  # what no provider takes nobody can report or enter
        return
    for sign, other in ((Sign.RECEIPTS, Sign.ENTRIES), (Sign.ENTRIES, Sign.RECEIPTS)):
        if sign in flow.stops and flow.going(other) and not asks_again(picture.all):
            routes = frozenset(name for name in left if picture.of([name]).of(other).says_fallen < SURE)
            yield Fault(scope=Scope(cause=Cause.SIGNAL), routes=routes, where=picture.seen)
            return


def asks_again(measure: Measure) -> bool:
    """Tell whether many people ask for another message."""
    return measure.asks.seen >= max(ASKED, ASKING * measure.asks.due)


def _fraud(picture: Picture, left: Routes) -> Iterator[Fault]:
    """In one country many more codes are asked for than usual; they are delivered, and nobody enters them."""
    for country in countries(left or picture.seen):
        where = of_country(picture.seen, country)
        total = picture.of(where)
        spared = any(picture.of([name]).entries.fine for name in where)
        if (
            total.entries.fallen
            and not total.receipts.fallen
            and not spared
            and (picture.growth(country) or 0) >= FLOOD
        ):
            yield Fault(scope=Scope(cause=Cause.FRAUD, country=country), routes=of_country(left, country), where=where)


def _codes(picture: Picture, left: Routes) -> Iterator[Fault]:
    """Messages are delivered as usual, and no provider's and no country's codes are entered as usual."""
    total = picture.all
    by_provider = {name: picture.of(of_provider(picture.seen, name)) for name in providers(picture.seen)}
    by_country = [picture.of(of_country(picture.seen, name)) for name in countries(picture.seen)]
    if not total.receipts.fine or not total.entries.fallen or any(of.receipts.fallen for of in by_provider.values()):
        return
    if any(of.entries.fine for of in [*by_provider.values(), *by_country]):
        return
    largest = max(by_provider, key=lambda name: by_provider[name].entries.due)
    others = picture.of(picture.seen - of_provider(picture.seen, largest))
    if others.entries.fallen:
        routes = frozenset(name for name in left if not picture.of([name]).receipts.fallen)
        yield Fault(scope=Scope(cause=Cause.CODES), routes=routes, where=picture.seen)


def _ours(picture: Picture, left: Routes) -> Iterator[Fault]:
    """Several providers fail at once, and nothing is fine anywhere."""
    if not left or picture.fine:
        return
    everywhere = countries(picture.seen)
    by_mode = {picture.world.mode(country) for country in everywhere} == {Mode.ALL_BAD}
    by_routes = len(_failing(picture, picture.bad)) >= SEVERAL and countries(picture.bad) == everywhere
    if by_mode or by_routes:
        yield Fault(scope=Scope(cause=Cause.OURS), routes=left, where=picture.bad)


def _failing(picture: Picture, routes: Routes) -> list[str]:
    """Give the providers of routes of which clearly too little was heard there."""
    return [name for name in providers(routes) if picture.of(of_provider(routes, name)).fallen]


def _destination(picture: Picture, left: Routes) -> Iterator[Fault]:
    """Several providers fail in one country alone, none is fine there, and elsewhere they are."""
    for country in countries(left):
        where = of_country(picture.bad, country)
        elsewhere = providers(picture.bad - where)
        alone = [provider for provider in _failing(picture, where) if provider not in elsewhere]
        together = len(alone) >= SEVERAL or picture.world.mode(country) is Mode.ALL_BAD
        if together and not of_country(picture.fine, country) and picture.well - of_country(picture.well, country):
            yield Fault(
                scope=Scope(cause=Cause.DESTINATION, country=country), routes=of_country(left, country), where=where
            )


def _provider(picture: Picture, left: Routes) -> Iterator[Fault]:
    """One provider fails in all its countries, or in some."""
    explained = picture.pool - left
    for provider in providers(left):
        routes = of_provider(left, provider)
        if of_provider((picture.well | picture.fine) - left, provider):
            only = countries(routes)[0] if len(routes) == 1 else None
            yield Fault(scope=Scope(cause=Cause.ROUTE, provider=provider, country=only), routes=routes, where=routes)
        else:
            where = routes | of_provider(picture.bad - explained, provider)
            denies = routes & picture.world.denied or mostly_denied(picture.of(where))
            cause = Cause.CREDENTIAL if denies else Cause.PROVIDER
            yield Fault(scope=Scope(cause=cause, provider=provider), routes=routes, where=where)


def mostly_denied(measure: Measure) -> bool:
    """Tell whether most hand-overs were denied for our credential, account or sender."""
    return measure.denied > 0 and 2 * measure.denied >= measure.hand_overs.sent


WIDE: Final[tuple[Rule, ...]] = (_configuration, _signal, _fraud, _codes, _ours)  # one of them at a time
NARROW: Final[tuple[Rule, ...]] = (_destination, _provider)
