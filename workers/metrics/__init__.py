"""What every process tells Prometheus: one table of all metrics, and a registry for each process.

`definitions` is the table, `labels` what it is told apart by; docs/reference/metrics.md follows from both.
"""

from workers.metrics.loop_lag import loop_lag_observed
from workers.metrics.metrics import CONTENT_TYPE, Metrics, Sample, metrics_of

__all__ = ["CONTENT_TYPE", "Metrics", "Sample", "loop_lag_observed", "metrics_of"]
