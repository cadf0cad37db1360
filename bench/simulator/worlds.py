"""The worlds: providers, how they fail, what receipts and people tell of it. A new world is one entry."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from pipeline.evidence.delays import MEDIAN_S

BEST: Final = 0.96  # what the best provider delivers when it works; each further one 2 points less
STEP: Final = 0.02
STANDARD_RATE: Final = 20.0
STANDARD_PROVIDERS: Final = 4
HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a provider does at some time."""

    name: str
    delivers: float  # of what it delivers when it works
    tells: bool = True  # failures are reported as often as usual; else what the fault has lost is never reported
    fakes: bool = False  # what the fault has lost is reported as delivered
    refuses: bool = False  # nothing is accepted


WORKING: Final = Kind(name="working", delivers=1.0)
SILENT: Final = Kind(name="silent", delivers=0.02, tells=False)
BROWN_OUT: Final = Kind(name="brown-out", delivers=0.6)
REPORTING: Final = Kind(name="reporting", delivers=0.02)
FAKE: Final = Kind(name="fake", delivers=0.02, fakes=True)
REFUSING: Final = Kind(name="refusing", delivers=0.0, refuses=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often each provider fails, for how long, and in which of these ways (equally likely)."""

    kinds: tuple[Kind, ...] = (SILENT, BROWN_OUT)
    every_s: float = 1200.0  # the mean time from one fault's end to the next
    shortest_s: int = 60
    longest_s: int = 360
    wide: float = 0.0  # share that hits all countries of the provider; the others hit one
    together: bool = False  # all providers fail at once
    flap_s: int = 0  # bad and good in turn for so long while a fault lasts; 0: bad all the time


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """How receipts come: after 2 s and a log-normal rest."""

    median_s: float = MEDIAN_S  # of the rest
    of_successes: float = 0.97  # share that is reported
    of_failures: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What people do with a code that has arrived: they enter it after 5 to 20 s."""

    entering: float = 0.85  # share that does
    reported: bool = False  # whether the pipeline learns of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """A wave of requests for numbers of the attacker, in the first country: delivered, and never entered."""

    every_s: float = 1800.0  # mean time between waves
    length_s: int = 300
    factor: float = 3.0  # times the usual traffic, on top of it


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that a run needs, beside its seed."""

    what: str
    rate: float = STANDARD_RATE  # messages a second in each country
    providers: int = STANDARD_PROVIDERS
    seconds: int = 5400
    countries: tuple[str, ...] = ("GB",)
    faults: Faults | None = Faults()
    receipts: Receipts = Receipts()
    people: People = People()
    drift: float = 0.0  # the usual share swings by so much to both sides, from end to end in an hour
    wave: Wave | None = None

    @property
    def base(self) -> tuple[float, ...]:
        """Give what the providers deliver when they work, the best first."""
        return tuple(round(BEST - STEP * place, 2) for place in range(self.providers))


TEN: Final = ("GB", "DE", "FR", "ES", "IT", "NL", "PL", "SE", "BE", "AT")
ENTERED: Final = People(reported=True)

WORLDS: Final[Mapping[str, World]] = {
    "standard": World(what="each provider fails about every 20 minutes, half silently"),
    "verified": World(what="the standard world, and entered codes are reported", people=ENTERED),
    "heavy-delay": World(what="receipts take a median of 14 s", receipts=Receipts(median_s=12.0)),
    "drift": World(what="what providers usually deliver drifts by 5 points", drift=0.05),
    "flapping": World(
        what="faults of 5 to 15 minutes, 30 s bad and 30 s good in turn",
        faults=Faults(shortest_s=300, longest_s=900, flap_s=30),
    ),
    "all-together": World(what="all providers fail at once", faults=Faults(together=True)),
    "calm": World(what="no fault for 10 hours", seconds=10 * HOUR_S, faults=None),
    "fake-receipts": World(
        what="failing providers report what they lose as delivered; codes are entered",
        faults=Faults(kinds=(FAKE,)),
        people=ENTERED,
    ),
    "no-receipts": World(
        what="no receipt ever comes; codes are entered",
        receipts=Receipts(of_successes=0.0, of_failures=0.0),
        people=ENTERED,
    ),
    "countries": World(
        what="10 countries; half of the faults are of one of them",
        rate=1.0,
        countries=TEN,
        faults=Faults(wide=0.5),
    ),
    "refusals": World(
        what="failing providers refuse, or report what they lose", faults=Faults(kinds=(REFUSING, REPORTING))
    ),
    "fraud": World(
        what="waves of requests that are never entered", countries=("GB", "DE"), people=ENTERED, wave=Wave()
    ),
}


def world(name: str, *, rate: float | None = None, providers: int | None = None, minutes: float | None = None) -> World:
    """Give a world, with what was asked for in place of its own. Raises KeyError for a name that is not there."""
    found = WORLDS[name]
    return replace(
        found,
        rate=found.rate if rate is None else rate,
        providers=found.providers if providers is None else providers,
        seconds=found.seconds if minutes is None else round(minutes * 60),
    )
