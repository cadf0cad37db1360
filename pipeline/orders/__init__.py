"""What operators order: read, judged, and what would follow from it."""

from pipeline.orders.asking import asked
from pipeline.orders.foresee import Outlook, foresee, outlook
from pipeline.orders.judge import Accepted, after, judge, withdrawn
from pipeline.orders.wanted import Refused, Situation, Wanted

__all__ = [
    "Accepted",
    "Outlook",
    "Refused",
    "Situation",
    "Wanted",
    "after",
    "asked",
    "foresee",
    "judge",
    "outlook",
    "withdrawn",
]
