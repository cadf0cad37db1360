"""Incidents go on after a restart of whoever watches."""

import msgspec
import pytest

from pipeline.incidents import Watch
from pipeline.records import Phase
from tests.pipeline.incidents.worlds import (
    A_GB,
    CONFIGURED,
    LOST,
    NOTICED,
    ONSET,
    SEEN_OVER,
    World,
    a_minute_of_a,
    at,
    broken,
    since_onset,
)


def test_after_a_restart_an_open_incident_goes_on_and_closes() -> None:
    world = a_minute_of_a()
    world.live(NOTICED + 12)
    before = world.only

    world.watch = Watch(CONFIGURED)
    world.watch.resume([before])
    told = world.live(SEEN_OVER + 90)

    assert {incident.incident_id for incident in told} == {before.incident_id}
    assert (told[0].phase, told[-1].phase) == (Phase.UPDATED, Phase.CLOSED)
    assert (told[-1].cause, told[-1].opened_at, told[-1].onset_at) == (
        before.cause,
        before.opened_at,
        before.onset_at,
    )
    assert told[-1].requested == pytest.approx(2 * 10 * (SEEN_OVER - ONSET), abs=20)


def test_after_a_restart_numbers_go_on_from_what_the_evidence_has_forgotten() -> None:
    world = World(fates=since_onset(LOST, A_GB), states=broken(A_GB))
    world.live(NOTICED + 1)
    long_ago = {"onset_at": at(-3000), "opened_at": at(-2990), "requested": 5000, "swallowed": 4000}
    told = msgspec.structs.replace(world.only, **long_ago)

    world.watch = Watch(CONFIGURED)
    world.watch.resume([told])
    world.live(NOTICED + 15)

    assert world.only.requested == 5000 + 10 * (world.told[-1][0] - NOTICED)


def test_after_a_restart_closed_incidents_change_nothing() -> None:
    world = a_minute_of_a()
    world.live(SEEN_OVER + 90)

    world.watch = Watch(CONFIGURED)
    world.watch.resume(world.newest.values())

    assert world.live(SEEN_OVER + 200) == []


def test_incident_whose_trouble_went_away_during_a_restart_closes() -> None:
    world = a_minute_of_a()
    world.live(NOTICED + 1)
    before = world.only

    world.watch = Watch(CONFIGURED)
    world.watch.resume([before])
    world.states = lambda _: {}
    told = world.live(NOTICED + 80)

    assert told[-1].phase is Phase.CLOSED
