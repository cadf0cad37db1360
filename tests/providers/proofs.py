"""What the contract asks of proofs: for any adapter and any way of telling whose a receipt is."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest
from multidict import CIMultiDict

from pipeline.errors import DeadReason, InvalidMessage
from providers.base import HttpProvider
from tests.providers.contract import NOW, TOKEN, Sample
from tests.providers.kinds import Whose
from tests.providers.tokens import a_token

ANOTHER: Final = a_token(datetime.fromtimestamp(NOW, tz=UTC), request_id="request-9876543210", number=2)
# How a receipt names its attempt beside the URL.
NAMES: Final[Mapping[Whose, AbstractSet[str | None]]] = {
    Whose.REFERENCE: {TOKEN, TOKEN.rpartition(".")[2]},
    Whose.TOKEN: {None},
}


def check_moved(provider: HttpProvider, how: Sample) -> None:
    """Fail unless a callback that came to the address of another attempt is refused, or still names its own.

    An adapter that takes the reference from the URL would compare the URL with itself.
    """
    for body, _ in how.receipts:
        for callback in how.genuine(body):
            url = callback.url if TOKEN in callback.url else f"{callback.url}/{TOKEN}"  # one fixed address for all
            moved = replace(callback, url=url.replace(TOKEN, ANOTHER))
            if how.whose is Whose.URL:
                with pytest.raises(InvalidMessage):
                    provider.read_receipts(moved)
                continue
            (receipt,) = provider.read_receipts(moved)
            assert receipt.reference in NAMES[how.whose]  # the worker compares it with the URL


def check_forged(provider: HttpProvider, how: Sample) -> None:
    """Fail unless a callback is refused whose proof is missing, another's, or no text that a header has."""
    for body, _ in how.receipts:
        for callback in how.genuine(body) if how.proof else ():
            right = callback.headers[how.proof or ""]
            for wrong in ("", right[:-2], right[::-1], right.swapcase() + "A", "0" * len(right), "\u00fc" * 40):
                headers = CIMultiDict({**callback.headers, how.proof or "": wrong})
                with pytest.raises(InvalidMessage) as raised:
                    provider.read_receipts(replace(callback, headers=headers))
                assert raised.value.reason is DeadReason.SEAL_BROKEN, wrong
