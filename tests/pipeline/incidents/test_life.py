"""Incidents open, change, close, open again, and go on after a restart."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest

from pipeline.records import Cause, Incident, Phase, RouteState, decode, encode
from tests.pipeline.incidents.worlds import (
    A_GB,
    A_US,
    COUNTRIES,
    LOST,
    NOTICED,
    ONSET,
    OVER,
    PROVIDERS,
    SEEN_OVER,
    START,
    USUAL,
    Fate,
    World,
    a_minute,
    a_minute_of_a,
    at,
    broken,
    since_onset,
)

ALL = tuple((provider, country) for provider in PROVIDERS for country in COUNTRIES)


def test_calm_has_no_incident() -> None:
    assert World().live(400) == []


def test_incident_opens_in_the_look_in_which_a_route_is_broken_and_closes_after_a_minute_of_calm() -> None:
    world = a_minute_of_a()

    world.live(SEEN_OVER + 90)

    (opened_s, opened), (closed_s, closed) = world.told[0], world.told[-1]
    assert (opened_s, opened.phase, opened.opened_at) == (NOTICED, Phase.OPENED, at(NOTICED))
    assert (closed_s, closed.phase, closed.closed_at) == (SEEN_OVER + 59, Phase.CLOSED, at(SEEN_OVER + 59))
    assert {told.phase for _, told in world.told[1:-1]} == {Phase.UPDATED}


def test_open_incident_is_told_at_most_every_10_s_and_not_when_nothing_changes() -> None:
    world = a_minute_of_a()

    world.live(SEEN_OVER + 50)

    seconds = [second for second, _ in world.told]
    assert all(after - before >= 10 for before, after in pairwise(seconds))
    assert seconds[-1] < SEEN_OVER + 45  # when the last of its messages are counted


def test_every_record_can_be_read_again() -> None:
    world = a_minute_of_a()

    world.live(SEEN_OVER + 90)

    assert all(decode(Incident, encode(told)) == told for _, told in world.told)


def test_two_watches_give_the_same_incident_the_same_id() -> None:
    ids = []
    for _ in range(2):
        world = a_minute_of_a()
        world.live(NOTICED + 1)
        ids.append(world.only.incident_id)

    assert ids[0] == ids[1]


def test_second_country_within_a_minute_widens_the_incident() -> None:
    def fates(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        begins = ONSET if country == "GB" else ONSET + 20
        return {"v1": LOST if provider == "carrier-a" and second >= begins else USUAL}

    def states(second: int) -> Mapping[tuple[str, str], RouteState]:
        return {**broken(A_GB)(second), **broken(A_US, since=NOTICED + 20)(second)}

    world = World(fates=fates, states=states)
    world.live(ONSET + 60)

    causes = [(told.cause, told.country, told.phase) for _, told in world.told]
    assert causes[0] == (Cause.ROUTE, "GB", Phase.OPENED)
    assert (Cause.PROVIDER, None, Phase.UPDATED) in causes
    assert world.only.summary.startswith("carrier-a in GB and US")
    assert world.only.onset_at == at(ONSET)


def test_wider_scope_is_told_at_once() -> None:
    def states(second: int) -> Mapping[tuple[str, str], RouteState]:
        return broken(*ALL)(second) if second >= NOTICED + 3 else broken(A_GB)(second)

    def fates(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        begins = ONSET if (provider, country) == A_GB else ONSET + 3
        return {"v1": LOST if second >= begins else USUAL}

    world = World(fates=fates, states=states)
    world.live(NOTICED + 6)

    assert [(second, told.cause) for second, told in world.told][:2] == [
        (NOTICED, Cause.ROUTE),
        (NOTICED + 3, Cause.OURS),
    ]


def test_country_that_breaks_much_later_has_an_incident_of_its_own() -> None:
    late = NOTICED + 90

    def fates(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        begins = {A_GB: ONSET, ("carrier-b", "US"): late - 8}.get((provider, country), 10**9)
        return {"v1": LOST if second >= begins else USUAL}

    def states(second: int) -> Mapping[tuple[str, str], RouteState]:
        return {**broken(A_GB)(second), **broken(("carrier-b", "US"), since=late)(second)}

    world = World(fates=fates, states=states)
    world.live(late + 10)

    assert {(told.provider, told.country) for told in world.newest.values()} == {A_GB, ("carrier-b", "US")}


def test_country_of_a_broken_provider_that_breaks_much_later_is_part_of_its_incident() -> None:
    late = NOTICED + 90
    a_de = ("carrier-a", "DE")

    def fates(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        few = Fate(sent=0 if second < late - 8 else 10)
        begins = late - 8 if country == "DE" else ONSET
        usual = few if (provider, country) == a_de else USUAL
        return {"v1": replace(LOST, sent=usual.sent) if provider == "carrier-a" and second >= begins else usual}

    def states(second: int) -> Mapping[tuple[str, str], RouteState]:
        return {**broken(A_GB, A_US)(second), **broken(a_de, since=late)(second)}

    world = World(fates=fates, states=states, countries=("GB", "US", "DE"))
    world.live(late + 30)

    assert world.only.cause is Cause.PROVIDER


def test_incidents_that_turn_out_to_be_one_become_one() -> None:
    b = (("carrier-b", "GB"), ("carrier-b", "US"))

    def states(second: int) -> Mapping[tuple[str, str], RouteState]:
        early = {**broken(A_GB, A_US)(second), **broken(*b, since=NOTICED + 4)(second)}
        return broken(*ALL)(second) if second >= NOTICED + 20 else early

    def fates(second: int, provider: str, _country: str) -> Mapping[str, Fate]:
        begins = {"carrier-a": ONSET, "carrier-b": ONSET + 4, "carrier-c": ONSET + 12}[provider]
        return {"v1": LOST if second >= begins else USUAL}

    world = World(fates=fates, states=states)
    world.live(NOTICED + 40)

    assert {told.cause for told in world.newest.values()} == {Cause.OURS}
    assert [told.phase for told in world.newest.values()].count(Phase.UPDATED) == 1


def test_route_that_breaks_again_within_5_minutes_has_the_same_incident() -> None:
    again = SEEN_OVER + 200

    def fates(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        bad = ONSET <= second < OVER or second >= again - 8
        return {"v1": LOST if bad and (provider, country) == A_GB else USUAL}

    def states(second: int) -> Mapping[tuple[str, str], RouteState]:
        return {**broken(A_GB, until=SEEN_OVER)(second), **broken(A_GB, since=again)(second)}

    world = World(fates=fates, states=states)
    world.live(again + 20)

    phases = [told.phase for _, told in world.told]
    assert Phase.CLOSED in phases
    assert (world.only.phase, world.only.closed_at, world.only.onset_at) == (Phase.UPDATED, None, at(ONSET))


def test_route_that_breaks_again_much_later_has_a_new_incident() -> None:
    again = SEEN_OVER + 60 + 310

    def fates(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        bad = ONSET <= second < OVER or second >= again - 8
        return {"v1": LOST if bad and (provider, country) == A_GB else USUAL}

    def states(second: int) -> Mapping[tuple[str, str], RouteState]:
        return {**broken(A_GB, until=SEEN_OVER)(second), **broken(A_GB, since=again)(second)}

    world = World(fates=fates, states=states)
    world.live(again + 10)

    first, second = world.newest.values()
    assert (first.phase, second.phase) == (Phase.CLOSED, Phase.OPENED)
    assert second.onset_at == at(again - 8)


def test_banned_or_suspect_route_keeps_the_incident_open() -> None:
    for state in (RouteState.BANNED, RouteState.SUSPECT):

        def states(second: int, state: RouteState = state) -> Mapping[tuple[str, str], RouteState]:
            return {A_GB: state} if second >= SEEN_OVER else broken(A_GB)(second)

        world = World(fates=a_minute(A_GB), states=states)
        world.live(SEEN_OVER + 120)

        assert world.only.phase is Phase.UPDATED


def test_returning_route_lets_the_incident_close() -> None:
    def states(second: int) -> Mapping[tuple[str, str], RouteState]:
        return {A_GB: RouteState.RETURNING} if second >= SEEN_OVER else broken(A_GB)(second)

    world = World(fates=a_minute(A_GB), states=states)
    world.live(SEEN_OVER + 70)

    assert world.only.phase is Phase.CLOSED


def test_numbers_are_of_the_codes_that_went_the_broken_way() -> None:
    world = World(
        fates=a_minute(A_GB, A_US, fate=replace(LOST, rescued=True), moved=True),
        states=broken(A_GB, A_US, until=SEEN_OVER),
    )

    world.live(SEEN_OVER + 61)

    sent = 2 * 10 * (NOTICED - ONSET)
    healthy = 2 * 10 * (SEEN_OVER - OVER)  # until the tables said that it is well again
    incident = world.only
    assert incident.phase is Phase.CLOSED
    assert incident.requested == pytest.approx(sent + healthy, abs=20)
    assert incident.swallowed == pytest.approx(sent, abs=0.1 * healthy + 1)
    assert incident.rescued == sent


def test_message_is_swallowed_only_when_its_receipt_is_overdue() -> None:
    world = World(fates=since_onset(LOST, A_GB), states=broken(A_GB))

    world.live(ONSET + 25)

    assert world.only.requested > 0
    assert world.only.swallowed == 0


def test_faked_receipts_do_not_hide_what_was_swallowed() -> None:
    world = World(fates=since_onset(Fate(entries=0.0), A_GB, A_US), states=broken(A_GB, A_US, since=ONSET + 20))

    world.live(ONSET + 100)

    overdue = 2 * 10 * 65
    assert world.only.swallowed == pytest.approx(overdue, rel=0.1)


def test_numbers_go_on_while_the_evidence_forgets() -> None:
    world = World(fates=since_onset(LOST, A_GB), states=broken(A_GB))

    for second in range(ONSET, ONSET + 780, 60):
        world.live(second)
        world.evidence.prune(START + second)

    lasted = world.told[-1][0] - ONSET
    assert world.only.requested == pytest.approx(10 * lasted, abs=20)


def test_what_was_done_are_the_reasons_of_tables_since_the_onset() -> None:
    world = a_minute_of_a()

    world.live(SEEN_OVER + 30)

    moved = [f"{country}: because at {second}" for second in (NOTICED, SEEN_OVER) for country in COUNTRIES]
    assert list(world.only.done) == moved


def test_the_newest_20_reasons_are_kept() -> None:
    def states(second: int) -> Mapping[tuple[str, str], RouteState]:
        other = RouteState.SUSPECT if second % 2 else RouteState.NORMAL
        return {**broken(A_GB)(second), ("carrier-c", "GB"): other}

    world = World(fates=since_onset(LOST, A_GB), states=states)
    world.live(NOTICED + 61)

    assert len(world.only.done) == 20
    assert world.only.done[-1] == f"GB: because at {NOTICED + 60}"
