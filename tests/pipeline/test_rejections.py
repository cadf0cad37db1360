"""Whose fault a rejected receipt is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evidence import Evidence
from pipeline.records import Cell, Counts
from pipeline.rejections import WINDOW_S, Seen, excused, weigh_rejections

NOW = 1_800_000_000


def known(**routes: Counts) -> Evidence:
    """Give what is known of providers in one country, of messages sent five seconds ago."""
    evidence = Evidence()
    for provider, counts in routes.items():
        evidence.add(Cell(NOW - 5, provider, "GB", "v1", counts), NOW)
    return evidence


@pytest.mark.parametrize(
    ("own", "others", "at_least", "at_most"),
    [
        ((0, 50), (0, 50), 1.0, 1.0),
        ((50, 50), (0, 20), 0.0, 0.05),  # one that rejects what others deliver
        ((50, 50), (0, 0), 0.0, 0.2),  # nobody else is known
        ((50, 100), (10, 20), 1.0, 1.0),  # bad numbers everywhere
        ((50, 100), (1, 3), 1.0, 1.0),  # ... and little is known of the others
        ((2, 4), (0, 100), 1.0, 1.0),  # too few to blame anybody
        ((2, 100), (2, 100), 0.99, 1.0),
        ((1, 100), (30, 100), 1.0, 1.0),
    ],
)
def test_a_rejection_is_excused_as_far_as_others_reject_as_well(
    own: tuple[int, int], others: tuple[int, int], at_least: float, at_most: float
) -> None:
    assert at_least <= excused(Seen(*own), Seen(*others)) <= at_most


@given(*[st.integers(0, 10_000)] * 4)
def test_the_excuse_is_a_share_and_grows_with_what_others_reject(a: int, b: int, c: int, d: int) -> None:
    own, others, all_of_them = Seen(a, a + b), Seen(c, c + d), Seen(c + d, c + d)

    assert 0 <= excused(own, others) <= 1
    assert excused(own, others) <= max(excused(own, all_of_them), excused(own, Seen(0, 0)))


def test_a_route_that_rejects_what_others_deliver_has_failed() -> None:
    evidence = known(a=Counts(accepted=50, rejected=40), b=Counts(accepted=20, delivered=18))

    weigh_rejections(evidence, NOW)

    heard = evidence.route("a", "GB").heard(NOW - 5, NOW)
    assert heard is not None
    assert heard.sent == 50
    assert heard.failed >= 35


def test_what_all_reject_says_nothing_of_any_of_them() -> None:
    evidence = known(a=Counts(accepted=50, rejected=40), b=Counts(accepted=50, rejected=40))

    weigh_rejections(evidence, NOW)

    for provider in "ab":
        heard = evidence.route(provider, "GB").heard(NOW - 5, NOW)
        assert heard is not None
        assert (heard.sent, heard.delivered, heard.failed) == (50, 40, 0)


def test_what_is_rejected_in_another_country_is_no_excuse() -> None:
    evidence = known(a=Counts(accepted=50, rejected=40), b=Counts(accepted=20, delivered=18))
    evidence.add(Cell(NOW - 5, "b", "FR", "v1", Counts(accepted=50, rejected=50)), NOW)

    weigh_rejections(evidence, NOW)

    assert evidence.route("a", "GB").blameless(NOW - 5, 40) < 5


def test_rejections_that_are_long_ago_are_left_as_they_were_judged() -> None:
    evidence = known(a=Counts(accepted=50, rejected=40), b=Counts(accepted=20, delivered=18))
    weigh_rejections(evidence, NOW)
    before = dict(evidence.route("a", "GB").excused)

    weigh_rejections(evidence, NOW + WINDOW_S)

    assert evidence.route("a", "GB").excused == before
