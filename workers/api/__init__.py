"""The HTTP door: ask for a code, ask again, check a code, see what became of it."""

from workers.api.app import run

__all__ = ["run"]
