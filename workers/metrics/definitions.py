"""The table of all metrics. docs/reference/metrics.md is made from it."""

from typing import Final

from workers.metrics import labels
from workers.metrics.buckets import ANSWER_S, ENTRY_S, HAND_OVER_S, LOOP_S, RECEIPT_S, STORE_S
from workers.metrics.labels import COUNTRY, PROVIDER
from workers.metrics.metric import (
    API,
    DISPATCH,
    EVERY,
    RECEIPTS,
    SERVERS,
    STATS,
    WITH_STORE,
    Metric,
    counter,
    gauge,
    histogram,
)

# What codes go through.
CODES = counter(
    "otp_codes_total", "Codes that were asked for and could be read. Test numbers are left out.", (DISPATCH,), COUNTRY
)
CODES_IN_TIME = counter(
    "otp_codes_in_time_total",
    "Codes of which a receipt or the person told within 30 s of their acceptance that they had arrived, each once.",
    (RECEIPTS, API),
    COUNTRY,
)
REQUESTS = counter(
    "otp_requests_total",
    "Requests that dispatch has read, through either door; what a crash brings again is counted again.",
    (DISPATCH,),
    labels.CALLER,
    COUNTRY,
    labels.ASKED,
)
ATTEMPTS = counter(
    "otp_attempts_total",
    "Hand-overs to a provider, by how they ended. Test numbers are left out.",
    (DISPATCH,),
    PROVIDER,
    COUNTRY,
    labels.OUTCOME,
    labels.TRIGGER,
)
RECEIPTS_TAKEN = counter(
    "otp_receipts_total", "Delivery receipts that told something new.", (RECEIPTS,), PROVIDER, COUNTRY, labels.RECEIPT
)
CALLBACKS = counter(
    "otp_callbacks_total", "Callbacks of providers, by what they were to us.", (RECEIPTS,), labels.CALLBACK
)
ENTERED = counter(
    "otp_verifications_total",
    "Codes that people entered, by what they were.",
    (API,),
    labels.CALLER,
    labels.ENTERED,
)
SECOND_SENDS = counter(
    "otp_second_sends_total",
    "Messages that replace an earlier one of the same code, by the provider that had the earlier one.",
    (DISPATCH,),
    PROVIDER,
    COUNTRY,
    labels.SECOND,
)
SECOND_SENDS_REFUSED = counter(
    "otp_second_sends_refused_total",
    "Second sends of silent messages that the budget did not allow.",
    (DISPATCH,),
    PROVIDER,
)
DEAD_LETTERS = counter("otp_dead_letters_total", "Dead letters written.", (DISPATCH,), labels.WHY_DEAD)
HAND_OVER_SECONDS = histogram(
    "otp_accept_to_handover_seconds",
    "From the acceptance of a code to the answer of the first provider that took it.",
    HAND_OVER_S,
    (DISPATCH,),
    PROVIDER,
)
RECEIPT_SECONDS = histogram(
    "otp_accept_to_receipt_seconds",
    "From the acceptance of a code to the receipt that says it was delivered.",
    RECEIPT_S,
    (RECEIPTS,),
    PROVIDER,
    COUNTRY,
)
VERIFIED_SECONDS = histogram(
    "otp_accept_to_verified_seconds",
    "From the acceptance of a code to its being entered; by the provider that is known to have brought it.",
    ENTRY_S,
    (API,),
    PROVIDER,
    COUNTRY,
)

