"""What every process of a running system tells Prometheus: exactly what is documented, and what has happened."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.drill import Drill, drill
from workers.metrics.definitions import LIBRARY, METRICS, of

PROCESSES: Final = {"api": "api", "receipts": "receipts", "dispatch-1": "dispatch", "stats-1": "stats", "ops": "ops"}
DOCUMENTED: Final = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
CODES: Final = 50
WITHIN_S: Final = 30.0
DIGITS: Final = re.compile(r"\d{4,}")  # no label holds so many: codes have six, numbers more

Pages = Mapping[str, str]


@pytest.fixture(scope="module")
def pages(servers: asyncio.AbstractEventLoop, jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Give the pages of all processes after everybody has asked for a code, got it and entered it."""
    return servers.run_until_complete(_after_codes(jars, tmp_path_factory.mktemp("metrics")))


async def _after_codes(jars: Path, folder: Path) -> Pages:
    async with drill(folder, jars, dispatchers=1) as it:
        async with it.asking(it.people(rate=10.0, seconds=CODES / 10), settle_s=WITHIN_S):
            pass
        await it.drained(WITHIN_S)
        await it.until(lambda: _told(it), WITHIN_S)
        return await _pages(it)


async def _pages(it: Drill) -> Pages:
    return {process: await it.metrics(process) for process in PROCESSES}


async def _told(it: Drill) -> bool:
    """Tell whether all receipts have come, and the statistics know everything."""
    pages = await _pages(it)
    lag = sum(_values(pages, "otp_consumer_lag_records").values())
    tables = _values(pages, "otp_route_share_ratio")
    return _sum(pages, "otp_receipts_total", state="DELIVERED") == CODES and not lag and bool(tables)


def _families(page: str) -> list[Family]:
    return list(text_string_to_metric_families(page))


def _values(pages: Pages, name: str, **labels: str) -> dict[tuple[str, ...], float]:
    """Give the samples of that name of all processes together, those with these labels."""
    return {
        (process, *(text for pair in sorted(sample.labels.items()) for text in pair)): sample.value
        for process, page in pages.items()
        for family in _families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    }


def _sum(pages: Pages, name: str, **labels: str) -> float:
    return sum(_values(pages, name, **labels).values())


@pytest.mark.parametrize("process", PROCESSES)
def test_process_exposes_what_is_documented_for_it(pages: Pages, process: str) -> None:
    exposed = {line.split()[2] for line in pages[process].splitlines() if line.startswith("# TYPE ")}

    assert exposed == {metric.name for metric in (*of(PROCESSES[process]), *LIBRARY)}


def test_exposed_list_of_all_processes_is_the_documented_list(pages: Pages) -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (?:counter|gauge|histogram) \|", DOCUMENTED.read_text(), re.MULTILINE)
    exposed = {line.split()[2] for page in pages.values() for line in page.splitlines() if line.startswith("# TYPE ")}

    assert exposed == set(rows)


def test_labels_are_those_of_the_table_with_values_of_their_set(pages: Pages) -> None:
    metrics = {metric.name.removesuffix("_total"): metric for metric in METRICS}
    samples = [
        (metrics[family.name], sample)
        for page in pages.values()
        for family in _families(page)
        if family.name in metrics
        for sample in family.samples
    ]
    for metric, sample in samples:
        allowed = {label.name: label.values for label in metric.labels}
        assert sample.labels.keys() - {"le"} == allowed.keys(), sample
        assert all(value in (allowed[name] or [value]) for name, value in sample.labels.items() if name != "le"), sample


def test_no_label_holds_a_code_or_a_number(pages: Pages) -> None:
    labels = {
        (name, value)
        for page in pages.values()
        for family in _families(page)
        for sample in family.samples
        for name, value in sample.labels.items()
    }
    assert [label for label in labels if DIGITS.search(label[1]) and label[0] not in {"config", "le"}] == []
    assert {value for name, value in labels if name == "provider"} >= {"carrier-a", "carrier-b", "carrier-c"}


def test_every_code_is_counted_at_each_step(pages: Pages) -> None:
    assert {
        "asked over HTTP": _sum(pages, "otp_http_requests_total", route="/v1/otp", status="2xx"),
        "read by dispatch": _sum(pages, "otp_requests_total", asked="first", caller="demo"),
        "codes": _sum(pages, "otp_codes_total"),
        "claimed": _sum(pages, "otp_claims_total", verdict="granted"),
        "handed over": _sum(pages, "otp_attempts_total", outcome="accepted", trigger="first"),
        "handed over, timed": _sum(pages, "otp_accept_to_handover_seconds_count"),
        "delivered": _sum(pages, "otp_receipts_total", state="DELIVERED"),
        "delivered, timed": _sum(pages, "otp_accept_to_receipt_seconds_count"),
        "verified": _sum(pages, "otp_verifications_total", verdict="verified", caller="demo"),
        "verified, timed": _sum(pages, "otp_accept_to_verified_seconds_count"),
        "in time": _sum(pages, "otp_codes_in_time_total"),
    } == dict.fromkeys(
        [
            "asked over HTTP", "read by dispatch", "codes", "claimed", "handed over", "handed over, timed",
            "delivered", "delivered, timed", "verified", "verified, timed", "in time",
        ],
        CODES,
    )  # fmt: skip


def test_store_is_asked_the_same_few_things_for_each_request(pages: Pages) -> None:
    asked = {
        operation: _sum(pages, "otp_store_operations_total", operation=operation) / CODES
        for operation in ("claim", "outcome", "try_code", "consume")
    }
    assert asked == {"claim": 1, "outcome": 1, "try_code": 1, "consume": 1}
    assert _sum(pages, "otp_store_round_trip_seconds_count") > 0


def test_calm_system_says_so(pages: Pages) -> None:
    assert set(_values(pages, "otp_ready").values()) == {1}
    assert set(_values(pages, "otp_broker_up").values()) == {1}
    assert set(_values(pages, "otp_store_up").values()) == {1}
    assert len(_values(pages, "otp_config_info")) == len(PROCESSES)
    for nothing in ("otp_incidents_open", "otp_dead_letters_total", "otp_paused_partitions", "otp_breakers_open",
                    "otp_second_sends_total", "otp_route_tables_refused_total", "otp_records_unreadable_total",
                    "otp_store_owed_rows", "otp_records_unpublished_total"):  # fmt: skip
        assert _sum(pages, nothing) == 0, nothing


def test_routes_are_told_with_their_shares_and_one_state_each(pages: Pages) -> None:
    assert _sum(pages, "otp_deciding") == 1
    for country in ("GB", "US"):
        shares = _values(pages, "otp_route_share_ratio", country=country)
        assert sum(shares.values()) == pytest.approx(1.0, abs=0.01)
        assert _sum(pages, "otp_route_state", country=country) == len(shares) == 3
        assert _sum(pages, "otp_country_mode", country=country) == 1
        assert _sum(pages, "otp_route_table_age_seconds", country=country) < 30
    assert _sum(pages, "otp_records_counted_total", result="counted") >= 3 * CODES
