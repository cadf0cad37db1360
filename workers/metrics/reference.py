"""docs/reference/metrics.md, made from the table: `python -m workers.metrics.reference > docs/reference/metrics.md`."""

import sys
from collections.abc import Iterator
from typing import Final

from workers.metrics.definitions import LIBRARY, METRICS
from workers.metrics.labels import Label
from workers.metrics.metric import EVERY, Kind, Metric

INTRO: Final = """# Metrics

Made from the table of metrics: `.venv/bin/python -m workers.metrics.reference > docs/reference/metrics.md`.

Every process answers `GET /metrics` in Prometheus' text format, beside `/healthz` and `/readyz`: `api`, `receipts` \
and `ops` at their own address, `dispatch` and `stats` at `admin.host` and `admin.port`.
A proxy before `api` or `receipts` should let only `/v1/` and `/receipts/` through from outside.

Every label takes its values from a closed set: no metric holds a code, a phone number or an id.
A counter whose labels are all listed here starts at 0 for each of their values; one with names of callers, providers \
or countries begins when they first occur.
What belongs to a country or a provider and comes from the topics, such as shares and open incidents, is told by every \
`stats` process alike: take `max by (...)` of it, and `sum by (...)` of what each process counts for itself.

Codes in time, the base of the service level: \
`sum(rate(otp_codes_in_time_total[5m])) / sum(rate(otp_codes_total[5m]))`.
A code counts in the first process that learns of its arrival, and in no other.
Questions to the store for each request: \
`sum(rate(otp_store_operations_total[5m])) / sum(rate(otp_requests_total[5m]))`.
A restart, by the watchdog or anybody else: `changes(process_start_time_seconds[15m])`.
"""
OURS: Final = "## Ours"
THEIRS: Final = "## Of the client library"
OF_LABELS: Final = "## Labels"


def reference() -> str:
    """Give the whole reference as Markdown."""
    parts = [INTRO, OURS, "", *_table(METRICS), "", THEIRS, "", *_table(LIBRARY), "", OF_LABELS, "", *_labels()]
    return "\n".join([*parts, ""])


def _table(metrics: tuple[Metric, ...]) -> Iterator[str]:
    yield "| metric | kind | labels | processes | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for metric in metrics:
        labels = ", ".join(f"`{label.name}`" for label in metric.labels)
        processes = "all" if metric.processes == EVERY else ", ".join(metric.processes)
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {processes} | {metric.help}{_bounds(metric)} |"


def _bounds(metric: Metric) -> str:
    return f" Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}." if metric.kind is Kind.HISTOGRAM else ""


def _labels() -> Iterator[str]:
    yield "| label | of | values |"
    yield "| --- | --- | --- |"
    users: dict[Label, list[str]] = {}
    for metric in METRICS:
        for label in metric.labels:
            users.setdefault(label, []).append(f"`{metric.name}`")
    for label, names in users.items():
        values = f": {', '.join(f'`{value}`' for value in label.values)}" if label.values else ""
        yield f"| `{label.name}` | {', '.join(names)} | {label.meaning}{values} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
