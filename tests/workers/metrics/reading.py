"""Reading what a process tells Prometheus."""

from prometheus_client.parser import text_string_to_metric_families

from workers.metrics import Metrics

Counts = dict[tuple[str, ...], float]  # values of the labels, in the order of the labels' names -> value


def counts(metrics: Metrics, name: str) -> Counts:
    """Give the samples of that name that are not 0."""
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in text_string_to_metric_families(metrics.page().decode())
        for sample in family.samples
        if sample.name == name and sample.value
    }
