"""Records by which traffic is steered: what was counted, the shares that follow from it, incidents, orders."""

from enum import StrEnum
from typing import Annotated

import msgspec

from pipeline.records.fields import VERSION, Country, Id, Instant, Name, Number, Whole, Word

Share = Annotated[float, msgspec.Meta(ge=0, le=1, description="of the traffic of a country")]
Area = Annotated[
    str, msgspec.Meta(pattern=r"^([A-Z]{2}|001|\*)$(?!\n)", description="ISO 3166-1 alpha-2, or * for all")
]
Place = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9.]{1,64}/[0-9]{1,6}$(?!\n)", description="topic/partition, without prefix")
]
Reason = Annotated[str, msgspec.Meta(min_length=3, max_length=200, description="as people read it")]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier attempt of the same request, as far as its route is concerned."""

    number: Number
    provider: Name
    sent_at: Instant
    config: str


class Counts(msgspec.Struct, frozen=True, array_like=True):
    """What is known of the messages that went one way in one second. Each field counts records of the topics."""

    accepted: int = 0  # the provider took it, or may have taken it
    refused: int = 0  # it did not, by its own fault, for our account, or although another provider took the same
    denied: int = 0  # of the refused: our credential, account or sender
    delivered: int = 0  # receipts
    failed: int = 0  # receipts: undeliverable or expired
    rejected: int = 0  # receipts: rejected; whose fault that is shows by how others fare
    verified: int = 0  # the code was entered and right
    missed: int = 0  # the person asked for another message
    rescued: int = 0  # we sent another message by ourselves
    first: int = 0  # of the accepted and refused: first attempts, one for each code
    creditable: int = 0  # of the accepted: nothing of its code was taken before, so that its entry is due from here


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """What one source partition holds of one send second, route and configuration version."""

    second: Whole  # of the send, seconds since 1970 by the broker's clock
    provider: Name
    country: Country
    config: str
    counts: Counts


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What one partition of attempts, receipts or verifications holds. Key: `topic/partition`. Topic: `otp.tallies`.

    The counts are absolute and follow from the source's records up to `position` alone: whoever counts them again
    gets the same. Cells that have not changed since the tally before are left out.
    """

    v: int = VERSION
    topic: str
    partition: Whole
    position: Whole  # of the source: every record before this offset is counted
    as_of: Instant  # every record that the broker had by then is counted
    cells: tuple[Cell, ...] = ()


class RouteState(StrEnum):
    """What is believed of a provider in a country."""

    NORMAL = "normal"
    SUSPECT = "suspect"  # it may be broken: traffic is being taken away
    BROKEN = "broken"  # it is: only probes go there
    RETURNING = "returning"  # it works again, and waits or gets its traffic back in stages
    CANARY = "canary"  # new or changed, and not known yet
    BANNED = "banned"  # by an operator: nothing goes there
    DRAINED = "drained"  # by an operator: something goes there only when nothing else is left


class Mode(StrEnum):
    """How the shares of a country are made."""

    AUTOMATIC = "automatic"
    ALL_BAD = "all_bad"  # no provider delivers: it is not the providers, so nothing is moved
    PINNED = "pinned"  # by an operator
    HELD = "held"  # by an operator: the shares stay as they are


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One provider in one country, and the numbers behind its share."""

    provider: Name
    share: Share
    state: RouteState
    leader: bool = False
    normal: float  # the probability that it works as usual, 0 to 1
    usual: float  # share of messages that it delivers when it works, 0 to 1
    due: float  # receipts that should have come by now, of the last seconds
    seen: int  # those that have
    window_s: Whole  # how many seconds `due` and `seen` are of
    silence_s: float | None = None  # no receipt after so long is a bad sign; none: receipts say nothing here
    returns_at: Instant | None = None  # not before then, while it waits to come back
    faults: float = 0.0  # how many it had lately, each counting less as time goes


class RouteTable(msgspec.Struct, frozen=True, kw_only=True):
    """Where the messages of a country go. Key: `country`. Topic: `otp.routes`, compacted."""

    v: int = VERSION
    country: Country
    revision: Whole  # grows with each change
    decided_at: Instant  # of the newest look at the evidence; older than 30 s is stale
    changed_at: Instant
    mode: Mode
    why: str  # of the newest change, as people read it
    routes: tuple[Route, ...]


class Cause(StrEnum):
    """Where a fault is. A closed list: labels and filters are made of it."""

    PROVIDER = "provider"
    CREDENTIAL = "credential"  # of a provider
    ROUTE = "route"  # one provider in one country
    DESTINATION = "destination"  # one country, through all providers
    FRAUD = "fraud"  # many requests and no code entered
    CODES = "codes"  # how codes are made or checked
    CONFIGURATION = "configuration"  # one version of ours
    OURS = "ours"  # our network, store or broker
    RECORDS = "records"  # somebody wrote what cannot be read
    SIGNAL = "signal"  # receipts or verifications are missing altogether, and nobody is to blame


class Phase(StrEnum):
    """Where an incident is in its life."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, and what was done about it. Key: `incident_id`. Topic: `otp.incidents`, compacted."""

    v: int = VERSION
    incident_id: Id
    phase: Phase
    cause: Cause
    provider: Name | None = None
    country: Country | None = None  # none: all of them
    config: str | None = None
    onset_at: Instant  # the send second from which on messages are missing
    opened_at: Instant
    updated_at: Instant
    closed_at: Instant | None = None
    summary: str
    not_causes: tuple[str, ...] = ()  # what it is not, each with its reason
    done: tuple[str, ...] = ()  # what the system did, oldest first
    requested: Whole = 0  # codes sent that way since the onset
    swallowed: Whole = 0  # of which nothing was heard in time
    rescued: Whole = 0  # of which another message was sent


class OrderKind(StrEnum):
    """What an operator may order."""

    PIN = "pin"  # everything through this provider
    BAN = "ban"  # nothing through this provider
    DRAIN = "drain"  # nothing through this provider while another one is left
    HOLD = "hold"  # no automation: the shares stay as they are
    PROBE = "probe"  # a small share through this provider, whatever is believed of it
    RESUME = "resume"  # go on with a partition that a flood of our own faults has paused


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator wants. Key: `order_id`. Topic: `otp.control`, compacted; a null value withdraws it."""

    v: int = VERSION
    order_id: Id
    kind: OrderKind
    provider: Name | None = None  # of a pin, ban, drain or probe
    country: Area = "*"
    partition: Place | None = None  # of a resume
    reason: Reason
    author: Word
    at: Instant
    expires_at: Instant
    forced: bool = False  # it was given although it may leave a country without a provider that works
