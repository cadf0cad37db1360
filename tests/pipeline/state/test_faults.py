"""What is no good about a store that answers."""

from typing import Any

import pytest

from pipeline.state.faults import CLOCK_OFF_S, WORDS, StoreCondition, StoreFault, faults

NOW_S = 1_795_800_000.0
WELL: dict[str, Any] = {"run": "a", "appendonly": "yes", "fsync": "always", "policy": "noeviction", "clock_s": NOW_S}

CASES: list[tuple[dict[str, Any], set[StoreFault]]] = [
    ({}, set()),
    *(
        ({"policy": policy}, {StoreFault.EVICTS})
        for policy in ("allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl", "volatile-lru")
    ),
    ({"appendonly": "no"}, {StoreFault.MAY_FORGET}),
    ({"fsync": "everysec"}, {StoreFault.MAY_FORGET}),
    ({"policy": None}, {StoreFault.UNCHECKED}),
    ({"appendonly": None, "fsync": None}, {StoreFault.UNCHECKED}),
    ({"appendonly": None, "fsync": None, "policy": "allkeys-lru"}, {StoreFault.UNCHECKED, StoreFault.EVICTS}),
    ({"clock_s": NOW_S + 7200}, {StoreFault.CLOCK_OFF}),
    ({"clock_s": NOW_S - 7200}, {StoreFault.CLOCK_OFF}),
    ({"clock_s": NOW_S + CLOCK_OFF_S}, set()),
    ({"clock_s": None}, set()),
    ({"replica": True}, {StoreFault.REPLICA}),
]


@pytest.mark.parametrize(("differs", "found"), CASES)
def test_what_a_store_says_of_itself_shows_what_is_no_good(differs: dict[str, Any], found: set[StoreFault]) -> None:
    assert faults(StoreCondition(**{**WELL, **differs}), NOW_S) == found


def test_clock_is_not_judged_while_the_brokers_time_is_unknown() -> None:
    assert faults(StoreCondition(**{**WELL, "clock_s": 0.0}), None) == set()


def test_every_fault_has_words_that_say_what_to_do() -> None:
    assert WORDS.keys() == set(StoreFault)
    assert all(" set " in f" {text}" or "let " in text for text in WORDS.values())
    assert all(len(text) <= 200 for text in WORDS.values()), "a log line cuts what is longer"


@pytest.mark.parametrize(
    ("appendonly", "fsync", "durable"),
    [("yes", "always", True), ("yes", "everysec", False), ("no", "always", False), (None, None, False)],
)
def test_store_that_does_not_tell_is_not_believed_to_keep_every_write(
    appendonly: str | None, fsync: str | None, *, durable: bool
) -> None:
    assert StoreCondition(run="a", appendonly=appendonly, fsync=fsync).durable is durable