# Where traffic goes, and why.
SHARE = gauge("otp_route_share_ratio", "Share of the country's messages, 0 to 1.", (STATS,), PROVIDER, COUNTRY)
STATE = gauge(
    "otp_route_state", "1 for the state that the route is in, 0 for others.", (STATS,), PROVIDER, COUNTRY, labels.STATE
)
DUE = gauge(
    "otp_route_receipts_due",
    "Receipts that should have come of the last seconds, as of the newest change of the table.",
    (STATS,),
    PROVIDER,
    COUNTRY,
)
SEEN = gauge("otp_route_receipts_seen", "Those of them that have come.", (STATS,), PROVIDER, COUNTRY)
USUAL = gauge(
    "otp_route_usual_ratio",
    "Share of messages that the route delivers when it works, 0 to 1.",
    (STATS,),
    PROVIDER,
    COUNTRY,
)
COUNTRY_MODE = gauge(
    "otp_country_mode", "1 for how the shares of the country are made, 0 for others.", (STATS,), COUNTRY, labels.MODE
)
INCIDENTS_OPEN = gauge("otp_incidents_open", "Incidents that are not closed.", (STATS,), labels.CAUSE)
DECIDING = gauge("otp_deciding", "1 in the process that decides where messages go, 0 in those that stand by.", (STATS,))
EVIDENCE_AGE = gauge("otp_evidence_age_seconds", "How old what is known of all routes is.", (STATS,))
TABLE_AGE = gauge(
    "otp_route_table_age_seconds",
    "How long ago the newest table of the country was looked at by whoever decides.",
    (DISPATCH,),
    COUNTRY,
)
TABLES_STALE = gauge(
    "otp_route_tables_stale", "Tables without a newer look for 30 s; their shares are kept.", (DISPATCH,)
)
TABLES_REFUSED = counter(
    "otp_route_tables_refused_total", "Tables that could not be right.", (DISPATCH,), labels.WHY_REFUSED
)
BREAKERS_OPEN = gauge(
    "otp_breakers_open",
    "Breakers of this process that let nothing through: countries, or all of it.",
    (DISPATCH,),
    PROVIDER,
)
BUDGET = gauge(
    "otp_second_send_budget", "Second sends of silent messages that this process may still make.", (DISPATCH,), PROVIDER
)
SENDS_IN_FLIGHT = gauge("otp_sends_in_flight", "Sends under way at the provider.", (DISPATCH,), PROVIDER)

# The work itself.
LAG = gauge(
    "otp_consumer_lag_records",
    "Records of this process's partitions that are not fetched (dispatch) or not counted (stats) yet.",
    (DISPATCH, STATS),
    labels.CONSUMED,
)
IN_FLIGHT = gauge("otp_in_flight_records", "Records in hand, those included that wait for a provider.", (DISPATCH,))
PARKED = gauge("otp_parked_records", "Records in hand that wait for a place at a provider.", (DISPATCH,))
BUFFERED = gauge("otp_buffered_records", "Records that are fetched and not begun.", (DISPATCH,))
UNFINISHED = gauge("otp_unfinished_offsets", "Offsets that are known and not finished.", (DISPATCH,))
MAP = gauge(
    "otp_offset_map_characters",
    "The largest map of finished offsets that is committed; 4096 is the limit.",
    (DISPATCH,),
)
PAUSED = gauge(
    "otp_paused_partitions",
    "Partitions that a flood of our own faults has paused, until an operator resumes them.",
    (DISPATCH,),
    labels.DISPATCHED,
)
MEMBER = gauge("otp_group_member", "1 while this process has an assignment of its consumer group.", (DISPATCH, STATS))
IDLE = gauge(
    "otp_watchdog_idle_seconds",
    "Since the last progress while there was work; at otp_watchdog_limit_seconds the process ends to be started anew.",
    (DISPATCH, STATS),
)
IDLE_LIMIT = gauge("otp_watchdog_limit_seconds", "Where the watchdog ends the process.", (DISPATCH, STATS))
RECORDS_COUNTED = counter("otp_records_counted_total", "Records of the counted topics.", (STATS,), labels.COUNTING)
RECORDS_IGNORED = counter(
    "otp_records_ignored_total", "Records that say nothing of a route, or less.", (STATS,), labels.WHY_IGNORED
)
RECORDS_UNREADABLE = counter(
    "otp_records_unreadable_total", "Records of followed topics that could not be read.", (STATS,), labels.FOLLOWED
)
BATCHES_UNREADABLE = counter(
    "otp_batches_unreadable_total",
    "Batches of records that could not be opened, and were passed over.",
    (DISPATCH, STATS),
    labels.OPENED,
)
TALLIES = counter("otp_tallies_total", "Tallies published.", (STATS,))
ASSIGNED = gauge("otp_assigned_partitions", "Partitions that this process counts.", (STATS,))
QUEUE_AGE = gauge(
    "otp_queue_age_seconds", "How long the oldest unfinished request has waited, at most 5 s late.", (API,)
)
UNPUBLISHED = counter(
    "otp_records_unpublished_total", "Records that Kafka did not take within 30 s: lost.", (API,), labels.BESIDE
)

