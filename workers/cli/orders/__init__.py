"""`ithaca orders`: what operators may order of the routing, and take back."""

from workers.cli.orders.commands import app

__all__ = ["app"]
