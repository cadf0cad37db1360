"""Simulated carriers (mobile operators) over real HTTP: handsets that receive codes, receipts, and faults to order."""

from workers.embedded.carrier.config import Account, Behaviour, CarrierConfig
from workers.embedded.carrier.server import running, serve

__all__ = ["Account", "Behaviour", "CarrierConfig", "running", "serve"]
