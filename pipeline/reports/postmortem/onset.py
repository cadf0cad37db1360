"""The first message that was lost: the incident knows the second, the messages tell which one."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import log
from typing import Final

from pipeline.reports.postmortem.codes import Code, Message
from pipeline.reports.postmortem.facts import Facts

EARLIER: Final = timedelta(seconds=60)  # than the incident says it may have been ...
LATER: Final = timedelta(seconds=10)  # ... and so much later
USUAL: Final = 0.97  # share of messages of which a receipt or an entry tells, while nothing is known of it; at most
ENOUGH: Final = 10  # messages from before, by which it is known
LEAST: Final = 0.02  # the share of messages of which something is heard is never taken for less in an outage ...
MOST: Final = 0.9  # ... and never for more


def onset(facts: Facts, known: Iterable[Code]) -> datetime:
    """Give when the first message was lost; what the incident says where no message tells better."""
    theirs = concerned(facts, known)
    near = [one for one in theirs if _is_near(one.attempt.sent_at, facts.incident.onset_at)]
    after = [one for one in theirs if facts.incident.onset_at <= one.attempt.sent_at <= facts.until]
    usual = _usual([one for one in theirs if one.attempt.sent_at < facts.incident.onset_at - EARLIER])
    rest = min(max(_heard(after) / usual, LEAST), MOST)
    heard, silent = log(rest), log((1 - rest * usual) / (1 - usual))
    first, gain, most = facts.incident.onset_at, 0.0, 0.0
    for message in reversed(near):  # go back, and stop in mind where a fault explains most
        gain += heard if message.delivered else silent
        if gain > most and not message.delivered:
            first, most = message.attempt.sent_at, gain
    return first


def _usual(before: Sequence[Message]) -> float:
    return min(max(_heard(before), LEAST), USUAL) if len(before) >= ENOUGH else USUAL


def _heard(messages: Sequence[Message]) -> float:
    """Give the share of messages that are known to have arrived; nothing of nothing."""
    return sum(one.delivered for one in messages) / max(len(messages), 1)


def concerned(facts: Facts, known: Iterable[Code]) -> Sequence[Message]:
    """Give the messages that went a way which the incident concerns, in the order in which they left."""
    config = facts.incident.config
    found = (
        message
        for code in known
        for message in code.messages
        if facts.concerns(message.attempt.provider, message.attempt.country)
        and config in {None, message.attempt.config}
    )
    return sorted(found, key=lambda message: message.attempt.sent_at)


def _is_near(at: datetime, told: datetime) -> bool:
    return told - EARLIER <= at <= told + LATER
