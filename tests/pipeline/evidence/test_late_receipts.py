"""What a receipt still tells when no row of its attempt is there."""

from datetime import timedelta

import pytest

from pipeline.evidence.late_receipts import is_lost, useful_for, whole
from pipeline.proof.callback_token import LIFE
from pipeline.records import LONGEST_LIFE, ReceiptState

OPEN = {ReceiptState.ENROUTE, ReceiptState.UNKNOWN}
MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize("state", ReceiptState)
def test_a_final_state_is_of_interest_while_the_token_lives_and_another_while_a_code_may(state: ReceiptState) -> None:
    assert useful_for(state) == (LONGEST_LIFE if state in OPEN else LIFE)


@pytest.mark.parametrize("state", ReceiptState)
def test_while_a_code_may_live_no_receipt_is_lost(state: ReceiptState) -> None:
    assert not is_lost(state, LONGEST_LIFE, has_nonce=False)
    assert not is_lost(state, LONGEST_LIFE, has_nonce=True)


@pytest.mark.parametrize("state", ReceiptState)
def test_later_a_receipt_counts_where_its_nonce_tells_it_from_its_copies(state: ReceiptState) -> None:
    assert is_lost(state, LONGEST_LIFE + MOMENT, has_nonce=False)
    assert is_lost(state, LONGEST_LIFE + MOMENT, has_nonce=True) is (state in OPEN)
    assert is_lost(state, LIFE + MOMENT, has_nonce=True)


@pytest.mark.parametrize("state", ReceiptState)
def test_of_several_parts_the_last_one_speaks_for_all_that_arrived_where_nothing_else_is_known(
    state: ReceiptState,
) -> None:
    first = ReceiptState.ENROUTE if state is ReceiptState.DELIVERED else state

    assert [whole(state, part) for part in (None, (1, 2), (2, 2), (3, 3))] == [state, first, state, state]
