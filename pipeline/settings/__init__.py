"""Settings: the values (`model`), how they are read (`parse`), what must hold of them (`audit`), how they are shown."""

from pipeline.settings.kinds import Secret
from pipeline.settings.model import (
    CallerSettings,
    DispatchSettings,
    HttpSettings,
    KafkaSettings,
    KeySettings,
    OperatorSettings,
    OtpSettings,
    ProviderSettings,
    ReceiptsSettings,
    Settings,
    StateSettings,
)

__all__ = [
    "CallerSettings",
    "DispatchSettings",
    "HttpSettings",
    "KafkaSettings",
    "KeySettings",
    "OperatorSettings",
    "OtpSettings",
    "ProviderSettings",
    "ReceiptsSettings",
    "Secret",
    "Settings",
    "StateSettings",
]
