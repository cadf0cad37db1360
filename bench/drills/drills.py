"""Every drill: which fault, when and where, what the system is to call it, and the limits of its figures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any, Final

from bench.drills.limits import NEVER, Limit, at_least, at_most, exactly
from pipeline.records import Cause

Orders = Mapping[str, Mapping[str, Any]]  # as `PUT /faults` of a simulated carrier takes them

SWALLOW: Final[Orders] = {"silent_drop": {}}
DELIVERING: Final[Mapping[str, float]] = {"delivery_share": 1.0}  # receipts, and all else, as carriers do by default
OF_COUNTRY: Final = {"GB": "+44", "US": "+1"}


class Where(StrEnum):
    """Which carriers an order goes to."""

    LEADER = "leader"  # the one that leads when the first order is given, and no other later on
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Faults that are ordered, or cleared."""

    after_s: float = 0.0  # since the first fault is due
    where: Where = Where.LEADER
    orders: Orders | None  # none: all well again


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long it takes, and who asks."""

    before_s: float = 60.0  # of calm traffic, until the first fault
    observed_s: float = 300.0  # from then on
    settle_s: float = 200.0  # after the last request: no send of it starts later than 180 s, 60 % of its life
    rate: float = 20.0  # requests a second
    enter_after_s: tuple[float, float] | None = (5.0, 20.0)  # from the message to its code entered; none: never


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One drill."""

    name: str
    does: str
    outage: str  # which of the outages it repeats
    steps: tuple[Step, ...] = ()
    strange: bool = False  # a caller writes strange records to Kafka, from the first fault on
    country: str | None = None  # the only one with the fault; none: all
    behaviour: Mapping[str, float] = field(default_factory=lambda: DELIVERING)  # of carriers without a fault
    cause: Cause | None = None  # what the system is to call it; none: nothing is wrong
    limits: tuple[Limit, ...] = ()
    size: Size = Size()
    quick: Size | None = None  # of the short set; none: it is not part of it


def _flapping(seconds: int, each: int) -> Iterator[Step]:
    for start in range(0, seconds, 2 * each):
        yield Step(after_s=start, orders=SWALLOW)
        yield Step(after_s=start + each, orders=None)


GATEWAY: Final = (
    at_most("detected_s", 6, by_median=True),
    at_most("drained_s", 8),
    at_least("rescued_percent", 95),
    at_most("undelivered_per_mille", 3),
)

