"""Facts in hand for the provider: its own message ids, times and answers. No number, no code, nothing of a person."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from pipeline.reports.postmortem.codes import Message
from pipeline.reports.postmortem.facts import Facts
from pipeline.reports.postmortem.impact import Impact
from pipeline.reports.postmortem.onset import concerned
from pipeline.reports.postmortem.wording import clock, plain, table

LISTED: Final = 20  # messages in the document; the CSV file has all of them
MINUTES: Final = 60  # rows, at most
COLUMNS: Final = (
    "requested_at", "country", "message_id", "answer", "answer_code", "answered_after_ms", "segments", "receipt",
    "receipt_code", "receipt_at",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@")  # what a spreadsheet would calculate


def messages(facts: Facts, found: Impact) -> list[Message]:
    """Give the messages that went the way which the incident concerns while it lasted."""
    return [one for one in concerned(facts, found.known) if found.onset_at <= one.attempt.sent_at <= facts.until]


def sheet(facts: Facts, found: Impact, csv_name: str) -> str:
    """Write the fact sheet, Markdown."""
    theirs = messages(facts, found)
    lost = [one for one in theirs if not one.delivered]
    place = facts.incident.country or "all countries"
    lines = [
        f"# Messages through {facts.incident.provider} that did not arrive",
        "",
        f"{clock(found.onset_at)} to {clock(facts.until)} UTC, {place}; times are of our hand-over.",
        "",
        f"Of {len(theirs)} messages that were handed to you, {len(lost)} are not known to have arrived.",
        f"All of them, with your message ids, are in `{csv_name}`.",
        "",
        *_counts("Your answers", "answer", (_answer(one) for one in theirs)),
        *_counts("Your receipts", "receipt", (_receipt(one) for one in theirs)),
        *_counts("Countries", "country", (one.attempt.country for one in theirs)),
        *_by_minute(theirs),
        *_examples(lost),
    ]
    return "\n".join(lines).rstrip() + "\n"


def csv(facts: Facts, found: Impact) -> str:
    """Give one row for each message, as RFC 4180 has it."""
    rows = [COLUMNS, *(_row(message) for message in messages(facts, found))]
    return "".join(",".join(_cell(value) for value in row) + "\r\n" for row in rows)


def _counts(heading: str, column: str, values: Iterable[str]) -> Iterator[str]:
    counted = Counter(values).most_common()
    if counted:
        yield f"## {heading}"
        yield ""
        yield from table((column, "messages"), counted)
        yield ""


def _by_minute(theirs: Sequence[Message]) -> Iterator[str]:
    sent = Counter(_minute(one.attempt.sent_at) for one in theirs)
    came = Counter(_minute(one.attempt.sent_at) for one in theirs if one.delivered)
    if sent:
        rows = [(f"{at:%Y-%m-%d %H:%M}", sent[at], came[at]) for at in sorted(sent)]
        yield "## Minutes"
        yield ""
        yield from table(("minute of the hand-over", "messages", "known to have arrived"), rows[:MINUTES])
        yield ""
        if len(rows) > MINUTES:
            yield f"The first {MINUTES} of {len(rows)} minutes."
            yield ""


def _examples(lost: Sequence[Message]) -> Iterator[str]:
    if not lost:
        return
    rows = [
        (_instant(one.attempt.sent_at), plain(one.attempt.message_id or "none given"), _answer(one), _receipt(one))
        for one in lost[:LISTED]
    ]
    yield f"## The first {len(rows)} of {len(lost)} that did not arrive"
    yield ""
    yield from table(("handed over at", "your message id", "answer", "receipt"), rows)


def _answer(message: Message) -> str:
    code = message.attempt.code
    return plain(message.attempt.outcome.value + (f" ({code})" if code else ""))


def _receipt(message: Message) -> str:
    receipt = message.receipt
    if receipt is None:
        return "none"
    return plain(receipt.state.value + (f" ({receipt.code})" if receipt.code else ""))


def _row(message: Message) -> Sequence[object]:
    attempt, receipt = message.attempt, message.receipt
    return (
        _instant(attempt.sent_at),
        attempt.country,
        attempt.message_id or "",
        attempt.outcome.value,
        attempt.code or "",
        round(attempt.duration_ms),
        attempt.segments,
        receipt.state.value if receipt else "",
        (receipt.code or "") if receipt else "",
        _instant(receipt.received_at) if receipt else "",
    )


def _cell(value: object) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    if text.startswith(_FORMULA):
        text = f"'{text}"
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(letter in text for letter in '",') else text


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
