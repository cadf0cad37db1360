"""Orders as dispatch takes them from their topic."""

from datetime import datetime, timedelta
from typing import Any

from pipeline.consuming.backlog import Partition
from pipeline.records import Order, OrderKind, encode
from tests.pipeline.orders.situations import an_order
from tests.samples import NOW, a_route, a_table
from workers.dispatch.orders import Orders
from workers.dispatch.tables import Tables
from workers.loop import Record

SETTINGS = {"*": {"a": 60.0, "b": 40.0}}
BAN = an_order(OrderKind.BAN, "a")
PIN = an_order(OrderKind.PIN, "b")
RESUME = an_order(OrderKind.RESUME, country="*", partition="otp.retry.2s/3")


class Taking:
    """The tables of a dispatcher, at an instant that moves."""

    def __init__(self) -> None:
        self.now: datetime = NOW
        self.resumed: list[Partition] = []
        self.tables = Tables(SETTINGS)
        self.orders = Orders(self.tables, self.resumed.append, lambda: self.now)

    def take(self, value: Order | bytes | None, key: str = "key") -> "Taking":
        data = encode(value) if isinstance(value, Order) else value
        self.orders.take(_record("otp.control", key, data))
        return self

    def table(self, *shares: float, **changes: Any) -> None:
        routes = [a_route(name, share) for name, share in zip("ab", shares, strict=True)]
        self.tables.take(_record("otp.routes", "GB", encode(a_table(*routes, **changes))))

    def shares(self, country: str = "GB") -> dict[str, float]:
        plan = self.tables.of(country)
        return dict(plan.shares) if plan else {}


def _record(topic: str, key: str, value: bytes | None) -> Record:
    stamp_ms = int(NOW.timestamp() * 1000)
    return Record(topic=topic, partition=0, offset=0, key=key.encode(), value=value, timestamp_ms=stamp_ms)


def test_ban_holds_at_once_and_until_it_is_withdrawn() -> None:
    taking = Taking()
    assert taking.shares() == {"a": 60.0, "b": 40.0}
    assert taking.take(BAN).shares() == {"b": 40.0}
    assert taking.shares("US") == {"a": 60.0, "b": 40.0}
    assert taking.take(None).shares() == {"a": 60.0, "b": 40.0}


def test_ban_ends_when_it_is_over() -> None:
    taking = Taking().take(BAN)
    taking.tables.look(BAN.expires_at - timedelta(seconds=1))
    assert "a" not in taking.shares()
    taking.tables.look(BAN.expires_at)
    assert "a" in taking.shares()


def test_table_of_a_decider_that_has_not_heard_of_a_ban_yet_brings_nobody_back() -> None:
    taking = Taking().take(BAN)
    taking.table(0.9, 0.1)
    assert taking.shares() == {"b": 0.1}


def test_pin_is_left_to_the_table_while_it_is_fresh_and_holds_when_nobody_decides() -> None:
    taking = Taking().take(PIN)
    assert taking.shares() == {"a": 0.0, "b": 1.0}
    taking.table(0.9, 0.1)
    assert taking.shares() == {"a": 0.9, "b": 0.1}
    taking.tables.look(NOW + timedelta(seconds=31))
    assert taking.shares() == {"a": 0.0, "b": 1.0}


def test_partition_is_resumed_once_by_an_order_that_is_not_over() -> None:
    taking = Taking().take(RESUME)
    taking.tables.look(NOW)
    assert taking.resumed == [Partition("otp.retry.2s", 3)]
    taking.now = RESUME.expires_at
    assert taking.take(RESUME).resumed == [Partition("otp.retry.2s", 3)]


def test_record_that_is_no_order_ends_what_was_there_by_its_key_and_nothing_else() -> None:
    taking = Taking().take(BAN, "one").take(PIN, "two")
    assert "a" not in taking.take(b"no JSON", "two").shares()
    assert taking.take(b"no JSON", "one").shares() == {"a": 60.0, "b": 40.0}
