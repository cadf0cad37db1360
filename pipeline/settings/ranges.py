"""How large or small every number may be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.settings.model import Settings
from pipeline.settings.problems import Path, Problem
from pipeline.settings.schema import leaves


@dataclass(frozen=True, slots=True)
class Range:
    """Smallest and largest value, both allowed, and what is good to know about them."""

    least: float
    most: float
    why: str = ""


_PORT: Final = Range(0, 65_535, "a TCP port, 0 for a free one")
_SEND: Final = Range(0.1, 60, "seconds for one hand-over")

RANGES: Final = {
    "kafka.partitions": Range(1, 10_000, "at least twice the number of workers of a group"),
    "kafka.replication": Range(1, 32, "at most the number of brokers"),
    "kafka.min_insync": Range(1, 32, "at most the replication"),
    "kafka.session_timeout_s": Range(1, 300, "seconds; the broker has a lower limit, 6 by default"),
    "kafka.send_timeout_s": Range(0.1, 30, "seconds after which a caller is answered 503"),
    "state.timeout_s": Range(0.01, 30, "seconds for one call"),
    "state.keep_s": Range(60, 604_800, "seconds, at most a week"),
    "otp.ttl_s": Range(30, 600, "seconds; a code lives 10 minutes at most"),
    "otp.digits": Range(6, 10, "digits of a code"),
    "otp.tries": Range(1, 10, "entered codes per request"),
    "otp.resend_after_s": Range(0, 600, "seconds"),
    "dispatch.in_flight": Range(1, 10_000, "hand-overs under way at once"),
    "dispatch.send_timeout_s": _SEND,
    "dispatch.lease_s": Range(2, 600, "seconds; a claim must outlive the start of its hand-over"),
    "dispatch.drain_s": Range(0, 300, "seconds"),
    "dispatch.max_attempts": Range(1, 5, "hand-overs of one request"),
    "dispatch.last_send_share": Range(0.05, 1, "a share of the code's life"),
    "dispatch.second_look_s": Range(0.1, 600, "seconds"),
    "dispatch.second_send_budget": Range(0, 1, "a share of all sends"),
    "dispatch.rescue_share": Range(0.01, 1, "a share of in_flight, and of per_second where it is set"),
    "dispatch.watchdog_s": Range(1, 3600, "seconds"),
    "api.port": _PORT,
    "receipts.port": _PORT,
    "admin.port": _PORT,
    "ops.port": _PORT,
    "providers.*.in_flight": Range(1, 10_000, "hand-overs under way at once"),
    "providers.*.per_second": Range(0.01, 100_000, "hand-overs a second"),
    "providers.*.timeout_s": _SEND,
    "routes.*.*": Range(0, 100, "percent"),
}


def audit_numbers(settings: Settings) -> Iterator[Problem]:
    """Find every number out of its range."""
    for path, value in leaves(settings):
        if isinstance(value, int | float) and not isinstance(value, bool):
            allowed = RANGES[range_name(path)]
            if not allowed.least <= value <= allowed.most:
                text = f"is {value:g}; write {allowed.least:g} to {allowed.most:g} ({allowed.why})"
                yield Problem(path=path, text=text)


def range_name(path: Path) -> str:
    """Give the key in RANGES: names that users choose become `*`."""
    chosen = {"providers": {1}, "routes": {1, 2}}.get(path[0], set())
    return ".".join("*" if depth in chosen else name for depth, name in enumerate(path))
