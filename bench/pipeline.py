"""What the pipeline costs: a dispatcher beside the bare HTTP client that it uses, at the same carrier.

Client and dispatcher run in turn, each time in a new process; the median of the pairs' ratios counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Any, Final

from bench.ground import Ground, Surroundings, machine
from bench.line import Line, at_least, at_most, plain
from bench.runs import Load, Run, client_run, dispatcher_run

LATENCY: Final = {"latency_median_s": 0.1, "latency_sigma": 0.0}
FOR_RATE: Final = 200  # in flight
FOR_CPU: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    pairs: int = 5
    messages: int = 10_000  # in each run; so few that the burst is over before the first of them is looked at again


QUICK: Final = Size(pairs=1, messages=1_000)
Pairs = list[tuple[Run, Run]]


async def measure(around: Surroundings, size: Size) -> dict[str, Any]:
    """Measure both ratios."""
    async with Ground(around, LATENCY).standing() as ground:
        turns = count(1)
        for_rate = await _pairs(ground, around, size, FOR_RATE, turns)
        for_cpu = await _pairs(ground, around, size, FOR_CPU, turns)
    return {**_rates(for_rate), **_cpu(for_cpu), "pairs": size.pairs, "messages": size.messages, **machine()}


def lines(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give the figures as people read them."""
    yield at_least(found["rate_ratio"], 0.95, f"hand-over rate beside the HTTP client's, {FOR_RATE} in flight")
    yield plain(f"{found['dispatcher_rate']:g}/s", f"of the dispatcher; the client's is {found['client_rate']:g}/s")
    yield at_most(found["cpu_ratio"], 1.5, f"CPU of a code beside the client's, {FOR_CPU} in flight")
    yield plain(f"{found['dispatcher_us']:g} us", f"of the dispatcher; the client's is {found['client_us']:g} us")
    yield plain(f"{found['cpu_ratio_whole']:g}", "the same with the first second look at each message, 10 s later")
    yield plain(f"{found['cpu_carrier_busy']:.0%}", "of a core used by the carrier, the busiest run: it is no limit")
    yield plain(f"{found['messages']}", f"messages in each of {found['pairs']} pairs of runs; medians")


async def _pairs(ground: Ground, around: Surroundings, size: Size, in_flight: int, turns: "count[int]") -> Pairs:
    runs = []
    for pair in range(1, size.pairs + 1):
        step = f"{in_flight} in flight, pair {pair} of {size.pairs}"
        client, dispatcher = (
            Load(tag=f"{kind}{next(turns):03d}", messages=size.messages, in_flight=in_flight) for kind in "cd"
        )
        around.tell(f"{step}: HTTP client alone")
        alone = await client_run(ground, client)
        around.tell(f"{step}: dispatcher")
        runs.append((alone, await dispatcher_run(ground, around.settings, dispatcher, look=in_flight == FOR_CPU)))
    return runs


def _rates(pairs: Pairs) -> dict[str, Any]:
    return {
        "rate_ratio": _median([whole.rate / alone.rate for alone, whole in pairs]),
        "rate_ratios": [round(whole.rate / alone.rate, 3) for alone, whole in pairs],
        "client_rate": _median([alone.rate for alone, _ in pairs], 0),
        "dispatcher_rate": _median([whole.rate for _, whole in pairs], 0),
        "rate_carrier_busy": _median([max(alone.carrier_busy, whole.carrier_busy) for alone, whole in pairs]),
    }


def _cpu(pairs: Pairs) -> dict[str, Any]:
    return {
        "cpu_ratio": _median([whole.cpu_us / alone.cpu_us for alone, whole in pairs]),
        "cpu_ratios": [round(whole.cpu_us / alone.cpu_us, 3) for alone, whole in pairs],
        "cpu_ratio_whole": _median([(whole.cpu_us + whole.look_us) / alone.cpu_us for alone, whole in pairs]),
        "client_us": _median([alone.cpu_us for alone, _ in pairs], 1),
        "dispatcher_us": _median([whole.cpu_us for _, whole in pairs], 1),
        "look_us": _median([whole.look_us for _, whole in pairs], 1),
        "cpu_client_rate": _median([alone.rate for alone, _ in pairs], 0),
        "cpu_dispatcher_rate": _median([whole.rate for _, whole in pairs], 0),
        "cpu_carrier_busy": _median([max(alone.carrier_busy, whole.carrier_busy) for alone, whole in pairs]),
    }


def _median(values: list[float], digits: int = 3) -> float:
    return round(median(values), digits)
