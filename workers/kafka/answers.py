"""What the client of Kafka raises, in our words."""

from types import TracebackType

from aiokafka.errors import KafkaError

from pipeline.errors import BrokerAway


class translated:  # noqa: N801 - reads as a word at its place of use
    """Turn what aiokafka raises into BrokerAway that says what could not be done."""

    def __init__(self, what: str) -> None:
        self._what = what

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, KafkaError | TimeoutError):
            raise BrokerAway(
                f"Kafka: {self._what}: {type(error).__name__}; check `kafka.bootstrap`, and the TLS and SASL settings"
            ) from error
