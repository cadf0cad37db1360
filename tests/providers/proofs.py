"""What the contract asks of proofs: for any adapter and any way of telling whose a receipt is."""

from dataclasses import replace
from typing import Final

import pytest
from multidict import CIMultiDict

from pipeline.errors import DeadReason, InvalidMessage
from providers.base import HttpProvider
from tests.providers.contract import TOKEN, Sample

ANOTHER: Final = "t1.request-9876543210.2.one.DE.6720a000.0123abcd.fedcba9876543210FEDCBA"  # a whole one, of its own


def check_moved(provider: HttpProvider, how: Sample) -> None:
    """Fail unless a callback that came to the address of another attempt is refused, or still names its own.

    An adapter that takes the reference from the URL would compare the URL with itself.
    """
    for body, _ in how.receipts:
        for callback in how.genuine(body):
            url = callback.url if TOKEN in callback.url else f"{callback.url}/{TOKEN}"  # one fixed address for all
            moved = replace(callback, url=url.replace(TOKEN, ANOTHER))
            if how.covers_url:
                with pytest.raises(InvalidMessage):
                    provider.read_receipts(moved)
                continue
            (receipt,) = provider.read_receipts(moved)
            own = {TOKEN, TOKEN.rpartition(".")[2]} if how.echoes else {None}
            assert receipt.reference in own  # the worker compares it with the URL


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
