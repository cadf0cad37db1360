"""GOV.UK Notify's rules on the traffic of a drill."""

from dataclasses import replace

import pytest

from bench.drills.counting import Code
from bench.drills.drills import Orders
from bench.drills.moves import Outage
from bench.drills.notify import undelivered

OUTAGE = Outage(carriers=frozenset({"a"}), countries=frozenset({"GB", "US"}), onset_at=60.0, until=1260.0)
SHARES = {"a": 0.8, "b": 0.1, "c": 0.1}
SWALLOW: Orders = {"silent_drop": {}}


def traffic(seconds: int) -> list[Code]:
    return [
        Code(
            request_id=f"request-{turn}",
            country="US" if turn % 2 else "GB",
            asked_at=turn / 20,
            expires_at=turn / 20 + 300,
            messages=(),
            verified=False,
        )
        for turn in range(20 * seconds)
    ]


def test_silence_moves_nothing_for_five_minutes_and_costs_the_share_of_the_broken_carrier() -> None:
    lost = undelivered(traffic(360), SHARES, OUTAGE, [(60.0, SWALLOW)])

    assert lost == pytest.approx(0.8 * 20 * 300, rel=0.05)


def test_silence_costs_ten_points_at_a_time_after_that() -> None:
    lost_in_20_minutes = undelivered(traffic(1260), SHARES, OUTAGE, [(60.0, SWALLOW)])

    assert 0.4 * 20 * 1200 < lost_in_20_minutes < 0.8 * 20 * 1200


def test_errors_cost_ten_points_a_minute() -> None:
    lost = undelivered(traffic(360), SHARES, OUTAGE, [(60.0, {"unauthorized": {}})])

    # 80, 70, 60, 50, 40, 30 % of a minute each, the first step within seconds of the onset
    assert lost == pytest.approx(20 * 60 * (0.7 + 0.6 + 0.5 + 0.4 + 0.3), rel=0.1)


def test_faked_receipts_are_believed_for_ever() -> None:
    lost = undelivered(traffic(360), SHARES, OUTAGE, [(60.0, {"receipts_faked": {}})])

    assert lost == pytest.approx(0.8 * 20 * 300, rel=0.1)


def test_share_of_a_brown_out_is_lost() -> None:
    lost = undelivered(traffic(360), SHARES, OUTAGE, [(60.0, {"silent_drop": {"share": 0.4}})])

    assert lost == pytest.approx(0.4 * 0.8 * 20 * 300, rel=0.1)


def test_fault_in_one_country_costs_only_there() -> None:
    in_gb = replace(OUTAGE, countries=frozenset({"GB"}))

    lost = undelivered(traffic(360), SHARES, in_gb, [(60.0, SWALLOW)])

    assert lost == pytest.approx(0.5 * 0.8 * 20 * 300, rel=0.05)


def test_nothing_is_lost_after_the_fault_is_cleared() -> None:
    lost = undelivered(traffic(360), SHARES, OUTAGE, [(60.0, SWALLOW), (90.0, None)])

    assert lost == pytest.approx(0.8 * 20 * 30, rel=0.1)


def test_nothing_is_lost_where_nothing_is_broken() -> None:
    assert undelivered(traffic(360), SHARES, replace(OUTAGE, carriers=frozenset()), []) == 0


def test_nothing_asked_is_nothing_lost() -> None:
    assert undelivered([], SHARES, OUTAGE, []) == 0
