"""Structured logs: one JSON object a line on standard output, of allowed fields only.

A code, a text or a full number can reach a log in three ways, and all three are closed here: as a field (only the
names below pass, and only plain values of them), inside an exception (its type and place are written, never its text),
and inside a library's message (its template is written, never what was filled in).
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final

import orjson
import structlog
from structlog.typing import FilteringBoundLogger

ROOT: Final = Path(__file__).resolve().parent.parent
OURS: Final = frozenset({"pipeline", "providers", "workers"})
LONGEST: Final = 200  # characters of one value

ALLOWED: Final = frozenset(
    {
        # Written by this module, on every line or where they apply.
        "ts",  # instant, UTC
        "level",  # debug, info, warning, error, critical
        "event",  # stable dotted name
        "worker",  # the process
        "part",  # of the process, or the library
        "template",  # a library's message before anything was filled in
        "error_type",  # class of an exception
        "error_at",  # file:line:function where it was raised
        "dropped_fields",  # names that are not in this list: a defect of the caller
        # One request and its attempts.
        "request_id",
        "attempt_id",  # request id and attempt number
        "attempt",  # the number of the attempt, from 1
        "caller",  # name of the auth service
        "country",  # ISO 3166-1 alpha-2
        "countries",  # a list of them
        "provider",  # name in the settings
        "provider_code",  # the provider's own word for an error, from the adapter's table, never free text
        "outcome",  # how a hand-over ended
        "receipt_state",  # SMPP word
        "reason",  # from a closed list, such as that of dead letters
        "operation",  # on the store: a script of ours, or a plain command
        "remedy",  # what to do, from a table of ours
        "scope",  # provider or route: what a breaker closes off
        "trigger",  # first, failover, second_look, resend
        "segments",  # SMS segments
        # Kafka.
        "topic",
        "partition",
        "partitions",
        "offset",
        "group",
        "lag",  # records
        "source",  # which caller's records a flood comes from
        # The process and its parts.
        "process",  # what the supervisor starts, stops or watches
        "state",  # of a process: starting, ready, stopped
        "signal",
        "pid",
        "exit_code",
        "restarts",
        "host",
        "port",
        "path",  # HTTP route as declared, or a file of ours
        "method",  # HTTP
        "status",  # HTTP
        "version",
        "config",  # hash of the routing settings
        "setting",  # the key of one, never its value
        "signs",  # Unicode names of characters
        "kid",  # key identifier
        # Figures.
        "count",
        "in_flight",
        "limit",
        "rate_per_s",
        "duration_ms",
        "wait_s",
        "age_s",
    }
)

_LEVELS: Final = logging.getLevelNamesMapping()
_WORD_BITS: Final = 64  # the largest integer that orjson writes
_DIGITS: Final = re.compile(r"\d{4,}")

Event = MutableMapping[str, Any]


def configure(worker: str, level: str = "info") -> None:
    """Set the process's name and level, and take over the logs of libraries. Call it once, before the first line."""
    _pipe(worker, level, keep=True)
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)


def _pipe(worker: str, level: str, *, keep: bool) -> None:
    structlog.configure(
        processors=[_Stamp(worker), structlog.processors.TimeStamper(fmt="iso", key="ts"), _errors, _allowed, _line],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=keep,
    )


def get_log(name: str) -> FilteringBoundLogger:
    """Give the log of one part. May be called at import: it is bound to the process at its first line.

    `log.info("attempt.accepted", attempt_id=..., provider=...)`; `exc_info=True` adds type and place of the exception.
    """
    log: FilteringBoundLogger = structlog.get_logger(part=name)
    return log


class _Stamp:
    """Adds level and worker."""

    def __init__(self, worker: str) -> None:
        self._worker = worker

    def __call__(self, _: object, level: str, event: Event) -> Event:
        return {"ts": None, "level": level, "event": event.pop("event", ""), "worker": self._worker, **event}


def _errors(_: object, __: str, event: Event) -> Event:
    error = event.pop("exc_info", None)
    error = sys.exc_info()[1] if error is True else error[1] if isinstance(error, tuple) else error
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__name__
        event["error_at"] = _place(error.__traceback__)
    return event


def _place(traceback: TracebackType | None) -> str | None:
    """Name the innermost frame, and before it the innermost one of ours where that is another."""
    ours = innermost = None
    for frame, line in walk_tb(traceback):
        path = Path(frame.f_code.co_filename)
        own = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in OURS
        innermost = f"{path.relative_to(ROOT) if own else path.name}:{line}:{frame.f_code.co_name}"
        ours = innermost if own else ours
    return innermost if ours in {None, innermost} else f"{ours} > {innermost}"


def _allowed(_: object, __: str, event: Event) -> Event:
    dropped = sorted(event.keys() - ALLOWED)
    kept = {name: _plain(value) for name, value in event.items() if name in ALLOWED}
    return {**kept, "dropped_fields": dropped} if dropped else kept


def _plain(value: object) -> object:
    """Let numbers, words and lists of words pass; of anything else only the type, since a `repr` may say too much."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if value.bit_length() < _WORD_BITS else str(value)[:LONGEST]
    if isinstance(value, str):
        return str(value)[:LONGEST].encode(errors="replace").decode()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return f"<{type(value).__name__}>"


def _line(_: object, __: str, event: Event) -> bytes:
    return orjson.dumps(event)


class _Libraries(logging.Handler):
    """Takes what aiokafka, aiohttp, asyncio and the like log through the same pipe."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the first line of the template; digits go, because a library may have filled it in itself."""
        template = _DIGITS.sub("#", str(record.msg).split("\n", 1)[0])
        log = get_log(record.name)
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("library.message", template=template, exc_info=record.exc_info)


_pipe("ithaca", "info", keep=False)  # what is logged before `configure`, and in tests, passes the same list
