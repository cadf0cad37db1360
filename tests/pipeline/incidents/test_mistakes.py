"""What is wrong or missing in tables and evidence makes no incident of its own, and what is cheap stays so."""

import time
from collections.abc import Mapping

import pytest

from pipeline.evidence.routes import Evidence, RouteName
from pipeline.incidents import Watch
from pipeline.incidents.denied import denied
from pipeline.records import Cause, Cell, Counts, Mode, Phase, RouteState, RouteTable
from tests.pipeline.incidents.worlds import (
    A_GB,
    A_US,
    CONFIGURED,
    COUNTRIES,
    LOST,
    NOTICED,
    ONSET,
    PROVIDERS,
    START,
    USUAL,
    Fate,
    World,
    at,
    broken,
    counted,
    route,
    since_onset,
)

DOUBTED_S = 60


def test_nothing_known_is_no_incident() -> None:
    watch = Watch(CONFIGURED)

    assert watch.look(Evidence(), {}, START) == []
    assert watch.look(Evidence(), World().tables(), START + 1) == []


def test_all_tables_may_say_that_nothing_was_heard_at_all() -> None:
    watch = Watch(CONFIGURED)
    tables = World(modes=lambda _: dict.fromkeys(COUNTRIES, Mode.ALL_BAD)).tables()

    assert watch.look(Evidence(), tables, START) == []


@pytest.mark.parametrize("last_entry", [0, 2, 5])
def test_codes_that_no_provider_takes_are_no_lost_signal(last_entry: int) -> None:
    def refused(second: int, _provider: str, _country: str) -> Mapping[str, Fate]:
        return {"v1": Fate(refused=True) if second >= ONSET else Fate(entries_until=ONSET + last_entry)}

    everywhere = [(provider, country) for provider in PROVIDERS for country in COUNTRIES]
    world = World(
        fates=refused, states=broken(*everywhere), modes=lambda second: dict.fromkeys(COUNTRIES, all_bad(second))
    )

    world.live(ONSET + 60)

    assert {incident.cause for _, incident in world.told} == {Cause.OURS}