DRILLS: Final = (
    Drill(
        name="gateway-setting",
        does="the leading carrier accepts everything and delivers nothing",
        outage="1 and 2: a wrong setting in the SMS gateway",
        steps=(Step(orders=SWALLOW),),
        cause=Cause.PROVIDER,
        limits=GATEWAY,
        quick=Size(before_s=18, observed_s=35, settle_s=60),
    ),
    Drill(
        name="gateway-setting-one-country",
        does="the leading carrier of GB accepts everything and delivers nothing there",
        outage="1 and 2: a wrong setting in the SMS gateway, for one country",
        steps=(Step(orders={"silent_drop": {"prefixes": [OF_COUNTRY["GB"]]}}),),
        country="GB",
        cause=Cause.ROUTE,
        limits=(
            at_most("detected_s", 8, by_median=True),  # half of the messages tell of it
            at_most("drained_s", 10),
            at_least("rescued_percent", 95),
            at_most("undelivered_per_mille", 3),
            exactly("moved_wrongly", 0),
        ),
    ),
    Drill(
        name="provider-token",
        does="the leading carrier does not know our credential any more (401)",
        outage="4: a wrong token of the provider",
        steps=(Step(orders={"unauthorized": {}}),),
        cause=Cause.CREDENTIAL,
        limits=(at_most("elsewhere_s", 1), exactly("undelivered", 0)),
        quick=Size(before_s=8, observed_s=14, settle_s=60),
    ),
    Drill(
        name="new-word",
        does="the leading carrier refuses everything in words that nobody knows: 422, 410, an HTML page, inside a 200",
        outage="4: an account or an address that is not what it was, said in a new way",
        steps=(Step(orders={"new_word": {}}),),
        cause=Cause.PROVIDER,
        limits=(at_most("elsewhere_s", 1), at_most("detected_s", 8), exactly("undelivered", 0)),
        quick=Size(before_s=8, observed_s=14, settle_s=60, enter_after_s=(0.5, 2.0)),
    ),
    Drill(
        name="refuses-numbers",
        does="the leading carrier of GB calls every number invalid, and then opted out",
        outage="1 and 2: a wrong setting in the SMS gateway, blamed on the people",
        steps=(
            Step(orders={"refuse": {"error": "invalid_number", "prefixes": [OF_COUNTRY["GB"]]}}),
            Step(after_s=150, orders={"refuse": {"error": "opted_out", "prefixes": [OF_COUNTRY["GB"]]}}),
        ),
        country="GB",
        cause=Cause.ROUTE,
        limits=(at_most("elsewhere_s", 1), at_most("detected_s", 8), at_most("undelivered_per_mille", 3)),
    ),
    *(
        Drill(
            name=name,
            does=f"the leading carrier takes everything and reports it as rejected{how}",
            outage="1 and 2: a wrong setting in the SMS gateway, blamed on the people",
            steps=(Step(orders={"receipts_rejected": {}}),),
            cause=Cause.PROVIDER,
            limits=(at_most("detected_s", 8), at_most("undelivered_per_mille", 3)),
            size=size,
        )
        for name, how, size in (
            ("rejected-receipts", "", Size()),
            ("rejected-receipts-unentered", ", and no entered code is reported", Size(enter_after_s=None)),
        )
    ),
    Drill(
        name="all-providers",
        does="all carriers accept everything and deliver nothing for 3 minutes, then all is well again",
        outage="none of the five: everything fails together",
        steps=(Step(where=Where.ALL, orders=SWALLOW), Step(after_s=180, where=Where.ALL, orders=None)),
        cause=Cause.OURS,
        limits=(exactly("moves_later", 0),),
    ),
    Drill(
        name="fake-receipts",
        does="the leading carrier reports everything as delivered and delivers nothing",
        outage="1 and 2, as it is when receipts cannot be believed",
        steps=(Step(orders={"receipts_faked": {}}),),
        cause=Cause.PROVIDER,
        # Only people tell, and the first of them not before 5 s; what was swallowed by then looks delivered.
        limits=(at_most("detected_s", 15), at_most("drained_s", 20), at_most("undelivered_per_mille", 50)),
    ),
    Drill(
        name="brown-out",
        does="the leading carrier loses 40 % of the messages",
        outage="1 and 2, in part",
        steps=(Step(orders={"silent_drop": {"share": 0.4}}),),
        cause=Cause.PROVIDER,
        limits=(
            at_most("detected_s", 20),
            at_most("drained_s", 30),
            at_least("rescued_percent", 95),
            at_most("undelivered_per_mille", 5),
        ),
    ),
    Drill(
        name="flapping",
        does="the leading carrier swallows everything for 30 s, works for 30 s, and so on for 10 minutes",
        outage="1 and 2, again and again",
        steps=tuple(_flapping(600, 30)),
        cause=Cause.PROVIDER,
        limits=(at_most("returns", 4), exactly("waits_grow", 1)),
        size=Size(observed_s=600),
    ),
    Drill(
        name="strange-records",
        does="a caller writes strange records to Kafka: packed in every way, broken, too large, taken back, deleted",
        outage="none of the five: what one caller writes",
        strange=True,
        cause=Cause.RECORDS,
        limits=(
            exactly("not_accepted", 0),
            exactly("ended", 0),
            exactly("taken_back_sent", 0),
            at_most("evidence_age_s", 2),
            exactly("undelivered", 0),
        ),
        size=Size(before_s=20, observed_s=100),
        quick=Size(before_s=8, observed_s=20, settle_s=60, enter_after_s=(0.5, 2.0)),
    ),
    Drill(
        name="calm",
        does="nothing is wrong for 10 minutes",
        outage="none",
        limits=(exactly("moves", 0), exactly("incidents", 0), exactly("undelivered", 0)),
        size=Size(observed_s=600),
    ),
)


DEMO: Final = Size(before_s=4, observed_s=14, settle_s=60, enter_after_s=(0.5, 2.0))  # of the end of `make demo`


def drill(name: str) -> Drill:
    """Give a drill by its name. Raises StopIteration where there is none."""
    return next(one for one in DRILLS if one.name == name)


def limits_of(drill: Drill) -> tuple[Limit, ...]:
    """Give the limits of a drill, with those of every drill."""
    return tuple(chain(drill.limits, NEVER))
