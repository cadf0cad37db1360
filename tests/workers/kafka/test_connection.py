from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings import KafkaSettings, Secret
from workers.kafka.connection import connection

SASL = KafkaSettings(security="SASL_PLAINTEXT", sasl_username="ithaca", sasl_password=Secret(b"secret"))


def test_plain_text_needs_nothing_more() -> None:
    arguments = connection(KafkaSettings(bootstrap="kafka-1:9092,kafka-2:9092"))

    assert arguments["bootstrap_servers"] == "kafka-1:9092,kafka-2:9092"
    assert "ssl_context" not in arguments
    assert "sasl_mechanism" not in arguments


def test_sasl_carries_mechanism_user_and_password() -> None:
    arguments = connection(SASL)

    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("ithaca", "secret")


def test_tls_checks_certificate_and_host_name() -> None:
    context = connection(KafkaSettings(security="SSL"))["ssl_context"]

    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_sasl_without_a_password_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"kafka\.sasl_password"):
        connection(KafkaSettings(security="SASL_SSL", sasl_username="ithaca"))


def test_a_missing_tls_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no-such-ca\.pem"):
        connection(KafkaSettings(security="SSL", ca_file=str(tmp_path / "no-such-ca.pem")))
