"""The values: one frozen Settings, with every name, unit and default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pipeline.settings.kinds import Key, Name, Secret, within
from pipeline.settings.names import audit_country, audit_name

Port = Annotated[int, within(0, 65_535, "a TCP port, 0 for a free one")]
SendTime = Annotated[float, within(0.1, 60, "seconds for one hand-over")]
Percent = Annotated[float, within(0, 100, "percent")]

# What tables are looked up by.
CallerName = Annotated[str, Name("caller", audit=audit_name)]
OperatorName = Annotated[str, Name("operator", audit=audit_name)]
ProviderName = Annotated[str, Name("provider", audit=audit_name)]
ShareName = Annotated[str, Name("provider")]  # of a provider that there is, which says enough of its form
KeyId = Annotated[str, Name("kid", audit=audit_name)]
WebhookKeyId = Annotated[str, Name("kid")]  # only its key counts
Locale = Annotated[str, Name("locale")]
Country = Annotated[str, Name("country", str.upper, audit_country)]  # or "*" for all others
Option = Annotated[str, Name("option", str.lower)]  # one that the adapter knows
Registration = Annotated[str, Name("registration", str.lower)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Where Kafka is, and how topics are made."""

    bootstrap: str = "127.0.0.1:9092"  # host:port, comma-separated
    prefix: str = ""  # before every topic and group name, for shared clusters and tests
    # of each topic, when it is created
    partitions: Annotated[int, within(1, 10_000, "at least twice the number of workers of a group")] = 8
    replication: Annotated[int, within(1, 32, "at most the number of brokers")] = 1  # of each topic, when it is created
    # replicas that must have a record before it is acknowledged
    min_insync: Annotated[int, within(1, 32, "at most the replication")] = 1
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"  # Kafka's `security.protocol`
    ca_file: str | None = None  # PEM; none: the system's certificate authorities
    cert_file: str | None = None  # PEM, of this client
    key_file: str | None = None  # PEM, of this client
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: Secret | None = None
    # after which the work of a killed process is taken over
    session_timeout_s: Annotated[float, within(1, 300, "seconds; the broker has a lower limit, 6 by default")] = 10.0
    # after which the HTTP door answers 503
    send_timeout_s: Annotated[float, within(0.1, 30, "seconds after which a caller is answered 503")] = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSettings:
    """Where Valkey is."""

    url: str = "valkey://127.0.0.1:6379/0"  # valkey:// or valkeys:// (TLS)
    password: Secret | None = None
    prefix: str = ""  # before every key, for shared servers and tests
    # of one call, after which the store counts as away
    timeout_s: Annotated[float, within(0.01, 30, "seconds for one call")] = 1.0
    # how long a request's row outlives its code
    keep_s: Annotated[int, within(60, 604_800, "seconds, at most a week")] = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class OtpSettings:
    """The codes."""

    # life of a code; at most 600 (NIST SP 800-63B-4, OWASP ASVS 5.0)
    ttl_s: Annotated[int, within(30, 600, "seconds; a code lives 10 minutes at most")] = 300
    digits: Annotated[int, within(6, 10, "digits of a code")] = 6  # of a code
    tries: Annotated[int, within(1, 10, "entered codes per request")] = 5  # entered codes per request
    # from one message of a request to the next that a person may ask for
    resend_after_s: Annotated[int, within(0, 600, "seconds")] = 30
    plain_numbers: bool = False  # accept an unsealed `to` from Kafka; development only
    premium_numbers: bool = False  # accept premium-rate numbers; whoever owns one earns by each code sent to it
    test_numbers: tuple[str, ...] = field(default=(), repr=False)  # E.164: everything happens except the send


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """The dispatcher."""

    # hand-overs under way at once, in one process
    in_flight: Annotated[int, within(1, 10_000, "hand-overs under way at once")] = 500
    send_timeout_s: SendTime = 8.0  # of one hand-over
    # of a claim; outlives connecting and sending
    lease_s: Annotated[float, within(2, 600, "seconds; a claim must outlive the start of its hand-over")] = 12.0
    # for what is in hand when told to stop: 2 s for a place, and a hand-over
    drain_s: Annotated[float, within(0, 300, "seconds")] = 12.0
    # of one request; those aside that a provider has certainly not taken up
    max_attempts: Annotated[int, within(1, 5, "hand-overs of one request")] = 5
    # of the life: no send starts later
    last_send_share: Annotated[float, within(0.05, 1, "a share of the code's life")] = 0.6
    # silence after which an accepted message is sent again
    second_look_s: Annotated[float, within(0.1, 600, "seconds")] = 30.0
    # share of sends that may be second sends of silent messages
    second_send_budget: Annotated[float, within(0, 1, "a share of all sends")] = 0.1
    # share of a provider's capacity for messages that broken routes have swallowed
    rescue_share: Annotated[float, within(0.01, 1, "a share of in_flight, and of per_second where it is set")] = 0.5
    # lag without progress, after which the process exits
    watchdog_s: Annotated[float, within(1, 3600, "seconds")] = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """An HTTP server of ours. Port 0 means a free one."""

    host: str = "127.0.0.1"
    port: Port = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsSettings:
    """The receipts process."""

    host: str = "127.0.0.1"
    port: Port = 0
    public_url: str = "http://127.0.0.1:8081"  # as providers reach it, without a trailing slash


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """Key rings: the first `kid` of each makes new values, all of them check old ones."""

    codes: Mapping[KeyId, Key] = field(default_factory=dict)  # master keys of codes, 32 bytes each
    numbers: Mapping[KeyId, Key] = field(default_factory=dict)  # keyed hash of phone numbers (exactly one)
    tokens: Mapping[KeyId, Key] = field(default_factory=dict)  # callback tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerSettings:
    """An auth service that may ask for codes."""

    api_key: Secret | None = None  # bearer key at the HTTP door; none: the direct door only
    seal_keys: Mapping[KeyId, Key] = field(default_factory=dict)  # kid -> 32 bytes, shared with the caller
    brand: str = "Ithaca"  # as messages call the service
    domain: str | None = None  # for the WebOTP line `@domain #code`
    android_hash: str | None = None  # 11 characters of the SMS Retriever API
    locales: tuple[str, ...] = ()  # allowed ones, the first for all others; empty: all that there are texts for
    templates: Mapping[Locale, str] = field(default_factory=dict)  # locale (BCP 47) -> text with {code} and {brand}
    # Country -> what its registry gave this caller: dlt_entity_id and dlt_template_id (India), campaign_id (US).
    registrations: Mapping[Country, Mapping[Registration, str]] = field(default_factory=dict)


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
    webhook_keys: Mapping[WebhookKeyId, Secret] = field(default_factory=dict)  # each of them proves a callback
    # what else the adapter wants; `ithaca providers` lists it
    options: Mapping[Option, str] = field(default_factory=dict)
    senders: Mapping[Country, str] = field(default_factory=dict)  # country or "*" -> sender ID
    # country or "*" -> the provider's id of a pool of senders
    pools: Mapping[Country, str] = field(default_factory=dict)
    # sends under way at once, so that a hanging provider cannot take all of dispatch
    in_flight: Annotated[int, within(1, 10_000, "hand-overs under way at once")] = 200
    # sends a second; none: no limit
    per_second: Annotated[float, within(0.01, 100_000, "hand-overs a second")] | None = None
    timeout_s: SendTime = 10.0  # of one hand-over


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
    operators: Mapping[OperatorName, OperatorSettings] = field(default_factory=dict)
    keys: KeySettings = field(default_factory=KeySettings)
    callers: Mapping[CallerName, CallerSettings] = field(default_factory=dict)
    providers: Mapping[ProviderName, ProviderSettings] = field(default_factory=dict)
    # country or "*" -> provider -> share
    routes: Mapping[Country, Mapping[ShareName, Percent]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)  # not set: key -> its source
