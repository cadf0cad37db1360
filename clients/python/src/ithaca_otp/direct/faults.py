"""aiokafka's errors as this client's."""

from aiokafka.errors import KafkaError

from ithaca_otp.errors import Failed, OtpError, Unavailable


def translated(error: KafkaError, what: str, *, key: str | None = None) -> OtpError:
    """Say that something did not work: for good, such as without the right to it, or only now; aiokafka knows which.

    `key` is what an ask may be repeated with.
    """
    if error.retriable:
        return Unavailable(f"{what}: {type(error).__name__}; repeat it when Kafka is back", key=key)
    return Failed(f"{what}: {type(error).__name__}; look at the names, the user and its rights, and Kafka's log")
