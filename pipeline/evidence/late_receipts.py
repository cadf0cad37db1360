"""What a receipt still tells when no row of its attempt is there."""

from datetime import timedelta
from typing import Final

from pipeline.proof.callback_token import LIFE
from pipeline.records import FAILED_STATES, LONGEST_LIFE, ReceiptState

FINAL: Final = FAILED_STATES | {ReceiptState.DELIVERED}


def useful_for(state: ReceiptState) -> timedelta:
    """Give how long after its send a message of this state is of interest, and a replay of it must be told apart.

    A final state may be repeated after an outage of ours for as long as the token in the callback lives. The others
    tell nothing that matters once the code is over.
    """
    return LIFE if state in FINAL else LONGEST_LIFE


def is_lost(state: ReceiptState, age: timedelta, *, has_nonce: bool) -> bool:
    """Tell whether a receipt without a row is of no use. `age` is the time since the send.

    While the code may live, an attempt without a row is one that the store has lost or not got yet, and its receipt is
    as good as any: our token says that it is ours. Later the row may simply be over, and then a nonce alone tells a
    first receipt from its hundredth copy.
    """
    return age > (useful_for(state) if has_nonce else LONGEST_LIFE)


def whole(state: ReceiptState, part: tuple[int, int] | None) -> ReceiptState:
    """Give the state of a message by one receipt of a part, where nothing is known of the others: by the last part.

    `part` is its number, from 1, and how many there are; none: the receipt is of the whole message.
    """
    if part and state is ReceiptState.DELIVERED and part[0] < part[1]:
        return ReceiptState.ENROUTE
    return state
