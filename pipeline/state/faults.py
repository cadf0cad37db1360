"""What the state store says of itself, and which of it is no good."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

KEEPS: Final = "noeviction"  # the one policy under which a full server refuses writes instead of dropping keys
# Hosts that follow NTP are within milliseconds of each other; a second is what a call may take to be answered.
CLOCK_OFF_S: Final = 5.0


class StoreFault(StrEnum):
    """What is no good about a store that answers."""

    EVICTS = "evicts"  # it drops keys when it is full
    MAY_FORGET = "may_forget"  # writes of the last moment, in a crash
    UNCHECKED = "unchecked"  # it does not tell whether it does either
    CLOCK_OFF = "clock_off"  # its clock is not the broker's
    REPLICA = "replica"  # it takes no writes


WORDS: Final[Mapping[StoreFault, str]] = {
    StoreFault.EVICTS: (
        "drops keys when it is full, so a code that was used may be taken again; set maxmemory-policy noeviction"
    ),
    StoreFault.MAY_FORGET: (
        "may forget writes in a crash, so codes issued before one are refused; set appendonly yes, appendfsync always"
    ),
    StoreFault.UNCHECKED: (
        "does not let us read its settings (CONFIG GET, INFO), so this was not checked:"
        " maxmemory-policy noeviction, appendonly yes, appendfsync always"
    ),
    StoreFault.CLOCK_OFF: "has another time than Kafka; let both follow one time server (NTP)",
    StoreFault.REPLICA: "is a replica, which takes no writes; let state.url name the primary",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCondition:
    """What a store says of itself. None: it does not tell."""

    run: str  # names this run of the server
    replica: bool = False
    appendonly: str | None = None
    fsync: str | None = None
    policy: str | None = None  # maxmemory-policy
    clock_s: float | None = None  # its own, seconds since 1970

    @property
    def durable(self) -> bool:
        """Tell whether it keeps every write across a crash; where it does not tell, believe the worse."""
        return self.appendonly == "yes" and self.fsync == "always"


def faults(condition: StoreCondition, now_s: float | None) -> frozenset[StoreFault]:
    """Tell what is no good. `now_s` is the broker's time when it was asked; none: not known well enough."""
    off_s = abs(condition.clock_s - now_s) if condition.clock_s is not None and now_s is not None else 0.0
    found = {
        StoreFault.EVICTS: condition.policy not in {KEEPS, None},
        StoreFault.MAY_FORGET: condition.fsync is not None and not condition.durable,
        StoreFault.UNCHECKED: condition.policy is None or condition.fsync is None,
        StoreFault.CLOCK_OFF: off_s > CLOCK_OFF_S,
        StoreFault.REPLICA: condition.replica,
    }
    return frozenset(fault for fault, found_it in found.items() if found_it)
