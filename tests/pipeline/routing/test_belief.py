"""The hidden-state filter."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evidence.delays import come_by, usual_arrivals
from pipeline.evidence.routes import Heard
from pipeline.routing.belief import ProviderBelief, drift, weigh, weigh_together
from pipeline.routing.hazard import Hazard
from pipeline.routing.likelihood import AGES, SETTLED_S, Usual, judges
from pipeline.routing.states import ENTRY, FAULTS, HARMLESS, STATES, State, healthy

COME = come_by(usual_arrivals())
USUAL = Usual(
    receipts=0.93,
    failures=0.02,
    entries=0.8,
    receipts_come=COME,
    entries_come=COME,
    use_receipts=True,
    use_entries=True,
    miss_entries=True,
)
OLD = (30, 30)
beliefs = st.lists(st.floats(0.001, 1), min_size=len(STATES), max_size=len(STATES)).map(
    lambda weights: [weight / sum(weights) for weight in weights]
)
counts = st.builds(
    lambda sent, delivered, failed, creditable, verified, refused, missed: Heard(
        max(sent, delivered + failed), delivered, failed, max(creditable, verified), verified, refused, missed
    ),
    *(st.integers(0, 200) for _ in range(7)),
)


def likeliest(heard: Heard, usual: Usual = USUAL) -> State:
    (judge,) = judges(usual, [OLD])
    likely = judge.likelihood(heard)
    return STATES[likely.index(max(likely))]


@pytest.mark.parametrize(
    ("heard", "state"),
    [
        (Heard(100, 93, 2, 100, 79, 0, 0), State(weight=0.0)),
        (Heard(100, 2, 0, 100, 2, 0, 0), State(receipts=0.02, entries=0.02, weight=0.35)),
        (Heard(100, 2, 49, 100, 2, 0, 0), State(receipts=0.02, entries=0.02, reports=True, weight=0.1)),
        (Heard(100, 56, 22, 100, 48, 0, 0), State(receipts=0.6, entries=0.6, reports=True, weight=0.2)),
        (Heard(100, 93, 2, 100, 2, 0, 0), State(entries=0.02, weight=0.05)),  # faked
        (Heard(2, 2, 0, 2, 2, 98, 0), State(hand_overs=0.02, weight=0.05)),
        (Heard(100, 2, 0, 100, 79, 0, 0), State(receipts=0.02, weight=0.05)),  # merely unreported
    ],
    ids=["normal", "silent", "reported", "brown-out", "faked", "refused", "unreported"],
)
def test_each_state_is_the_likeliest_for_what_it_does(heard: Heard, state: State) -> None:
    assert likeliest(heard) == state


def test_people_who_ask_again_are_a_sign_of_loss() -> None:
    (judge,) = judges(USUAL, [(0, 0)])
    likely = judge.likelihood(Heard(20, 0, 0, 20, 0, 0, 5))
    assert likely[0] < 0.01


def test_a_signal_that_says_nothing_is_left_out() -> None:
    deaf = replace(USUAL, use_receipts=False, use_entries=False)
    (judge,) = judges(deaf, [OLD])
    silent = judge.likelihood(Heard(100, 0, 0, 100, 0, 0, 0))
    assert silent[0] == pytest.approx(1)


def test_entered_codes_speak_for_a_provider_though_missing_ones_say_nothing() -> None:
    forgiving = replace(USUAL, use_receipts=False, miss_entries=False)
    (judge,) = judges(forgiving, [OLD])
    assert min(judge.likelihood(Heard(100, 0, 0, 100, 0, 0, 0))[:9]) == pytest.approx(1)
    assert judge.likelihood(Heard(100, 0, 0, 100, 40, 0, 0))[1] < 0.01


def test_a_young_message_without_a_receipt_says_nothing() -> None:
    (judge,) = judges(USUAL, [(0, 0)])
    assert min(judge.likelihood(Heard(20, 0, 0, 20, 0, 0, 0))[1:9]) == pytest.approx(1)


@given(beliefs, counts)
def test_a_weighed_belief_is_a_whole(belief: list[float], heard: Heard) -> None:
    (judge,) = judges(USUAL, [OLD])
    weighed = weigh(belief, judge.likelihood(heard))
    assert sum(weighed) == pytest.approx(1)
    assert min(weighed) >= 0


@given(beliefs, st.integers(1, 8))
def test_a_drifting_belief_is_a_whole(belief: list[float], seconds: int) -> None:
    drifted = drift(belief, Hazard(), seconds)
    assert sum(drifted) == pytest.approx(1)
    assert min(drifted) >= 0


def test_without_news_a_fault_is_forgotten() -> None:
    belief = [0.0, *ENTRY]
    for _ in range(3000):
        belief = drift(belief, Hazard(), 1)
    assert belief[0] > 0.8


@given(beliefs, beliefs, beliefs, counts, counts)
def test_order_of_countries_does_not_matter(
    everywhere: list[float], one: list[float], other: list[float], heard: Heard, elsewhere: Heard
) -> None:
    (judge,) = judges(USUAL, [OLD])
    told = {"GB": judge.likelihood(heard), "US": judge.likelihood(elsewhere)}
    whole, routes = weigh_together(everywhere, {"GB": one, "US": other}, told)
    again, same = weigh_together(everywhere, {"GB": one, "US": other}, dict(reversed(told.items())))
    assert whole == pytest.approx(again)
    assert routes["GB"] == pytest.approx(same["GB"])


def test_silence_in_two_countries_is_the_providers_fault_and_in_one_of_many_the_routes() -> None:
    (judge,) = judges(USUAL, [OLD])
    silent, fine = judge.likelihood(Heard(5, 0, 0, 5, 0, 0, 0)), judge.likelihood(Heard(5, 5, 0, 5, 4, 0, 0))
    start = drift(healthy(), Hazard(), 5)
    beliefs_of = dict.fromkeys(("GB", "US", "FR"), start)
    both, _ = weigh_together(start, beliefs_of, {"GB": silent, "US": silent, "FR": silent})
    one, routes = weigh_together(start, beliefs_of, {"GB": silent, "US": fine, "FR": fine})
    assert both[0] < 0.1
    assert one[0] > 0.9
    assert routes["GB"][0] < 0.5 < routes["US"][0]


def test_a_look_changes_nothing_that_is_settled() -> None:
    provider = ProviderBelief(settled_at=0)
    provider.add("GB")
    settled = list(provider.routes["GB"].belief)
    of = judges(USUAL, AGES)
    seen = provider.look({"GB": [one.likelihood(Heard(20, 0, 0, 20, 0, 0, 0)) for one in of]})
    assert seen["GB"].normal < 0.01
    assert provider.routes["GB"].belief == settled


def test_ages_are_every_second_of_the_last_minute_once() -> None:
    seconds = [age for oldest, youngest in AGES for age in range(oldest, youngest - 1, -1)]
    assert seconds == list(range(SETTLED_S - 1, -1, -1))


def test_weights_of_faults_are_a_whole_and_only_what_reaches_people_is_harmless() -> None:
    assert sum(ENTRY) == pytest.approx(1)
    assert [state for state, harmless in zip(STATES, HARMLESS, strict=True) if harmless] == [STATES[0], FAULTS[-1]]
