"""Evidence and route tables -> incidents: where a fault is, since when, what it is not, and what was done."""

from pipeline.incidents.watch import Watch

__all__ = ["Watch"]
