"""What becomes of one message."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.embedded.carrier.config import Behaviour
from workers.embedded.carrier.fate import Fate, Message, Report, decide
from workers.embedded.carrier.faults import ANSWER_FAULTS, FATE_FAULTS, UNCERTAIN_FAULTS, Fault, Order, Orders

SEED = b"seed of carrier-a"
HEALTHY = Behaviour(delivery_share=1.0, unreported_deliveries=0.0)
MANY = 4000


def a_message(number: int, to: str = "+491701234567") -> Message:
    return Message(to=to, text="482913 is your code.", client_reference=f"request-{number}.1", validity_s=300)


def fates(behaviour: Behaviour = HEALTHY, orders: Orders | None = None, seed: bytes = SEED) -> list[Fate]:
    return [decide(a_message(number), behaviour, orders or {}, seed) for number in range(MANY)]


@given(text=st.text(), reference=st.text(), share=st.floats(0, 1), seed=st.binary(max_size=64))
def test_the_same_message_has_the_same_fate_again(text: str, reference: str, share: float, seed: bytes) -> None:
    message = Message(to="+491701234567", text=text, client_reference=reference)
    orders = {Fault.SILENT_DROP: Order(share=share)}

    assert decide(message, Behaviour(), orders, seed) == decide(message, Behaviour(), orders, seed)


def test_another_seed_decides_otherwise() -> None:
    assert fates(Behaviour()) != fates(Behaviour(), seed=b"seed of carrier-b")


def test_a_healthy_carrier_delivers_and_reports_everything() -> None:
    assert all(fate.taken and fate.delivered_after_s is not None and fate.reports for fate in fates())


def test_the_shares_are_those_of_the_behaviour() -> None:
    behaviour = Behaviour(delivery_share=0.9, unreported_deliveries=0.03, unreported_failures=0.5)
    decided = fates(behaviour)
    delivered = [fate for fate in decided if fate.delivered_after_s is not None]
    failed = [fate for fate in decided if fate.delivered_after_s is None]

    assert len(delivered) / MANY == pytest.approx(0.9, abs=0.02)
    assert sum(not fate.reports for fate in delivered) / len(delivered) == pytest.approx(0.03, abs=0.015)
    assert sum(not fate.reports for fate in failed) / len(failed) == pytest.approx(0.5, abs=0.1)
    assert {report.state for fate in failed for report in fate.reports} == {"undelivered"}


def test_receipts_come_after_two_seconds_and_a_median_of_five_more() -> None:
    delays = [fate.reports[0].after_s for fate in fates()]

    assert min(delays) > 2
    assert statistics.median(delays) == pytest.approx(7, abs=0.3)


def test_no_receipt_overtakes_its_message() -> None:
    assert all((fate.delivered_after_s or 0) <= fate.reports[0].after_s for fate in fates())


def test_a_latency_without_spread_is_always_the_median() -> None:
    behaviour = Behaviour(latency_median_s=0.1, latency_sigma=0)

    assert {fate.latency_s for fate in fates(behaviour)} == {0.1}


def test_a_message_that_outlives_its_validity_expires() -> None:
    message = Message(to="+491701234567", text="482913", validity_s=0)
    fate = decide(message, Behaviour(unreported_failures=0, delivery_share=1), {}, SEED)

    assert fate.delivered_after_s is None
    assert [report.state for report in fate.reports] == ["expired"]


def test_a_fault_hits_its_share_and_spares_the_rest() -> None:
    decided = fates(orders={Fault.SILENT_DROP: Order(share=0.3)})
    dropped = [fate for fate in decided if fate.drop is Fault.SILENT_DROP]

    assert len(dropped) / MANY == pytest.approx(0.3, abs=0.03)
    assert all(fate.taken and fate.delivered_after_s is None and not fate.reports for fate in dropped)
    assert all(fate.delivered_after_s for fate in decided if fate.drop is None)


def test_faults_of_the_same_share_hit_different_messages() -> None:
    orders = {Fault.SILENT_DROP: Order(share=0.5), Fault.HANG: Order(share=0.5)}
    both = sum(fate.answer is None and fate.drop is not None for fate in fates(orders=orders))

    assert both / MANY == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize(("to", "hit"), [("+491701234567", True), ("+33612345678", False)])
def test_a_fault_by_prefix_hits_only_those_numbers(to: str, hit: bool) -> None:  # noqa: FBT001 - a column of the table
    orders = {Fault.HANG: Order(prefixes=("+49", "+43"))}

    assert (decide(a_message(1, to), HEALTHY, orders, SEED).answer is Fault.HANG) == hit


@pytest.mark.parametrize("fault", ANSWER_FAULTS)
def test_a_message_that_meets_a_fault_is_not_taken_unless_ordered(fault: Fault) -> None:
    fate = decide(a_message(1), HEALTHY, {fault: Order()}, SEED)

    assert fate.answer is fault
    assert fate.taken == (fault is Fault.SLOW)


@pytest.mark.parametrize("fault", UNCERTAIN_FAULTS)
def test_a_message_may_be_taken_although_the_answer_fails(fault: Fault) -> None:
    fate = decide(a_message(1), HEALTHY, {fault: Order(taken=True)}, SEED)

    assert fate.taken
    assert fate.delivered_after_s is not None


def test_a_slow_answer_is_late_by_what_was_ordered() -> None:
    usual = decide(a_message(1), HEALTHY, {}, SEED).latency_s

    assert decide(a_message(1), HEALTHY, {Fault.SLOW: Order(seconds=3)}, SEED).latency_s == pytest.approx(usual + 3)


@pytest.mark.parametrize("fault", FATE_FAULTS)
def test_a_message_that_was_refused_was_not_swallowed(fault: Fault) -> None:
    assert decide(a_message(1), HEALTHY, {fault: Order(), Fault.SERVER_ERROR: Order()}, SEED).drop is None


def reports(fault: Fault, order: Order | None = None) -> tuple[Report, ...]:
    return decide(a_message(1), HEALTHY, {fault: order or Order()}, SEED).reports


def test_faults_of_receipts_do_what_they_say() -> None:
    (usual,) = decide(a_message(1), HEALTHY, {}, SEED).reports
    (late,) = reports(Fault.RECEIPTS_LATE, Order(seconds=60))

    assert reports(Fault.RECEIPTS_LOST) == ()
    assert late.after_s == pytest.approx(usual.after_s + 60)
    assert [report.state for report in reports(Fault.RECEIPTS_DOUBLED)] == ["delivered", "delivered"]
    assert [report.state for report in reports(Fault.RECEIPTS_REORDERED)] == ["delivered", "enroute"]


def test_a_rejected_receipt_says_why_and_nothing_is_delivered() -> None:
    fate = decide(a_message(1), HEALTHY, {Fault.RECEIPTS_REJECTED: Order(error="opted_out")}, SEED)

    assert fate.delivered_after_s is None
    assert [(report.state, report.error) for report in fate.reports] == [("rejected", "opted_out")]


def test_a_faked_receipt_reports_what_never_happened() -> None:
    fate = decide(
        a_message(1), Behaviour(delivery_share=0, unreported_failures=1), {Fault.RECEIPTS_FAKED: Order()}, SEED
    )

    assert fate.delivered_after_s is None
    assert [report.state for report in fate.reports] == ["delivered"]
