"""The metrics of one process: counted where things happen, or read from its parts when somebody asks."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import product
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from pipeline.settings import Settings
from pipeline.settings.show import config_hash
from workers.metrics.definitions import CONFIG, of
from workers.metrics.metric import Kind, Metric

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

# Else each counter brings a second series, with the time of its first count.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Sample(NamedTuple):
    """What a metric stands at, for the values of its labels."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


Source = Callable[[], Iterable[Sample]]


class Metrics(Collector):
    """All metrics of a process, in a registry of its own. A metric is either counted here or read from a source.

    Each shows from the start, with 0 wherever it is known which values its labels have. Raises KeyError for a metric
    that is not among them.
    """

    def __init__(self, metrics: Collection[Metric]) -> None:
        self._metrics = dict.fromkeys(metrics)
        self._sources: list[Source] = []
        self._counters: dict[Metric, Counter] = {}
        self._histograms: dict[Metric, Histogram] = {}
        self._counted: dict[tuple[Metric, tuple[str, ...]], Counter] = {}
        self._observed: dict[tuple[Metric, tuple[str, ...]], Histogram] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def count(self, metric: Metric, *labels: str) -> None:
        """Count one more."""
        counter = self._counted.get((metric, labels))
        if counter is None:
            counter = self._counted[metric, labels] = self._counter(metric, labels)
        counter.inc()

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Note how long something took."""
        histogram = self._observed.get((metric, labels))
        if histogram is None:
            histogram = self._observed[metric, labels] = self._histogram(metric, labels)
        histogram.observe(seconds)

    def watch(self, source: Source) -> None:
        """Ask this source for samples whenever somebody asks for metrics."""
        self._sources.append(source)

    def page(self) -> bytes:
        """Give all of them, in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Family]:
        """Give the families of all metrics, in the order of the table."""
        read: defaultdict[Metric, dict[tuple[str, ...], float]] = defaultdict(dict)
        for source in self._sources:
            for metric, value, labels in source():
                read[self._known(metric)][labels] = value
        for metric in self._metrics:
            if counted := self._counters.get(metric) or self._histograms.get(metric):
                yield from counted.collect()
            else:
                yield _family(metric, read[metric])

    def _known(self, metric: Metric) -> Metric:
        if metric not in self._metrics:
            raise KeyError(f"{metric.name} is no metric of this process")
        return metric

    def _counter(self, metric: Metric, labels: tuple[str, ...]) -> Counter:
        whole = self._counters.get(self._known(metric))
        if whole is None:
            whole = self._counters[metric] = Counter(metric.name, metric.help, _names(metric), registry=None)
            for values in _closed(metric):
                whole.labels(*values)
        return whole.labels(*labels) if labels else whole

    def _histogram(self, metric: Metric, labels: tuple[str, ...]) -> Histogram:
        whole = self._histograms.get(self._known(metric))
        if whole is None:
            whole = self._histograms[metric] = Histogram(
                metric.name, metric.help, _names(metric), buckets=metric.buckets, registry=None
            )
        return whole.labels(*labels) if labels else whole


def metrics_of(process: str, settings: Settings) -> Metrics:
    """Give the metrics of a process, with the version of its settings."""
    metrics, version = Metrics(of(process)), config_hash(settings)
    metrics.watch(lambda: [Sample(CONFIG, 1, (version,))])
    return metrics


def _family(metric: Metric, read: dict[tuple[str, ...], float]) -> Family:
    """Give what was read of a metric. A histogram is never read: here it is one that nothing was observed of."""
    if metric.kind is Kind.HISTOGRAM:
        return HistogramMetricFamily(metric.name, metric.help, labels=_names(metric))
    if metric.kind is Kind.GAUGE:
        gauge = GaugeMetricFamily(metric.name, metric.help, labels=_names(metric))
        for labels, value in read.items():
            gauge.add_metric(labels, value)
        return gauge
    counter = CounterMetricFamily(metric.name, metric.help, labels=_names(metric))
    for labels, value in (dict.fromkeys(_closed(metric), 0.0) | read).items():
        counter.add_metric(labels, value)
    return counter


def _names(metric: Metric) -> list[str]:
    return [label.name for label in metric.labels]


def _closed(metric: Metric) -> list[tuple[str, ...]]:
    """Give all values of the labels, where they are known beforehand."""
    if not all(label.values for label in metric.labels):
        return []
    return list(product(*(label.values for label in metric.labels)))
