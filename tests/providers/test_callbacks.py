"""What all adapters read callbacks with."""

import pytest

from pipeline.errors import InvalidMessage, Misconfigured, Rejected, RouteRefused, Unavailable, Undeliverable
from pipeline.records import FAILED_STATES, ReceiptState
from providers.callbacks import LEEWAY_S, UNPUBLISHED_S, is_timely, receipt_codes, receipt_word, state_of

REFUSALS = {"1": Rejected, "2": Undeliverable, "3": RouteRefused, "4": Misconfigured, "5": Unavailable}
STATES = {
    "on its way": ReceiptState.ENROUTE,
    "there": ReceiptState.DELIVERED,
    "late": ReceiptState.EXPIRED,
    "failed": ReceiptState.UNDELIVERABLE,
    "no number": ReceiptState.REJECTED,
}


def test_of_the_codes_for_requests_those_that_blame_the_recipient_do_so_in_receipts() -> None:
    assert receipt_codes(REFUSALS, expired=("5",)) == {"1": ReceiptState.REJECTED, "5": ReceiptState.EXPIRED}


@pytest.mark.parametrize("code", [None, "", "1", "2", "3", "4", "5", "never heard of"])
@pytest.mark.parametrize("word", [*STATES, "never heard of"])
def test_a_code_corrects_the_state_of_a_failure_and_of_nothing_else(word: str, code: str | None) -> None:
    codes = receipt_codes(REFUSALS, expired=("5",))
    by_word = STATES.get(word, ReceiptState.UNKNOWN)
    corrected = codes.get(code or "", by_word) if by_word in FAILED_STATES else by_word

    assert state_of(word, STATES, code, codes) is corrected


@pytest.mark.parametrize(
    ("age_s", "timely"),
    [(-300.1, False), (-300, True), (0, True), (3_900, True), (3_900.1, False), (float("nan"), False), (1e308, False)],
)
def test_a_callback_is_timely_while_it_may_be_repeated_and_clocks_may_differ(age_s: float, timely: bool) -> None:  # noqa: FBT001
    assert is_timely(1e9 - age_s, 1e9, 3_600.0) is timely


def test_a_provider_that_publishes_no_figure_may_repeat_as_long_as_our_token_lives() -> None:
    assert (UNPUBLISHED_S, LEEWAY_S) == (259_200.0, 300.0)


@pytest.mark.parametrize("word", [None, "", 7, [], {}])
def test_a_receipt_without_a_word_is_invalid(word: object) -> None:
    with pytest.raises(InvalidMessage, match="status"):
        receipt_word({"status": word}, "status")
