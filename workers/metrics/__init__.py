"""What every process tells Prometheus: one table of all metrics, and a registry for each process."""
