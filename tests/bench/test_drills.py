"""The drills as data, and their limits."""

from collections.abc import Sequence

import orjson
import pytest

from bench.drills.drills import DRILLS, Drill, limits_of
from bench.drills.limits import Limit, Value, at_least, at_most, exactly
from bench.drills.report import MEANINGS
from bench.drills.results import Result
from pipeline.records import Cause
from workers.embedded.carrier.faults import read_orders

NAMES = [drill.name for drill in DRILLS]


def test_there_is_a_drill_for_each_outage_that_is_to_be_made_short() -> None:
    assert NAMES == [  # a new drill is written here too, so that none goes unseen
        "gateway-setting",
        "gateway-setting-one-country",
        "provider-token",
        "new-word",
        "refuses-numbers",
        "rejected-receipts",
        "rejected-receipts-unentered",
        "all-providers",
        "fake-receipts",
        "brown-out",
        "flapping",
        "strange-records",
        "calm",
    ]


@pytest.mark.parametrize("drill", DRILLS, ids=NAMES)
def test_carriers_know_every_fault_that_is_ordered(drill: Drill) -> None:
    for step in drill.steps:
        read_orders(orjson.dumps(step.orders or {}))


@pytest.mark.parametrize("drill", DRILLS, ids=NAMES)
def test_steps_are_in_order_and_within_what_is_observed(drill: Drill) -> None:
    instants = [step.after_s for step in drill.steps]

    assert instants == sorted(instants)
    assert all(0 <= at_s < drill.size.observed_s for at_s in instants)


@pytest.mark.parametrize("drill", DRILLS, ids=NAMES)
def test_something_is_wrong_exactly_where_a_cause_is_to_be_named(drill: Drill) -> None:
    assert (bool(drill.steps) or drill.strange) == (drill.cause is not None)


@pytest.mark.parametrize("drill", [drill for drill in DRILLS if drill.country], ids=lambda drill: drill.name)
def test_fault_in_one_country_is_ordered_for_its_numbers_and_to_be_named_as_a_route(drill: Drill) -> None:
    orders = [order for step in drill.steps for order in (step.orders or {}).values()]

    assert drill.cause is Cause.ROUTE
    assert all("prefixes" in order for order in orders), "order it with `prefixes`, or it is a fault everywhere"


@pytest.mark.parametrize("drill", DRILLS, ids=NAMES)
def test_every_limit_is_of_a_figure_that_is_printed(drill: Drill) -> None:
    figures = [limit.figure for limit in limits_of(drill)]

    assert set(figures) <= MEANINGS.keys() & Result.__dataclass_fields__.keys()
    assert len(figures) == len(set(figures))


@pytest.mark.parametrize("figure", ["named_rightly", "lost", "duplicates_unexcused", "late", "mixed", "misrouted"])
def test_no_drill_may_go_without_what_is_promised_always(figure: str) -> None:
    assert all(figure in {limit.figure for limit in limits_of(drill)} for drill in DRILLS)


def test_short_set_takes_three_minutes_and_a_start_and_stop_of_each_system() -> None:
    short = [drill.quick for drill in DRILLS if drill.quick]

    assert short
    assert sum(size.before_s + size.observed_s + max(size.enter_after_s or (0,)) for size in short) < 180


@pytest.mark.parametrize(
    ("limit", "values", "holds"),
    [
        (at_most("detected_s", 6), [6.0], True),
        (at_most("detected_s", 6), [5.0, 6.1], False),
        (at_most("detected_s", 6, by_median=True), [5.0, 9.0, 6.0], True),
        (at_most("detected_s", 6, by_median=True), [5.0, None, 6.0], False),
        (at_most("detected_s", 6), [None], False),
        (at_least("rescued_percent", 95), [95.0], True),
        (at_least("rescued_percent", 95), [94.9], False),
        (exactly("lost", 0), [0], True),
        (exactly("lost", 0), [0, 1], False),
    ],
)
def test_limit_holds_for_every_run_or_for_their_median_and_never_for_what_was_not_found(
    limit: Limit, values: Sequence[Value], *, holds: bool
) -> None:
    assert limit.holds(values) is holds


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (at_most("detected_s", 6), "at most 6"),
        (at_most("detected_s", 6, by_median=True), "median at most 6"),
        (at_least("rescued_percent", 95), "at least 95"),
        (exactly("lost", 0), "0"),
    ],
)
def test_limit_reads_as_people_say_it(limit: Limit, text: str) -> None:
    assert str(limit) == text
