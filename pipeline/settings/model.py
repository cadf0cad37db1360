"""The values: one frozen Settings, with every name, unit and default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


class Secret:
    """Bytes that never show in a `repr`, a log or an error. `reference` says where they came from."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: bytes, reference: str = "...") -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> bytes:
        """Give the bytes, at the one place that needs them."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Where Kafka is, and how topics are made."""

    bootstrap: str = "127.0.0.1:9092"  # host:port, comma-separated
    prefix: str = ""  # before every topic and group name, for shared clusters and tests
    partitions: int = 8  # of each topic, when it is created
    replication: int = 1  # of each topic, when it is created
    min_insync: int = 1  # replicas that must have a record before it is acknowledged
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"  # Kafka's `security.protocol`
    ca_file: str | None = None  # PEM; none: the system's certificate authorities
    cert_file: str | None = None  # PEM, of this client
    key_file: str | None = None  # PEM, of this client
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: Secret | None = None
    session_timeout_s: float = 10.0  # after which the work of a killed process is taken over
    send_timeout_s: float = 2.0  # after which the HTTP door answers 503


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSettings:
    """Where Valkey is."""

    url: str = "valkey://127.0.0.1:6379/0"  # valkey:// or valkeys:// (TLS)
    password: Secret | None = None
    prefix: str = ""  # before every key, for shared servers and tests
    timeout_s: float = 1.0  # of one call, after which the store counts as away
    keep_s: int = 3600  # how long a request's row outlives its code


@dataclass(frozen=True, slots=True, kw_only=True)
class OtpSettings:
    """The codes."""

    ttl_s: int = 300  # life of a code; at most 600 (NIST SP 800-63B-4, OWASP ASVS 5.0)
    digits: int = 6  # of a code
    tries: int = 5  # entered codes per request
    resend_after_s: int = 30  # from one message of a request to the next that a person may ask for
    plain_numbers: bool = False  # accept an unsealed `to` from Kafka; development only
    premium_numbers: bool = False  # accept premium-rate numbers; whoever owns one earns by each code sent to it
    test_numbers: tuple[str, ...] = field(default=(), repr=False)  # E.164: everything happens except the send


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """The dispatcher."""

    in_flight: int = 500  # hand-overs under way at once, in one process
    send_timeout_s: float = 8.0  # of one hand-over
    lease_s: float = 12.0  # of a claim; outlives connecting and sending
    drain_s: float = 12.0  # for what is in hand when told to stop: 2 s for a place, and a hand-over
    max_attempts: int = 5  # of one request; those aside that a provider has certainly not taken up
    last_send_share: float = 0.6  # of the life: no send starts later
    second_look_s: float = 30.0  # silence after which an accepted message is sent again
    second_send_budget: float = 0.1  # share of sends that may be second sends of silent messages
    rescue_share: float = 0.5  # share of a provider's capacity for messages that broken routes have swallowed
    watchdog_s: float = 30.0  # lag without progress, after which the process exits


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """An HTTP server of ours. Port 0 means a free one."""

    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsSettings:
    """The receipts process."""

    host: str = "127.0.0.1"
    port: int = 0
    public_url: str = "http://127.0.0.1:8081"  # as providers reach it, without a trailing slash


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """Key rings: the first `kid` of each makes new values, all of them check old ones."""

    codes: Mapping[str, Secret] = field(default_factory=dict)  # master keys of codes, 32 bytes each
    numbers: Mapping[str, Secret] = field(default_factory=dict)  # keyed hash of phone numbers (exactly one)
    tokens: Mapping[str, Secret] = field(default_factory=dict)  # callback tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerSettings:
    """An auth service that may ask for codes."""

    api_key: Secret | None = None  # bearer key at the HTTP door; none: the direct door only
    seal_keys: Mapping[str, Secret] = field(default_factory=dict)  # kid -> 32 bytes, shared with the caller
    brand: str = "Ithaca"  # as messages call the service
    domain: str | None = None  # for the WebOTP line `@domain #code`
    android_hash: str | None = None  # 11 characters of the SMS Retriever API
    locales: tuple[str, ...] = ()  # allowed ones, the first for all others; empty: all that there are texts for
    templates: Mapping[str, str] = field(default_factory=dict)  # locale (BCP 47) -> text with {code} and {brand}
    # Country -> what its registry gave this caller: dlt_entity_id and dlt_template_id (India), campaign_id (US).
    registrations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """Someone who may look at the operators' page."""

    key: Secret  # to log in with, and bearer key of the page's API
    role: Literal["viewer", "operator"] = "viewer"  # an operator may also act


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One account with one provider."""

    adapter: str  # the kind of provider
    base_url: str = ""  # empty: the provider's own
    credential: Secret | None = None
    webhook_keys: Mapping[str, Secret] = field(default_factory=dict)  # each of them proves a callback
    options: Mapping[str, str] = field(default_factory=dict)  # what else the adapter wants; `ithaca providers` lists it
    senders: Mapping[str, str] = field(default_factory=dict)  # country or "*" -> sender ID
    pools: Mapping[str, str] = field(default_factory=dict)  # country or "*" -> the provider's id of a pool of senders
    in_flight: int = 200  # sends under way at once, so that a hanging provider cannot take all of dispatch
    per_second: float | None = None  # sends a second; none: no limit
    timeout_s: float = 10.0  # of one hand-over


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Read once, at start."""

    environment: Literal["development", "production"] = "development"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    state: StateSettings = field(default_factory=StateSettings)
    otp: OtpSettings = field(default_factory=OtpSettings)
    dispatch: DispatchSettings = field(default_factory=DispatchSettings)
    api: HttpSettings = field(default_factory=HttpSettings)
    receipts: ReceiptsSettings = field(default_factory=ReceiptsSettings)
    admin: HttpSettings = field(default_factory=HttpSettings)  # health of processes that are not HTTP servers
    ops: HttpSettings = field(default_factory=HttpSettings)  # the operators' page
    operators: Mapping[str, OperatorSettings] = field(default_factory=dict)
    keys: KeySettings = field(default_factory=KeySettings)
    callers: Mapping[str, CallerSettings] = field(default_factory=dict)
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    routes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # country or "*" -> provider -> share
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)  # not set: key -> its source
