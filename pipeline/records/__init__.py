"""Every record on a topic, frozen; encode and decode.

Records are JSON objects. `v` is the major version: a reader ignores fields it does not know and refuses a version
it does not know. Instants are aware UTC (RFC 3339 on the wire) and broker time wherever processes must agree.
"""

from pipeline.records.codec import MAX_DEPTH, MAX_RECORD_BYTES, Record, decode, encode, schema
from pipeline.records.fields import LONGEST_LIFE, VERSION, Country, Locale, Name, Word
from pipeline.records.flow import (
    Attempt,
    DeadLetter,
    Expired,
    LetterState,
    Origin,
    OtpRequest,
    Receipt,
    ReceiptState,
    Resolution,
    Retry,
    Verdict,
    Verification,
)
from pipeline.records.steering import (
    Cause,
    Cell,
    Counts,
    Incident,
    Mode,
    Order,
    OrderKind,
    Phase,
    Route,
    RouteState,
    RouteTable,
    Sent,
    Tally,
)

__all__ = [
    "LONGEST_LIFE",
    "MAX_DEPTH",
    "MAX_RECORD_BYTES",
    "VERSION",
    "Attempt",
    "Cause",
    "Cell",
    "Country",
    "Counts",
    "DeadLetter",
    "Expired",
    "Incident",
    "LetterState",
    "Locale",
    "Mode",
    "Name",
    "Order",
    "OrderKind",
    "Origin",
    "OtpRequest",
    "Phase",
    "Receipt",
    "ReceiptState",
    "Record",
    "Resolution",
    "Retry",
    "Route",
    "RouteState",
    "RouteTable",
    "Sent",
    "Tally",
    "Verdict",
    "Verification",
    "Word",
    "decode",
    "encode",
    "schema",
]
