"""Providers' callbacks: proved, put on `otp.receipts`, and into the row of their attempt."""

from workers.receipts.process import run

__all__ = ["run"]
