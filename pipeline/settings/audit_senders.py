"""Whom messages come from: sender IDs and pools, as countries and adapters take them."""

import re
from collections.abc import Iterator
from typing import Final

from pipeline.settings.model import ProviderSettings
from pipeline.settings.needs import LETTERS, SenderNeeds
from pipeline.settings.problems import Path, Problem

_LETTER: Final = re.compile(r"[A-Za-z]")
_NUMERIC: Final = r"\+?[0-9]{3,15}"  # a short code or E.164
# No carrier there takes a sender of letters.
# https://help.twilio.com/articles/223133767-International-support-for-Alphanumeric-Sender-ID
_NUMBERS_ONLY: Final = frozenset({"CA", "US"})


def audit_senders(path: Path, provider: ProviderSettings, needs: SenderNeeds) -> Iterator[Problem]:
    """Check the senders and pools of a provider whose adapter is known."""
    if needs.required and not (provider.senders or (needs.pool_alone and provider.pools)):
        pool = f', or pools."*" = "<{needs.pool}>"' if needs.pool_alone else ""
        text = f'is missing, and {provider.adapter} sends nothing without; write senders."*" = "<sender ID>"{pool}'
        yield Problem(path=(*path, "senders"), text=text)
    if provider.pools and not needs.pool:
        text = f"are of no use to the adapter {provider.adapter}, which knows no pools; take them out"
        yield Problem(path=(*path, "pools"), text=text)
    for country, sender in provider.senders.items():
        pooled = not provider.pools.keys().isdisjoint({country, "*"})
        if wrong := _wrong(sender, country, provider.adapter, needs, pooled=pooled):
            yield Problem(path=(*path, "senders", country), text=wrong)


def _wrong(sender: str, country: str, adapter: str, needs: SenderNeeds, *, pooled: bool) -> str | None:
    """Tell what is wrong with a sender; none where nothing is."""
    letters = _LETTER.search(sender)
    if not re.fullmatch(LETTERS if letters else _NUMERIC, sender):
        return "is no sender ID; write at most 11 letters and digits, a short code, or a number like +15550100"
    if letters and country in _NUMBERS_ONLY:
        return "has letters, which this country refuses in a sender; write a number or a short code, or set a pool"
    if letters and not re.fullmatch(needs.letters, sender):
        return f"has a sign that {adapter} refuses in a sender; write it as it is registered there"
    if letters and needs.letters_in_pool and not pooled:
        return f"has letters, which {adapter} takes beside a pool alone; set a pool for it, or write a number"
    return None
