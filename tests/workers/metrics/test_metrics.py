"""The metrics of one process: counted or read, all of them shown from the start, and none beside the table."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.errors import DeadReason
from pipeline.settings.parse import parse
from pipeline.settings.show import config_hash
from workers.metrics import Metrics, Sample, metrics_of
from workers.metrics.buckets import RECEIPT_S
from workers.metrics.definitions import (
    ATTEMPTS,
    BUDGET,
    CLAIMS,
    CODES,
    DEAD_LETTERS,
    HAND_OVER_SECONDS,
    IN_FLIGHT,
    LIBRARY,
    QUEUE_AGE,
    of,
)
from workers.metrics.metric import EVERY

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(of("dispatch"))


def values(metrics: Metrics) -> Values:
    families = text_string_to_metric_families(metrics.page().decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


@pytest.mark.parametrize("process", EVERY)
def test_process_shows_all_its_metrics_and_no_other_before_anything_has_happened(process: str) -> None:
    lines = Metrics(of(process)).page().decode().splitlines()
    shown = {line.split()[2] for line in lines if line.startswith("# TYPE ")}

    assert shown == {metric.name for metric in (*of(process), *LIBRARY)}


def test_what_is_counted_is_told_by_its_labels(metrics: Metrics) -> None:
    for outcome in ("accepted", "accepted", "rejected"):
        metrics.count(ATTEMPTS, "carrier-a", "GB", outcome, "first")

    told = values(metrics)
    labels = {"provider": "carrier-a", "country": "GB", "trigger": "first"}
    assert told[key("otp_attempts_total", **labels, outcome="accepted")] == 2
    assert told[key("otp_attempts_total", **labels, outcome="rejected")] == 1


def test_counter_with_known_labels_starts_at_zero_counted_or_read(metrics: Metrics) -> None:
    metrics.count(DEAD_LETTERS, DeadReason.EXPIRED)
    metrics.watch(lambda: [Sample(CLAIMS, 3, ("granted",))])

    told = values(metrics)
    assert told[key("otp_dead_letters_total", reason="expired")] == 1
    assert told[key("otp_dead_letters_total", reason="no_route")] == 0
    assert told[key("otp_claims_total", verdict="granted")] == 3
    assert told[key("otp_claims_total", verdict="void")] == 0


def test_what_was_observed_is_in_the_buckets_of_the_table(metrics: Metrics) -> None:
    metrics.observe(HAND_OVER_SECONDS, 0.02, "carrier-a")

    told = values(metrics)
    assert told[key("otp_accept_to_handover_seconds_bucket", provider="carrier-a", le="0.01")] == 0
    assert told[key("otp_accept_to_handover_seconds_bucket", provider="carrier-a", le="0.025")] == 1
    assert told[key("otp_accept_to_handover_seconds_count", provider="carrier-a")] == 1


def test_sources_are_asked_when_somebody_asks(metrics: Metrics) -> None:
    in_flight = 1
    metrics.watch(lambda: [Sample(IN_FLIGHT, in_flight), Sample(BUDGET, 4.5, ("carrier-a",))])
    in_flight = 7

    told = values(metrics)
    assert told[key("otp_in_flight_records")] == 7
    assert told[key("otp_second_send_budget", provider="carrier-a")] == 4.5


def test_metric_of_another_process_is_an_error(metrics: Metrics) -> None:
    other = Metrics(of("stats"))
    with pytest.raises(KeyError, match="otp_codes_total is no metric of this process"):
        other.count(CODES, "GB")
    metrics.watch(lambda: [Sample(QUEUE_AGE, 1)])
    with pytest.raises(KeyError, match="otp_queue_age_seconds is no metric of this process"):
        metrics.page()


def test_two_processes_share_nothing(metrics: Metrics) -> None:
    metrics.count(CODES, "GB")

    assert key("otp_codes_total", country="GB") not in values(Metrics(of("dispatch")))


def test_version_of_the_settings_is_told() -> None:
    settings = parse()

    assert values(metrics_of("api", settings))[key("otp_config_info", config=config_hash(settings))] == 1


def test_bound_of_the_service_level_is_a_bucket() -> None:
    assert 30.0 in RECEIPT_S
