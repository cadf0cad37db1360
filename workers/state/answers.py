"""What a server's answers mean: a row that is no good, or a server that is; and what it says of itself."""

from collections.abc import Mapping
from typing import Any, Final

from redis.exceptions import ResponseError

from pipeline.state.faults import StoreCondition

# First words of errors that a command or a script makes of what it reads, and of no others: `ERR hash value is not an
# integer`, `ERR user_script:20: attempt to compare number with nil`, `WRONGTYPE Operation against a key holding ...`.
# All others are about the server: READONLY, OOM, MISCONF, NOREPLICAS, MASTERDOWN, BUSY, NOPERM.
OF_A_ROW: Final = frozenset({"ERR", "WRONGTYPE"})


def is_about_a_row(error: Exception) -> bool:
    """Tell an error that concerns what a call reads from one that every call would meet."""
    if type(error) is not ResponseError:  # its subclasses, and all that is no answer, are about the server
        return False
    code = str(error).split(" ", 1)[0]  # the client takes the word off where it knows it, as it does ERR
    return code in OF_A_ROW or not code.isupper()


def condition_of(info: Mapping[str, Any], config: Mapping[str | None, str | None]) -> StoreCondition:
    """Read INFO, and CONFIG GET where it was answered: INFO tells the policy as well, but not how files are synced."""
    clock_us = info.get("server_time_usec")
    return StoreCondition(
        run=str(info["run_id"]),
        replica=info.get("role") == "slave",
        appendonly=config.get("appendonly"),
        fsync=config.get("appendfsync"),
        policy=config.get("maxmemory-policy") or info.get("maxmemory_policy"),
        clock_s=clock_us / 1_000_000 if isinstance(clock_us, int) else None,
    )
