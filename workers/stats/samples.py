"""What the metrics of a statistics process are told of its parts, when somebody asks."""

from collections.abc import Iterator

from pipeline.records import Cause, Mode, Route, RouteState, RouteTable
from workers.kafka import KafkaProducer
from workers.metrics import Metrics, Sample
from workers.metrics import definitions as d
from workers.metrics.labels import COUNTING
from workers.stats.decider import Decider
from workers.stats.follower import Follower
from workers.stats.membership import Membership
from workers.stats.tallier import Tallier
from workers.stats.watchdog import SILENT_S, Watchdog


def watch_decisions(metrics: Metrics, decider: Decider, follower: Follower) -> None:
    """Let the metrics have where messages go, and what that is known from."""
    metrics.watch(lambda: _of_decider(decider))
    metrics.watch(lambda: (sample for table in decider.routes.values() for sample in _of_table(table)))
    metrics.watch(lambda: [Sample(d.RECORDS_UNREADABLE, n, (topic,)) for topic, n in follower.unreadable.items()])


def watch_counting(
    metrics: Metrics, membership: Membership, tallier: Tallier, watchdog: Watchdog, producer: KafkaProducer
) -> None:
    """Let the metrics have what is counted, and what is left to count."""
    metrics.watch(lambda: _of_tallier(tallier))
    metrics.watch(lambda: _of_watchdog(watchdog))
    metrics.watch(lambda: [Sample(d.BROKER_UP, producer.available and not watchdog.broker_away)])
    metrics.watch(lambda: [Sample(d.MEMBER, membership.is_member), Sample(d.ASSIGNED, len(membership.sources))])


def _of_decider(decider: Decider) -> Iterator[Sample]:
    yield Sample(d.DECIDING, decider.deciding)
    if decider.age_s is not None:
        yield Sample(d.EVIDENCE_AGE, decider.age_s)
    incidents = decider.open_incidents
    for cause in Cause:
        yield Sample(d.INCIDENTS_OPEN, incidents[cause], (cause,))


def _of_table(table: RouteTable) -> Iterator[Sample]:
    for mode in Mode:
        yield Sample(d.COUNTRY_MODE, table.mode is mode, (table.country, mode))
    for route in table.routes:
        yield from _of_route(route, table.country)


def _of_route(route: Route, country: str) -> Iterator[Sample]:
    labels = route.provider, country
    yield Sample(d.SHARE, route.share, labels)
    yield Sample(d.DUE, route.due, labels)
    yield Sample(d.SEEN, route.seen, labels)
    yield Sample(d.USUAL, route.usual, labels)
    for state in RouteState:
        yield Sample(d.STATE, route.state is state, (*labels, state))


def _of_tallier(tallier: Tallier) -> Iterator[Sample]:
    yield Sample(d.TALLIES, tallier.figures["tallies"])
    for result in COUNTING.values:
        yield Sample(d.RECORDS_COUNTED, tallier.figures[result], (result,))
    for reason, count in tallier.ignored.items():
        yield Sample(d.RECORDS_IGNORED, count, (reason,))


def _of_watchdog(watchdog: Watchdog) -> Iterator[Sample]:
    yield Sample(d.IDLE, watchdog.idle_s)
    yield Sample(d.IDLE_LIMIT, SILENT_S)
    for topic, lag in watchdog.lags.items():
        yield Sample(d.LAG, lag, (topic,))
