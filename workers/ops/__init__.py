"""The operators' page: what the system sees and does, live, and what operators may do about it."""

from workers.ops.app import run

__all__ = ["run"]
