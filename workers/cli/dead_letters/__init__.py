"""`ithaca dead-letters`: look at what could not be sent, and why; send it again, or put it out of the way."""

from workers.cli.dead_letters.commands import app

__all__ = ["app"]
