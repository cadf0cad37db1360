"""What became of the codes: requested, swallowed, rescued, undelivered; of all countries, and of each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from pipeline.records import Cause, ReceiptState
from pipeline.reports.postmortem.codes import Code, codes
from pipeline.reports.postmortem.facts import Facts
from pipeline.reports.postmortem.onset import onset

ENOUGH: Final = 10  # codes, from which on their entries tell whether receipts are true
TRUE: Final = 0.5  # of the usual share of entries: with less than that the receipts are not believed
ENTERED_AFTER: Final = timedelta(seconds=60)  # younger codes may still be entered


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Numbers of codes."""

    requested: int = 0  # since the onset
    swallowed: int = 0  # their first message went a way that the incident concerns, and did not arrive
    rescued: int = 0  # of these: a later message arrived, within the code's life
    undelivered: int = 0  # of the requested ones: neither delivered nor entered
    alive: int = 0  # of the undelivered ones: their life was not over when this was written
    entered: int = 0  # of the requested ones: entered, and right
    refused: int = 0  # times that a wrong or late code was entered for one of them

    def __add__(self, other: "Count") -> "Count":
        return Count(**{name.name: getattr(self, name.name) + getattr(other, name.name) for name in fields(Count)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """All that is counted."""

    onset_at: datetime  # when the first message was lost
    known: Sequence[Code]  # those from before the onset among them
    total: Count
    of_country: Mapping[str, Count]  # the one with most swallowed codes first
    fakes: Mapping[str, datetime]  # provider whose receipts are not believed -> of messages from then on


def impact(facts: Facts) -> Impact:
    """Count."""
    fakes = _fakes(facts, codes(facts))
    known = codes(facts, fakes)
    onset_at = facts.incident.onset_at if fakes else onset(facts, known)  # no single message tells of a fake
    of_country: dict[str, Count] = defaultdict(Count)
    for code in known:
        if onset_at <= code.asked_at <= facts.until:
            of_country[code.country or "unknown"] += _count(facts, code)
    order = sorted(of_country, key=lambda country: (-of_country[country].swallowed, country))
    return Impact(
        onset_at=onset_at,
        known=known,
        total=sum(of_country.values(), Count()),
        of_country={country: of_country[country] for country in order},
        fakes=fakes,
    )


def swallowed(facts: Facts, code: Code) -> bool:
    """Tell whether its first message was lost in this incident. Of a lost signal nobody can say so."""
    if not code.messages or facts.incident.cause is Cause.SIGNAL:
        return False
    first = code.messages[0]
    config = facts.incident.config
    return (
        facts.concerns(first.attempt.provider, first.attempt.country)
        and config in {None, first.attempt.config}
        and not first.delivered
    )


def _count(facts: Facts, code: Code) -> Count:
    lost = swallowed(facts, code)
    return Count(
        requested=1,
        swallowed=int(lost),
        rescued=int(lost and code.arrived),
        undelivered=int(not code.arrived),
        alive=int(not code.arrived and code.expires_at > facts.as_of),
        entered=int(code.entered_at is not None),
        refused=code.refused,
    )


def _fakes(facts: Facts, known: Iterable[Code]) -> dict[str, datetime]:
    """Give the provider that is blamed if people enter far fewer of the codes that it reports as delivered."""
    if not facts.of_one_provider:
        return {}
    entered: dict[bool, list[bool]] = {True: [], False: []}
    for code in known:
        settled = facts.incident.onset_at <= code.asked_at <= min(facts.until, facts.as_of - ENTERED_AFTER)
        if settled and len(code.messages) == 1 and _reported(code):
            entered[code.messages[0].attempt.provider == facts.incident.provider].append(code.entered_at is not None)
    theirs, others = entered[True], entered[False]
    if min(len(theirs), len(others)) < ENOUGH or _share(theirs) >= TRUE * _share(others):
        return {}
    return {facts.incident.provider or "": facts.incident.onset_at}


def _reported(code: Code) -> bool:
    receipt = code.messages[0].receipt
    return bool(receipt and receipt.state is ReceiptState.DELIVERED)


def _share(of: Sequence[bool]) -> float:
    return sum(of) / len(of)
