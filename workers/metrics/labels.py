"""The labels of metrics. Each takes its values from a closed set: none can hold a code, a phone number or an id."""

from dataclasses import dataclass
from typing import Final

from pipeline.dispatch.following import Refusal
from pipeline.errors import DeadReason, Outcome
from pipeline.evidence.reading import Ignored
from pipeline.records import Cause, Mode, ReceiptState, RouteState
from pipeline.records.topics import CONTROL, COUNTED, INCIDENTS, REQUESTS, RETRY_TIERS, ROUTES, TALLIES, VERIFICATIONS
from pipeline.state.faults import StoreFault

NONE: Final = "none"  # in place of a provider, a country or a path that nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One label. Where `values` are given they are all that there are; else they come from what `meaning` names."""

    name: str
    meaning: str
    values: tuple[str, ...] = ()


CALLER: Final = Label(name="caller", meaning="a name in the setting `callers`")
CONFIG: Final = Label(name="config", meaning="12 hexadecimal digits that name the routing-relevant settings")
COUNTRY: Final = Label(name="country", meaning=f"ISO 3166-1 alpha-2, or `{NONE}` where it is not known")
PROVIDER: Final = Label(name="provider", meaning=f"a name in the setting `providers`, or `{NONE}` where nobody knows")
ROUTE: Final = Label(name="route", meaning=f"a path with placeholders as the server has it, or `{NONE}`")
STATUS: Final = Label(name="status", meaning="class of the HTTP status", values=("2xx", "3xx", "4xx", "5xx"))

ASKED: Final = Label(name="asked", meaning="how often the person has asked", values=("first", "again"))
CAUSE: Final = Label(name="cause", meaning="where the fault is", values=tuple(Cause))
MODE: Final = Label(name="mode", meaning="how the shares of the country are made", values=tuple(Mode))
OUTCOME: Final = Label(name="outcome", meaning="how the hand-over ended", values=tuple(Outcome))
RECEIPT: Final = Label(name="state", meaning="as in SMPP 3.4", values=tuple(ReceiptState))
STATE: Final = Label(name="state", meaning="what is believed of the route", values=tuple(RouteState))
WHY_DEAD: Final = Label(name="reason", meaning="why it cannot be sent", values=tuple(DeadReason))
WHY_IGNORED: Final = Label(name="reason", meaning="why it counts for nothing, or for less", values=tuple(Ignored))
WHY_REFUSED: Final = Label(name="reason", meaning="why the table is not followed", values=tuple(Refusal))
CLAIM: Final = Label(
    name="verdict",
    meaning="what the claim was answered",
    values=(
        "granted",
        "excused",
        "known",
        "wait",
        "duplicate",
        "verified",
        "void",
        "other_to",
        "other_code",
        "too_soon",
        "too_many",
        "unclaimed",
    ),
)
CALLBACK: Final = Label(
    name="verdict",
    meaning="what the callback was to us",
    values=(
        "advanced",
        "known",
        "stranger",
        "replayed",
        "store_away",
        "proof_unavailable",
        *(f"refused_{reason}" for reason in DeadReason),
    ),
)
ENTERED: Final = Label(
    name="verdict",
    meaning="what the entered code was",
    # repeated: right, and verified a moment ago; unreadable: no code at all; unknown: no such request of this caller
    values=("verified", "repeated", "refused", "unreadable", "unknown"),
)
OPERATION: Final = Label(
    name="operation",
    meaning="a script of ours, or a plain command",
    values=(
        *("claim", "renew", "outcome", "seen", "receipt", "report", "ask_again", "try_code", "consume", "epoch"),
        *("get", "hgetall", "set", "info"),
    ),
)
FAULT: Final = Label(
    name="fault",
    # evicts: it drops keys when it is full; may_forget: writes, in a crash; unchecked: it tells neither; clock_off: its
    # clock is not the broker's; replica: it takes no writes
    meaning="what is no good about a store that answers",
    values=tuple(StoreFault),
)
SETTLED: Final = Label(
    name="how",
    # restored: a key was evicted or deleted, alone; carried: over a restart that forgot nothing; begun: the store was
    # empty; broken: it may have forgotten writes. After the last two, codes issued before are refused
    meaning="what had become of the instant since when codes count",
    values=("restored", "carried", "begun", "broken"),
)
SECOND: Final = Label(
    name="cause",
    meaning="why another message was sent",
    # failed: its receipt said so; rescue: its route is known to be broken; silence: no receipt came in time;
    # wish: the person asked
    values=("failed", "rescue", "silence", "wish"),
)
TRIGGER: Final = Label(
    name="trigger", meaning="what the attempt follows from", values=("first", "failover", "second_look", "resend")
)
COUNTING: Final = Label(
    name="result", meaning="what became of the record", values=("counted", "replayed", "deleted")
)  # deleted: before anybody had counted it

DISPATCHED: Final = Label(
    name="topic",
    meaning="what dispatch consumes",
    values=tuple(topic.name for topic in (REQUESTS, *RETRY_TIERS, VERIFICATIONS)),
)
CONSUMED: Final = Label(name="topic", meaning="what the process consumes, as in `ithaca topics`")
FOLLOWED: Final = Label(
    name="topic",
    meaning="what the process follows",
    values=tuple(topic.name for topic in (CONTROL, ROUTES, INCIDENTS, TALLIES)),
)
OPENED: Final = Label(
    name="topic",
    meaning="what the process consumes that callers or we write",
    values=tuple(topic.name for topic in (REQUESTS, *RETRY_TIERS, *COUNTED)),
)
BESIDE: Final = Label(name="topic", meaning="what is produced beside an answer", values=(VERIFICATIONS.name,))
