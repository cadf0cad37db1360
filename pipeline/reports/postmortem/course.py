"""Codes -> who had which share of the traffic and delivered how much of it, second by second."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.reports.postmortem.codes import Message
from pipeline.reports.postmortem.facts import BEFORE, Facts
from pipeline.reports.postmortem.impact import Impact

STEPS: Final = 120  # of a chart, at most
AFTER: Final = timedelta(seconds=60)  # the end, or the last message
HEARD_AFTER: Final = timedelta(seconds=30)  # what left later may still be heard of: nothing is said of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Some seconds."""

    at: datetime
    shares: Mapping[str, float]  # provider -> of the messages; of nothing where none left
    delivered: Mapping[str, float]  # provider -> of its messages; only where some of them are old enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a chart shows."""

    since: datetime
    until: datetime
    providers: Sequence[str]  # in their order
    steps: Sequence[Step]
    width: timedelta  # of a step
    places: str  # whose traffic it is


def course(facts: Facts, found: Impact) -> Course:
    """Give the course of the countries that the incident concerns, from before its onset on."""
    messages = list(_messages(facts, found))
    since = found.onset_at - BEFORE
    last = max((message.attempt.sent_at for message in messages), default=found.onset_at)
    until = max(min(facts.until, last) + AFTER, found.onset_at + AFTER)
    width = timedelta(seconds=max(-(-int((until - since).total_seconds()) // STEPS), 1))
    of_step: dict[int, list[Message]] = defaultdict(list)
    for message in messages:
        if since <= message.attempt.sent_at <= until:
            of_step[(message.attempt.sent_at - since) // width].append(message)
    settled = facts.as_of - HEARD_AFTER
    return Course(
        since=since.astimezone(UTC),
        until=until.astimezone(UTC),
        providers=sorted({message.attempt.provider for of in of_step.values() for message in of}),
        steps=[_step(since + turn * width, of_step[turn], settled) for turn in sorted(of_step)],
        width=width,
        places=facts.incident.country or "all countries",
    )


def _messages(facts: Facts, found: Impact) -> Iterable[Message]:
    return (
        message
        for code in found.known
        for message in code.messages
        if facts.incident.country in {None, message.attempt.country}
    )


def _step(at: datetime, messages: Sequence[Message], settled: datetime) -> Step:
    sent = Counter(message.attempt.provider for message in messages)
    old = [message for message in messages if message.attempt.sent_at <= settled]
    due = Counter(message.attempt.provider for message in old)
    came = Counter(message.attempt.provider for message in old if message.delivered)
    return Step(
        at=at,
        shares={provider: number / len(messages) for provider, number in sorted(sent.items())},
        delivered={provider: came[provider] / number for provider, number in sorted(due.items())},
    )