# The store.
CLAIMS = counter("otp_claims_total", "Claims of attempts.", (DISPATCH,), labels.CLAIM)
STORE_OPERATIONS = counter(
    "otp_store_operations_total",
    "What was asked of the store, each question of a batch by itself; beside otp_requests_total it is steady.",
    WITH_STORE,
    labels.OPERATION,
)
STORE_SECONDS = histogram(
    "otp_store_round_trip_seconds", "Calls of the store, of which one may carry many questions.", STORE_S, WITH_STORE
)
STORE_UP = gauge("otp_store_up", "1 while the store answers, 0 while it is away.", WITH_STORE)
STORE_FAULTS = gauge(
    "otp_store_faults",
    "1 while the store has this fault, looked at every 15 s while it answers.",
    WITH_STORE,
    labels.FAULT,
)
STORE_EPOCHS = counter(
    "otp_store_epochs_total",
    "How since when codes count was settled, other than that it was.",
    WITH_STORE,
    labels.SETTLED,
)
STORE_UNREADABLE = counter(
    "otp_store_rows_unreadable_total",
    "Rows that are in no form we have written; each fails its own request alone.",
    WITH_STORE,
    labels.OPERATION,
)
STORE_OWED = gauge("otp_store_owed_rows", "Rows to write when the store is back.", (DISPATCH,))

# Every process.
BROKER_UP = gauge("otp_broker_up", "1 while Kafka answers, 0 while it is away.", EVERY)
READY = gauge("otp_ready", "1 while /readyz answers 200.", EVERY)
CONFIG = gauge("otp_config_info", "Always 1; the label is the version of the settings in force.", EVERY, labels.CONFIG)
LOOP_LAG = histogram(
    "otp_event_loop_lag_seconds",
    "How late the event loop runs what was due, looked at 4 times a second.",
    LOOP_S,
    EVERY,
)
HTTP_REQUESTS = counter(
    "otp_http_requests_total", "HTTP requests that were answered.", SERVERS, labels.ROUTE, labels.STATUS
)
HTTP_SECONDS = histogram(
    "otp_http_request_seconds", "From a request's header to the end of its answer.", ANSWER_S, SERVERS, labels.ROUTE
)

# Everything above, in that order.
METRICS: Final[tuple[Metric, ...]] = tuple(value for value in tuple(vars().values()) if isinstance(value, Metric))

# What prometheus-client adds of its own accord, on Linux.
LIBRARY: Final[tuple[Metric, ...]] = (
    gauge("process_virtual_memory_bytes", "Virtual memory.", EVERY),
    gauge("process_resident_memory_bytes", "Resident memory.", EVERY),
    gauge("process_start_time_seconds", "When the process started, epoch seconds: a change is a restart.", EVERY),
    counter("process_cpu_seconds_total", "CPU time, user and system.", EVERY),
    gauge("process_open_fds", "Open files and sockets.", EVERY),
    gauge("process_max_fds", "How many may be open.", EVERY),
)


def of(process: str) -> tuple[Metric, ...]:
    """Give the metrics of a process."""
    return tuple(metric for metric in METRICS if process in metric.processes)
