"""Whose fault a rejected receipt is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evidence.rejections import WINDOW_S, ReceiptCount, weigh, weigh_rejections
from pipeline.evidence.routes import Evidence
from pipeline.records import Cell, Counts

NOW = 1_800_000_000


def known(**routes: Counts) -> Evidence:
    """Give what is known of providers in one country, of messages sent five seconds ago."""
    evidence = Evidence()
    for provider, counts in routes.items():
        evidence.add(Cell(NOW - 5, provider, "GB", "v1", counts), NOW)
    return evidence


NOTHING = ReceiptCount()


@pytest.mark.parametrize(
    ("own", "others", "recipients", "route"),
    [
        (ReceiptCount(50, 50), ReceiptCount(0, 20), (0.0, 0.01), (0.9, 1.0)),  # one that rejects what others deliver
        (ReceiptCount(50, 50), NOTHING, (0.0, 0.02), (0.8, 1.0)),  # nobody else is known
        (ReceiptCount(50, 100), ReceiptCount(10, 20), (0.8, 1.0), (0.0, 0.0)),  # bad numbers everywhere
        (ReceiptCount(50, 100), ReceiptCount(1, 3), (0.2, 0.5), (0.0, 0.0)),  # ... and little is known of the others
        (ReceiptCount(2, 2), ReceiptCount(0, 100), (0.0, 0.01), (0.0, 0.0)),  # too few to blame anybody
        (ReceiptCount(2, 100), ReceiptCount(2, 100), (1.0, 1.0), (0.0, 0.0)),  # as usual
    ],
)
def test_a_rejection_weighs_by_what_the_others_reject_and_by_how_much_is_known(
    own: ReceiptCount, others: ReceiptCount, recipients: tuple[float, float], route: tuple[float, float]
) -> None:
    weight = weigh([own, own], [others, others])

    assert recipients[0] <= weight.recipients <= recipients[1]
    assert route[0] <= weight.route <= route[1]


def test_a_few_messages_that_are_all_rejected_add_up_within_a_minute() -> None:
    few, many = ReceiptCount(1, 1), ReceiptCount(12, 12)

    assert weigh([few, few], [ReceiptCount(0, 50), ReceiptCount(0, 600)]).route == 0
    assert weigh([few, many], [ReceiptCount(0, 50), ReceiptCount(0, 600)]).route > 0.9


@given(*[st.integers(0, 10_000)] * 4)
def test_weights_are_shares_and_no_more_is_blamed_than_was_rejected(a: int, b: int, c: int, d: int) -> None:
    evidence = known(a=Counts(accepted=a + b, rejected=a + 1, delivered=b), b=Counts(rejected=c, delivered=d))

    weigh_rejections(evidence, NOW)

    weighed = evidence.route("a", "GB").weighed(NOW - 5, a + 1)
    assert sum(weighed) == a + 1
    assert min(weighed) >= 0


def test_a_route_that_rejects_what_others_deliver_has_failed() -> None:
    evidence = known(a=Counts(accepted=50, rejected=40), b=Counts(accepted=20, delivered=18))

    weigh_rejections(evidence, NOW)

    heard = evidence.route("a", "GB").heard(NOW - 5, NOW)
    assert heard is not None
    assert heard.sent >= 45
    assert heard.failed >= 35


def test_what_all_reject_says_nothing_of_any_of_them() -> None:
    evidence = known(a=Counts(accepted=50, rejected=40), b=Counts(accepted=50, rejected=40))

    weigh_rejections(evidence, NOW)

    for provider in "ab":
        heard = evidence.route(provider, "GB").heard(NOW - 5, NOW)
        assert heard is not None
        assert (heard.sent - heard.delivered, heard.failed) == (10, 0)


def test_what_is_rejected_in_another_country_is_no_excuse() -> None:
    evidence = known(a=Counts(accepted=50, rejected=40), b=Counts(accepted=20, delivered=18))
    evidence.add(Cell(NOW - 5, "b", "FR", "v1", Counts(accepted=50, rejected=50)), NOW)

    weigh_rejections(evidence, NOW)

    assert evidence.route("a", "GB").weighed(NOW - 5, 40).route > 35


def test_what_was_judged_of_a_block_is_not_judged_anew_by_its_last_second() -> None:
    evidence = Evidence()
    for second in range(NOW - 5, NOW):
        evidence.add(Cell(second, "a", "GB", "v1", Counts(accepted=1, rejected=1)), NOW)
        evidence.add(Cell(second, "b", "GB", "v1", Counts(accepted=4, delivered=4)), NOW)

    for now in range(NOW, NOW + WINDOW_S + 10):
        weigh_rejections(evidence, now)

    route = evidence.route("a", "GB")
    assert sum(route.weighed(second, 1).route for second in range(NOW - 5, NOW)) == 5


def test_rejections_that_are_long_ago_are_left_as_they_were_judged() -> None:
    evidence = known(a=Counts(accepted=50, rejected=40), b=Counts(accepted=20, delivered=18))
    weigh_rejections(evidence, NOW)
    before = dict(evidence.route("a", "GB").weights)

    weigh_rejections(evidence, NOW + WINDOW_S)

    assert evidence.route("a", "GB").weights == before
