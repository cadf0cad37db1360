"""Ask Ithaca for one-time codes: over HTTP from here, on Kafka from `ithaca_otp.direct`."""

from ithaca_otp.answers import Accepted, Attempt, State, Timeline
from ithaca_otp.errors import Failed, Invalid, NotFound, OtpError, Over, ProblemType, Refused, TooSoon, Unavailable
from ithaca_otp.http import HttpClient

__all__ = [
    "Accepted",
    "Attempt",
    "Failed",
    "HttpClient",
    "Invalid",
    "NotFound",
    "OtpError",
    "Over",
    "ProblemType",
    "Refused",
    "State",
    "Timeline",
    "TooSoon",
    "Unavailable",
]
