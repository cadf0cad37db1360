"""What somebody wants ordered, and what is wrong with it in itself: field by field."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from pipeline.consuming.backlog import Partition
from pipeline.records import Order, OrderKind, RouteTable
from pipeline.records.topics import REQUESTS, RETRY_TIERS
from pipeline.settings.countries import EVERYWHERE, shares_for
from pipeline.settings.problems import meant

LONGEST: Final = timedelta(days=7)
LONGEST_PROBE: Final = timedelta(minutes=15)
REASON: Final = range(3, 201)  # characters
PAUSABLE: Final = tuple(topic.name for topic in (REQUESTS, *RETRY_TIERS))  # what dispatch consumes
# What a phone number looks like: +, or nine digits in a row, or groups as people write them. Tickets and dates do not.
_NUMBER: Final = re.compile(r"\+\d(?:[ ().-]{0,2}\d){5,}|\d{9,}|\(?\d{3,5}\)?[ .-]\d{3}[ .-]?\d{3,4}")
OF_A_PROVIDER: Final = frozenset({OrderKind.PIN, OrderKind.BAN, OrderKind.DRAIN, OrderKind.PROBE})


class Wanted(Struct, frozen=True, kw_only=True):
    """An order as somebody asks for it."""

    kind: OrderKind
    provider: str | None = None
    country: str = EVERYWHERE
    partition: str | None = None  # topic/partition
    reason: str
    author: str
    expires_at: datetime
    force: bool = False  # even where no provider that works may be left


class Situation(Struct, frozen=True, kw_only=True):
    """What is known when an order is asked for."""

    routes: Mapping[str, Mapping[str, float]]  # the settings': country or `*` -> provider -> share in percent
    tables: Mapping[str, RouteTable] = {}  # the newest of each country
    orders: Collection[Order] = ()  # those over may be among them
    partitions: Mapping[str, int] = {}  # topic -> how many it has; of none that is left out anything is known


class Refused(Struct, frozen=True, kw_only=True):
    """An order is not accepted. The text goes on after the name of the field, and repeats nothing that was sent."""

    field: str
    text: str
    forcible: bool = False  # it would be accepted with `force`


def wrong(wanted: Wanted, situation: Situation, now: datetime) -> Iterator[Refused]:
    """Find what is wrong with an order in itself."""
    reason = wanted.reason.strip()
    if len(reason) not in REASON:
        yield Refused(
            field="reason", text=f"is missing or too short or long; say why, in {REASON[0]} to {REASON[-1]} characters"
        )
    elif not reason.isprintable():
        yield Refused(field="reason", text="has line breaks or control characters; write one plain line")
    elif _NUMBER.search(reason):
        yield Refused(field="reason", text="seems to hold a phone number, and everybody reads it; leave that out")
    yield from _wrong_time(wanted, now)
    yield from _wrong_country(wanted, situation)
    yield from _wrong_provider(wanted, situation)
    yield from _wrong_partition(wanted, situation)


def _wrong_time(wanted: Wanted, now: datetime) -> Iterator[Refused]:
    longest = LONGEST_PROBE if wanted.kind is OrderKind.PROBE else LONGEST
    if wanted.expires_at <= now:
        yield Refused(field="expires_at", text="is in the past; give an instant to come, or for how long")
    elif wanted.expires_at - now > longest:
        most = "15 minutes" if wanted.kind is OrderKind.PROBE else "7 days"
        yield Refused(field="expires_at", text=f"is too far away; at most {most}, and it can be ordered again")


def _wrong_country(wanted: Wanted, situation: Situation) -> Iterator[Refused]:
    known = sorted({*situation.routes, *situation.tables})
    if wanted.kind is OrderKind.RESUME:
        if wanted.country != EVERYWHERE:
            yield Refused(field="country", text="is of no use here; a partition holds requests of all countries")
    elif wanted.country != EVERYWHERE and not is_served(wanted.country, situation.routes):
        yield Refused(field="country", text=f"has no provider in the settings; {meant(wanted.country.upper(), known)}")


def is_served(country: str, routes: Mapping[str, Mapping[str, float]]) -> bool:
    """Tell whether this is a country, and the settings have a provider for it."""
    code = len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()  # noqa: PLR2004
    return (code or country == "001") and bool(shares_for(routes, country))


def _wrong_provider(wanted: Wanted, situation: Situation) -> Iterator[Refused]:
    if wanted.kind not in OF_A_PROVIDER:
        if wanted.provider is not None:
            yield Refused(field="provider", text=f"is of no use here; a {wanted.kind} concerns all of them")
        return
    everyone = sorted({name for shares in situation.routes.values() for name in shares})
    there = sorted({name for country in concerned(wanted, situation) for name in shares_for(situation.routes, country)})
    if not wanted.provider:
        yield Refused(field="provider", text=f"is missing; there are: {', '.join(there)}")
    elif wanted.provider not in everyone:
        yield Refused(field="provider", text=f"has no route in the settings; {meant(wanted.provider, everyone)}")
    elif wanted.provider not in there:
        yield Refused(field="provider", text=f"has no route in {wanted.country}; there are: {', '.join(there)}")


def _wrong_partition(wanted: Wanted, situation: Situation) -> Iterator[Refused]:
    if wanted.kind is not OrderKind.RESUME:
        if wanted.partition is not None:
            yield Refused(field="partition", text=f"is of no use here; a {wanted.kind} concerns providers")
        return
    partition = read_partition(wanted.partition or "")
    if partition is None:
        yield Refused(field="partition", text=f"is no topic/partition; write {REQUESTS.name}/0")
    elif partition.topic not in PAUSABLE:
        text = f"is of no topic that dispatch consumes; {meant(partition.topic, PAUSABLE)}"
        yield Refused(field="partition", text=text)
    elif partition.number >= (count := situation.partitions.get(partition.topic, partition.number + 1)):
        yield Refused(field="partition", text=f"is not there; {partition.topic} has 0 to {count - 1}")


def read_partition(text: str) -> Partition | None:
    """Read topic/partition."""
    topic, slash, number = text.rpartition("/")
    usable = slash and number.isascii() and number.isdigit() and len(number) <= 6  # noqa: PLR2004 - as in the record
    return Partition(topic, int(number)) if usable else None


def concerned(wanted: Wanted, situation: Situation) -> list[str]:
    """Give the countries that an order concerns; `*` among them stands for those without shares or a table."""
    if wanted.country != EVERYWHERE:
        return [wanted.country]
    return sorted({*situation.routes, *(name for name in situation.tables if shares_for(situation.routes, name))})
