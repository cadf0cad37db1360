"""What a drill has shown -> its figures, its table and its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from msgspec import structs

from bench.drills.drills import drill
from bench.drills.moves import Outage
from bench.drills.practice import Observed
from bench.drills.report import document, holds, lines, words
from bench.drills.results import Result, named_rightly, result
from pipeline.records import Cause, Incident, Phase
from pipeline.reports.figures import Arrived, Asked, Evidence, count
from tests.bench.test_drills_moves import CONFIGURED, LED, LEFT, both

GATEWAY = drill("gateway-setting")
ONSET = 100.0
OUTAGE = Outage(carriers=frozenset({"a"}), countries=frozenset({"GB", "US"}), onset_at=ONSET, until=400.0)
AT = datetime(2026, 1, 1, tzinfo=UTC)
INCIDENT = Incident(
    incident_id="incident-0123456789",
    phase=Phase.OPENED,
    cause=Cause.PROVIDER,
    provider="a",
    onset_at=AT,
    opened_at=AT + timedelta(seconds=5),
    updated_at=AT + timedelta(seconds=5),
    summary="a delivers nothing",
    not_causes=("not the network: the others deliver",),
)
CARRIERS = {"a": False, "b": True}


def asked(turn: int) -> Asked:
    at = ONSET + turn
    return Asked(request_id=f"request-{turn}", answer="accepted", answered_at=at, expires_at=at + 300, number_hmac="gb")


def message(turn: int, attempt: int, carrier: str) -> Arrived:
    at, well = ONSET + turn + 10 * (attempt - 1), CARRIERS[carrier]
    return Arrived(
        request_id=f"request-{turn}",
        attempt=attempt,
        at=at,
        code_hmac="c",
        number_hmac="gb",
        decision="delivered" if well else "dropped",
        carrier=carrier,
        delivered_at=at + 1 if well else None,
    )


def observed(arrived: Sequence[Arrived], incidents: Sequence[Incident] = (INCIDENT,)) -> Observed:
    requests = [asked(turn) for turn in range(10)]
    evidence = Evidence(
        asked=requests,
        arrived=arrived,
        verified=frozenset(),
        attempts=(),
        receipts=(),
        verifications=(),
        dead=(),
    )
    return Observed(
        drill=GATEWAY,
        outage=OUTAGE,
        changes=((ONSET - 0.1, {"silent_drop": {}}),),
        configured=CONFIGURED,
        seen=(*both(50.0, LED), *both(104.5, LEFT)),
        incidents=incidents,
        named_at=105.0 if incidents else None,
        asked=requests,
        arrived=arrived,
        entered=(),
        country_of={"gb": "GB"},
        figures=count(evidence),
    )


ALL_RESCUED = [
    *(message(turn, 1, "a" if turn < 4 else "b") for turn in range(10)),
    *(message(turn, 2, "b") for turn in range(4)),
]
WELL = result(observed(ALL_RESCUED))


def test_figures_of_codes_moves_and_incidents_stand_together() -> None:
    assert (WELL.requested, WELL.swallowed, WELL.rescued, WELL.undelivered) == (10, 4, 4, 0)
    assert (WELL.detected_s, WELL.drained_s, WELL.named_s) == (4.5, 4.5, 5.0)
    assert (WELL.cause, WELL.not_cause, WELL.named_rightly) == ("provider", ("not the network: the others deliver",), 1)
    assert (WELL.why, WELL.summary) == ("because", "a delivers nothing")
    assert WELL.behind_broker_s == pytest.approx(0.01)


def test_every_limit_holds_when_all_was_rescued() -> None:
    assert holds(GATEWAY, [WELL])
    assert {line.met for line in lines(GATEWAY, [WELL])} == {True, None}


def test_code_that_was_not_rescued_shows_as_a_missed_limit() -> None:
    one_less = result(observed(ALL_RESCUED[:-1]))

    assert (one_less.rescued_percent, one_less.undelivered_per_mille) == (75.0, 100.0)
    assert document(GATEWAY, GATEWAY.size, [one_less])["missed"] == ["rescued_percent", "undelivered_per_mille"]


def test_where_nothing_was_swallowed_nothing_is_claimed_to_be_rescued() -> None:
    untouched = result(observed([message(turn, 1, "b") for turn in range(10)]))

    assert untouched.rescued_percent is None
    assert not holds(GATEWAY, [untouched])


def test_outage_that_is_named_and_moves_nothing_is_detected_when_it_is_named() -> None:
    still = result(replace(observed(ALL_RESCUED), seen=both(50.0, LED)))

    assert (still.detected_s, still.drained_s, still.why) == (5.0, None, None)


def test_document_has_every_field_that_is_promised() -> None:
    found = orjson.loads(orjson.dumps(document(GATEWAY, GATEWAY.size, [WELL])))

    assert found["drill"] == "gateway-setting"
    assert found.keys() >= {
        *("detected_s", "drained_s", "requested", "swallowed", "rescued", "undelivered", "notify_undelivered"),
        *("cause", "not_cause", "moved_wrongly", "duplicates_unexcused", "met", "conditions"),
    }


def test_several_runs_give_medians_and_every_one_of_them() -> None:
    runs = [replace(WELL, detected_s=detected_s) for detected_s in (4.0, 9.0, 5.0)]

    found = document(GATEWAY, GATEWAY.size, runs)

    assert (found["detected_s"], [one["detected_s"] for one in found["runs"]]) == (5.0, [4.0, 9.0, 5.0])
    assert found["met"]
    assert next(lines(GATEWAY, runs)).value == "5 s (4, 9, 5)"


def test_median_of_runs_is_not_that_of_the_lucky_ones() -> None:
    assert document(GATEWAY, GATEWAY.size, [WELL, replace(WELL, drained_s=None)])["drained_s"] is None


def test_words_name_what_was_broken_what_was_moved_and_what_it_is_not() -> None:
    assert list(words(WELL)) == [
        "broken: a",
        "the move: because",
        "the incident: provider: a delivers nothing",
        "not the network: the others deliver",
    ]


@pytest.mark.parametrize(
    ("changes", "rightly"),
    [
        ({}, True),
        ({"cause": Cause.ROUTE}, False),
        ({"provider": "b"}, False),
        ({"provider": None}, False),
    ],
    ids=["right", "wrong cause", "wrong carrier", "no carrier"],
)
def test_incident_is_named_rightly_by_cause_and_carrier(changes: Mapping[str, object], *, rightly: bool) -> None:
    assert named_rightly(GATEWAY, [structs.replace(INCIDENT, **changes)], OUTAGE) is rightly


def test_one_incident_too_many_is_not_named_rightly() -> None:
    another = structs.replace(INCIDENT, cause=Cause.OURS, provider=None)

    assert not named_rightly(GATEWAY, [INCIDENT, another], OUTAGE)


def test_silence_about_an_outage_is_not_named_rightly_and_about_none_it_is() -> None:
    assert not named_rightly(GATEWAY, [], OUTAGE)
    assert named_rightly(drill("calm"), [], OUTAGE)


@pytest.mark.parametrize(("country", "rightly"), [("GB", True), ("US", False), (None, False)])
def test_fault_of_one_country_is_named_rightly_with_it(country: str | None, *, rightly: bool) -> None:
    incident = structs.replace(INCIDENT, cause=Cause.ROUTE, country=country)

    assert named_rightly(drill("gateway-setting-one-country"), [incident], OUTAGE) is rightly


def test_fault_of_everything_is_named_rightly_without_a_carrier() -> None:
    everything = drill("all-providers")

    assert named_rightly(everything, [structs.replace(INCIDENT, cause=Cause.OURS, provider=None)], OUTAGE)


def test_result_counts_a_figure_of_the_checker_as_it_is() -> None:
    twice = result(observed([*ALL_RESCUED, message(5, 1, "b")]))

    assert isinstance(twice, Result)
    assert (twice.duplicates_unexcused, holds(GATEWAY, [twice])) == (1, False)