def test_a_few_refusals_before_a_breaker_shuts_the_route_are_enough_to_name_it() -> None:
    def refused(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        if (provider, country) != A_GB or second < ONSET:
            return {"v1": USUAL}
        return {"v1": Fate(sent=5, refused=True)} if second == ONSET else {}

    world = World(fates=refused, states=broken(A_GB, since=ONSET + 1))

    world.live(ONSET + 15)

    assert (world.only.cause, world.only.provider, world.only.country) == (Cause.ROUTE, "carrier-a", "GB")


def all_bad(second: int) -> Mode:
    return Mode.ALL_BAD if second >= NOTICED else Mode.AUTOMATIC


def test_country_and_provider_that_are_not_configured_are_not_spoken_of() -> None:
    for configured in ({}, {"DE": {"carrier-a": 100.0}}, {"*": {"carrier-b": 100.0}}):
        world = World(fates=since_onset(LOST, A_GB), states=broken(A_GB), watch=Watch(configured))

        assert world.live(NOTICED + 30) == []


def test_incident_of_a_provider_that_is_taken_out_of_the_settings_closes() -> None:
    world = World(fates=since_onset(LOST, A_GB, A_US), states=broken(A_GB, A_US))
    world.live(NOTICED + 5)
    before = world.only

    world.watch = Watch({"*": {"carrier-b": 100.0}})
    world.watch.resume([before])
    world.live(NOTICED + 70)

    assert world.only.phase is Phase.CLOSED


def test_broken_route_that_is_heard_to_deliver_is_doubted() -> None:
    assert World(states=broken(A_GB)).live(NOTICED + 60) == []


def test_broken_route_of_which_nothing_is_heard_is_believed_after_a_while() -> None:
    def nothing(_second: int, provider: str, country: str) -> Mapping[str, Fate]:
        return {} if (provider, country) == A_GB else {"v1": USUAL}

    world = World(fates=nothing, states=broken(A_GB))
    world.live(NOTICED + DOUBTED_S + 1)

    assert next((second, told.phase) for second, told in world.told) == (NOTICED + DOUBTED_S, Phase.OPENED)


def test_route_of_a_broken_provider_is_doubted_where_it_delivers() -> None:
    world = World(fates=since_onset(LOST, A_GB), states=broken(A_GB, A_US))
    world.live(NOTICED + 30)

    assert {told.country for told in world.newest.values()} == {"GB"}


def test_looks_that_were_left_out_change_nothing() -> None:
    world = World(fates=since_onset(LOST, A_GB, A_US), states=broken(A_GB, A_US))
    watch, world.watch = world.watch, Watch(CONFIGURED)

    told = []
    for second in range(5, NOTICED + 12, 5):
        world.live(second)
        told += watch.look(world.evidence, world.tables(), START + second - 1)

    assert [(incident.cause, incident.onset_at) for incident in told] == [(Cause.PROVIDER, at(ONSET))]


def test_watch_that_begins_in_the_middle_names_the_cause() -> None:
    world = World(fates=since_onset(LOST, A_GB, A_US), states=broken(A_GB, A_US))
    world.live(NOTICED + 5)

    (incident,) = Watch(CONFIGURED).look(world.evidence, world.tables(), START + world.second - 1)

    assert (incident.cause, incident.provider) == (Cause.PROVIDER, "carrier-a")
    assert incident.onset_at == at(ONSET)


def test_look_at_the_same_second_again_changes_nothing() -> None:
    world = World(fates=since_onset(LOST, A_GB, A_US), states=broken(A_GB, A_US))
    world.live(NOTICED + 1)

    assert world.watch.look(world.evidence, world.tables(), START + NOTICED) == []


Hand = tuple[int, RouteName, Counts]
TAKEN, DENIED = Counts(accepted=2), Counts(refused=1, denied=1)


@pytest.mark.parametrize(
    ("hands", "expected"),
    [
        ([], set()),
        ([(0, A_GB, TAKEN)], set()),
        ([(9, A_GB, DENIED)], set()),  # it may be chance
        ([(second, A_GB, DENIED) for second in (8, 9)], {A_GB}),
        ([(-50, A_GB, DENIED), (-20, A_GB, DENIED), (9, A_GB, DENIED)], {A_GB}),  # breakers let few through
        ([(-50, A_GB, DENIED), (-20, A_GB, TAKEN), (9, A_GB, DENIED)], set()),
        ([(-50, A_GB, DENIED), (-20, A_GB, DENIED), (-15, A_GB, DENIED)], set()),  # nothing lately
        ([(8, A_GB, Counts(accepted=5, refused=5, denied=5))], {A_GB}),  # half of all
        ([(8, A_GB, Counts(accepted=6, refused=5, denied=5))], set()),
        ([(8, A_GB, Counts(refused=9, denied=3)), (9, A_GB, TAKEN)], set()),  # refused, and rarely for our credential
        ([(8, A_GB, DENIED), (9, A_US, DENIED)], {A_GB, A_US}),  # one credential for both
        ([(8, A_GB, Counts(refused=6, denied=6)), (8, A_US, Counts(accepted=9))], {A_GB}),  # the sender of a country
    ],
)
def test_credential_is_denied_when_it_is_no_chance(hands: list[Hand], expected: set[RouteName]) -> None:
    evidence = Evidence()
    for second, name, counts in hands:
        evidence.add(Cell(START + second, *name, "v1", counts), START + 9)

    assert denied(evidence, START + 9) == expected


def test_look_at_1600_routes_costs_little_while_all_is_well() -> None:
    countries = [f"{first}{second}" for first in "ABCDEFGHIJ" for second in "ABCDEFGHIJKLMNOPQRST"]
    carriers = [f"carrier-{letter}" for letter in "abcdefgh"]
    evidence = Evidence()
    for second in range(90):
        counts = counted(Fate(sent=3), 89 - second, 89 - second, 89 - second)
        for country in countries:
            for provider in carriers:
                evidence.add(Cell(START + second, provider, country, "v1", counts), START + 89)
    routes = tuple(route(provider, RouteState.NORMAL) for provider in carriers)
    tables = {
        country: RouteTable(
            country=country,
            revision=1,
            decided_at=at(0),
            changed_at=at(0),
            mode=Mode.AUTOMATIC,
            why="",
            routes=routes,
        )
        for country in countries
    }
    watch = Watch({"*": dict.fromkeys(carriers, 12.5)})
    watch.look(evidence, tables, START + 79)

    spent = []
    for second in range(80, 90):
        before = time.process_time()
        watch.look(evidence, tables, START + second)
        spent.append(time.process_time() - before)

    assert min(spent) < 0.04


def test_route_that_is_heard_of_late_is_never_called_fine_in_its_own_incident() -> None:
    def late(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        lost = (provider, country) == A_GB and ONSET <= second < ONSET + 12
        return {"v1": LOST if lost else USUAL}

    world = World(fates=late, states=broken(A_GB))
    world.live(NOTICED + 120)

    said = {sentence for _, incident in world.told for sentence in incident.not_causes}
    assert any(sentence == "not all of carrier-a: US is fine" for sentence in said)
    assert not [sentence for sentence in said if "GB" in sentence and "carrier-a" in sentence]
