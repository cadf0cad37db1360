"""What a metric is: name, kind, help, labels, and which processes have it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workers.metrics.labels import Label


class Kind(StrEnum):
    """What Prometheus may do with it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


API: Final = "api"
RECEIPTS: Final = "receipts"
DISPATCH: Final = "dispatch"
STATS: Final = "stats"
OPS: Final = "ops"
SERVERS: Final = (API, RECEIPTS, OPS)  # of HTTP
WITH_STORE: Final = (API, RECEIPTS, DISPATCH, OPS)
EVERY: Final = (API, RECEIPTS, DISPATCH, STATS, OPS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # looked up for every message: by identity
class Metric:
    """One metric. `buckets` are a histogram's upper bounds."""

    name: str
    kind: Kind
    help: str
    processes: tuple[str, ...]
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()


def counter(name: str, text: str, processes: tuple[str, ...], *of: Label) -> Metric:
    """Define what only grows."""
    return Metric(name=name, kind=Kind.COUNTER, help=text, processes=processes, labels=of)


def gauge(name: str, text: str, processes: tuple[str, ...], *of: Label) -> Metric:
    """Define what goes up and down."""
    return Metric(name=name, kind=Kind.GAUGE, help=text, processes=processes, labels=of)


def histogram(name: str, text: str, buckets: tuple[float, ...], processes: tuple[str, ...], *of: Label) -> Metric:
    """Define what is counted by size; `buckets` are upper bounds."""
    return Metric(name=name, kind=Kind.HISTOGRAM, help=text, processes=processes, labels=of, buckets=buckets)
