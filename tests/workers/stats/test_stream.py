"""How faust is told where Kafka is, and who we are."""

import faust
import pytest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, server_list

from pipeline.errors import SettingsError
from pipeline.settings import KafkaSettings, Secret
from workers.stats.stream import make_app


def app_of(settings: KafkaSettings) -> faust.App:
    return make_app(settings, "unused")


async def test_group_carries_the_prefix() -> None:
    assert app_of(KafkaSettings(prefix="shared.")).conf.id == "shared.otp.stats"


async def test_every_bootstrap_address_is_known() -> None:
    app = app_of(KafkaSettings(bootstrap="one.example:9092, two.example:9093,[::1]:9094"))
    assert server_list(app.conf.broker, 9092) == ["one.example:9092", "two.example:9093", "[::1]:9094"]


async def test_plain_connection_needs_no_credentials() -> None:
    assert app_of(KafkaSettings()).conf.broker_credentials is None


async def test_tls_is_spoken_when_the_settings_say_so() -> None:
    credentials = app_of(KafkaSettings(security="SSL")).conf.broker_credentials
    assert isinstance(credentials, faust.SSLCredentials)
    assert credentials.context.check_hostname


@pytest.mark.parametrize(("security", "tls"), [("SASL_PLAINTEXT", False), ("SASL_SSL", True)])
async def test_user_and_password_are_passed_on(security: str, *, tls: bool) -> None:
    settings = KafkaSettings(
        security=security,  # type: ignore[arg-type]
        sasl_mechanism="SCRAM-SHA-256",
        sasl_username="ithaca",
        sasl_password=Secret(b"hunter2"),
    )
    credentials = app_of(settings).conf.broker_credentials
    assert isinstance(credentials, faust.SASLCredentials)
    assert (credentials.username, credentials.password) == ("ithaca", "hunter2")
    assert credentials.mechanism.value == "SCRAM-SHA-256"
    assert credentials.protocol.value == security
    assert (credentials.ssl_context is not None) is tls


async def test_user_without_a_password_is_refused() -> None:
    with pytest.raises(SettingsError, match="sasl_password"):
        app_of(KafkaSettings(security="SASL_SSL", sasl_username="ithaca"))


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (Consumer, "wait_first"),
        (Consumer, "_new_consumer_thread"),
        (AIOKafkaConsumerThread, "_create_consumer"),
    ],
)
def test_what_our_transport_overrides_is_still_there(base: type, name: str) -> None:
    assert callable(getattr(base, name))
