"""What is left to do after an incident, by its cause."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from pipeline.records import Cause, Phase
from pipeline.reports.postmortem.facts import Facts
from pipeline.reports.postmortem.impact import Impact
from pipeline.reports.postmortem.orders import given, what
from pipeline.reports.postmortem.wording import clock, lasted, plain, without_numbers

LATE: Final = timedelta(seconds=15)  # from the first loss to the first notice: longer is a question of its own

_ASK: Final = (
    "Ask {provider} what became of our messages of {since} to {until} UTC, and send them the fact sheet with their "
    "own message ids"
)
_COMPARE: Final = (
    "Compare our settings of {provider} (sender, options, credential, address) with those before {since}: who "
    "changed what, and which check would have refused it"
)
_PROVE: Final = (
    "Prove the account of {provider} before it carries large traffic again: `ithaca providers check`, then "
    "`ithaca providers test`"
)
TASKS: Final[Mapping[Cause, tuple[str, ...]]] = {
    Cause.PROVIDER: (_ASK, _COMPARE, _PROVE),
    Cause.CREDENTIAL: (
        "Rotate the credential of {provider}, and find out since when and why the old one was refused",
        _PROVE,
        "Ask {provider} who changed or revoked the credential, with the refused hand-overs of the fact sheet",
    ),
    Cause.ROUTE: (
        _ASK,
        "Check the sender and its registration at {provider} for {country}",
        _COMPARE,
    ),
    Cause.DESTINATION: (
        "Ask the providers what is known of {country} since {since}: operators there, filters, new rules for senders",
        "Check that sender and text are still allowed in {country}",
    ),
    Cause.FRAUD: (
        "Find the callers and prefixes that asked for codes in {country} since {since} and entered few of them",
        "Tighten the limits of {country}, and agree with the callers on a challenge before a code is asked for",
        "Ask the providers not to charge for the messages of the fraud",
    ),
    Cause.CODES: (
        "Compare how codes were made and checked before and after {since}: release, key ring, digits, clocks",
        "Write a test that fails with this change",
    ),
    Cause.CONFIGURATION: (
        "Roll back configuration {config} where it is still in use, and compare it with the version before",
        "Write a check that refuses such a configuration before it carries traffic",
    ),
    Cause.OURS: (
        "Look at our network, the store and the broker at {since}: `ithaca status`, and the logs of every process",
        "Find out which alert of ours should have told first",
    ),
    Cause.RECORDS: (
        "Find out who wrote the batch: its offset is in the summary, and ask for another client or its settings",
        "Find out which records were in it, from its producer, and whether their people were sent a code since",
    ),
    Cause.SIGNAL: (
        (
            "Find out where receipts or entered codes were lost since {since}: the callback address, the receipts "
            "process, the callers that report verifications"
        ),
        "Ask the providers whether they can send the receipts of {since} to {until} UTC again",
    ),
}


def tasks(facts: Facts, found: Impact, noticed_after: timedelta) -> Iterator[str]:
    """Give the tasks, Markdown, those of the cause first."""
    incident = facts.incident
    names = {
        "provider": incident.provider or "the providers",
        "country": incident.country or "all countries",
        "config": plain(incident.config or "unknown"),
        "since": clock(found.onset_at),
        "until": clock(facts.until),
    }
    yield from (task.format(**names) for task in TASKS[incident.cause])
    yield from _of_codes(found)
    yield from _of_orders(facts)
    if noticed_after > LATE:
        yield f"Find out why it took {lasted(noticed_after)} from the first loss to the first notice"
    if incident.phase is not Phase.CLOSED:
        yield "Write this postmortem again when the incident is closed: it was open when this one was written"
    yield "Add what people did and saw outside of this system: calls, tickets, messages to customers"


def _of_codes(found: Impact) -> Iterator[str]:
    lost = found.total.swallowed - found.total.rescued
    if lost:
        yield f"Find out why {lost} of the swallowed codes did not arrive by another way"
    dead = found.total.undelivered - found.total.alive
    if dead:
        yield (
            f"Tell the callers of the {dead} codes that died undelivered, so that they may offer a new one; "
            "those that no provider took: `ithaca dead-letters list`"
        )


def _of_orders(facts: Facts) -> Iterator[str]:
    for one in given(facts):
        if one.ends_at > facts.as_of:
            yield (
                f"Withdraw the order of {without_numbers(one.order.author)} ({what(one.order)}), or let it end at "
                f"{clock(one.ends_at)} UTC: `ithaca orders withdraw {one.order.order_id}`"
            )
