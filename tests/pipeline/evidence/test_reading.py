"""What a record says about routes."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.errors import Outcome
from pipeline.evidence.reading import LONGEST_CONFIG, Change, Ignored, Reading, read
from pipeline.evidence.routes import AHEAD_S, WINDOW_S
from pipeline.records import Counts, Receipt, ReceiptState, Sent, Verdict, Verification, encode
from pipeline.records.topics import ATTEMPTS, COUNTED, RECEIPTS, VERIFICATIONS
from tests.samples import ATTEMPT, NOW, REQUEST_ID

AT = NOW.timestamp()
SECOND = int(AT)
PROVIDERS = ("carrier-a", "carrier-b")
KEY = (SECOND, "carrier-a", "GB", "config")
RECEIPT = Receipt(
    request_id=REQUEST_ID,
    number=1,
    provider="carrier-a",
    country="GB",
    state=ReceiptState.DELIVERED,
    raw="delivered",
    sent_at=NOW,
    received_at=NOW,
    config="config",
)
ENTRY = Verification(
    request_id=REQUEST_ID,
    caller="shop",
    verdict=Verdict.VERIFIED,
    provider="carrier-a",
    country="GB",
    sent_at=NOW,
    config="config",
    at=NOW,
)
TOPICS = {type(ATTEMPT): ATTEMPTS, Receipt: RECEIPTS, Verification: VERIFICATIONS}


def reading(record: Any, appended_at: float = AT) -> Reading:
    return read(TOPICS[type(record)].name, encode(record), appended_at, PROVIDERS)


def said(change: Change) -> set[str]:
    return {Counts.__struct_fields__[field] for field in change.fields}


OUTCOMES: dict[Outcome, set[str]] = {
    Outcome.ACCEPTED: {"accepted", "creditable"},
    Outcome.UNKNOWN: {"accepted", "creditable"},
    Outcome.UNAVAILABLE: {"refused"},
    Outcome.REFUSED: {"refused"},
    Outcome.MISCONFIGURED: {"refused", "denied"},
    Outcome.NOT_SENT: set(),
    Outcome.THROTTLED: set(),
    Outcome.REJECTED: set(),
    Outcome.UNDELIVERABLE: set(),
    Outcome.MALFORMED: set(),
}


@pytest.mark.parametrize(("outcome", "fields"), OUTCOMES.items())
def test_outcome_of_a_hand_over_counts_for_or_against_its_provider_or_not_at_all(
    outcome: Outcome, fields: set[str]
) -> None:
    found = reading(replace(ATTEMPT, outcome=outcome, trigger="failover"))
    if fields:
        assert [(change.key, said(change)) for change in found.changes] == [(KEY, fields)]
        assert found.ignored is None
    else:
        assert found == Reading((), Ignored.SILENT)


def test_a_refusal_counts_against_its_provider_when_another_one_takes_the_same() -> None:
    refused = Sent(number=1, provider="carrier-b", sent_at=NOW, config="v0")
    found = reading(replace(ATTEMPT, trigger="failover", refutes=(refused,)))

    (of_taker, of_refuser) = found.changes
    assert of_taker.key == KEY
    assert (of_refuser.key, said(of_refuser)) == (
        (int(NOW.timestamp()), "carrier-b", KEY[2], "v0"),
        {"refused", "first"},
    )


def test_every_outcome_has_its_row() -> None:
    assert set(OUTCOMES) == set(Outcome)


@pytest.mark.parametrize(
    ("trigger", "due"), [("first", True), ("failover", True), ("second_look", False), ("resend", False)]
)
def test_an_entered_code_is_due_from_the_first_message_that_was_taken_alone(trigger: str, *, due: bool) -> None:
    (change, *_) = reading(replace(ATTEMPT, trigger=trigger)).changes
    assert ("creditable" in said(change)) == due


def test_first_attempt_is_counted_as_one_code_whether_it_was_taken_or_not() -> None:
    for outcome in (Outcome.ACCEPTED, Outcome.UNAVAILABLE):
        (change,) = reading(replace(ATTEMPT, outcome=outcome)).changes
        assert "first" in said(change)


@pytest.mark.parametrize(("trigger", "field"), [("resend", "missed"), ("second_look", "rescued")])
def test_message_that_replaces_another_counts_for_both_routes(trigger: str, field: str) -> None:
    before = Sent(number=1, provider="carrier-b", sent_at=NOW - timedelta(seconds=31), config="older")
    own, replaced = reading(replace(ATTEMPT, number=2, trigger=trigger, replaces=before)).changes
    assert (own.key, said(own)) == (KEY, {"accepted"})
    assert (replaced.key, said(replaced)) == ((SECOND - 31, "carrier-b", "GB", "older"), {field})


def test_message_that_was_replaced_counts_although_the_new_hand_over_says_nothing() -> None:
    before = Sent(number=1, provider="carrier-b", sent_at=NOW, config="config")
    attempt = replace(ATTEMPT, number=2, trigger="resend", outcome=Outcome.THROTTLED, replaces=before)
    found = reading(attempt)
    assert [said(change) for change in found.changes] == [{"missed"}]
    assert found.ignored is Ignored.SILENT


@pytest.mark.parametrize(
    ("state", "field"),
    [
        (ReceiptState.DELIVERED, "delivered"),
        (ReceiptState.UNDELIVERABLE, "failed"),
        (ReceiptState.EXPIRED, "failed"),
        (ReceiptState.REJECTED, "rejected"),
        (ReceiptState.ENROUTE, None),
        (ReceiptState.UNKNOWN, None),
    ],
)
def test_receipt_counts_by_its_state(state: ReceiptState, field: str | None) -> None:
    found = reading(replace(RECEIPT, state=state))
    assert [said(change) for change in found.changes] == ([{field}] if field else [])
    assert found.ignored is (None if field else Ignored.SILENT)


def test_entered_code_counts_for_the_route_that_it_is_credited_to() -> None:
    (change,) = reading(ENTRY).changes
    assert (change.key, said(change)) == (KEY, {"verified"})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (replace(ATTEMPT, test=True), Ignored.TEST),
        (replace(ATTEMPT, provider="carrier-z"), Ignored.UNKNOWN_PROVIDER),
        (replace(ATTEMPT, config="c" * (LONGEST_CONFIG + 1)), Ignored.UNDECODABLE),
        (replace(RECEIPT, provider="carrier-z"), Ignored.UNKNOWN_PROVIDER),
        (replace(ENTRY, provider=None), Ignored.NO_ROUTE),
        (replace(ENTRY, sent_at=None), Ignored.NO_ROUTE),
        (replace(ENTRY, verdict=Verdict.REFUSED), Ignored.SILENT),
        (replace(ATTEMPT, v=2), Ignored.UNKNOWN_VERSION),
    ],
)
def test_record_that_says_nothing_is_ignored_with_its_reason(record: Any, reason: Ignored) -> None:
    assert reading(record) == Reading((), reason)


@pytest.mark.parametrize(
    ("appended_s", "reason"),
    [
        (-AHEAD_S - 1, Ignored.FUTURE),
        (-AHEAD_S, None),
        (WINDOW_S, None),
        (WINDOW_S + 1, Ignored.OLD),
    ],
)
def test_record_is_judged_by_its_own_append_and_not_by_when_it_is_read(
    appended_s: float, reason: Ignored | None
) -> None:
    assert reading(RECEIPT, SECOND + appended_s).ignored is reason


@pytest.mark.parametrize("value", [None, b"", b"no JSON", b"[]", b"{}", b'{"v":1}', b"\xff\xfe", b"[" * 70_000])
def test_garbage_is_ignored(value: bytes | None) -> None:
    for topic in COUNTED:
        assert read(topic.name, value, AT, PROVIDERS) == Reading((), Ignored.UNDECODABLE)


@given(st.dictionaries(st.sampled_from([*ATTEMPT.__struct_fields__, "more"]), st.none() | st.integers() | st.text()))
def test_changed_fields_never_raise(fields: dict[str, Any]) -> None:
    document = {**orjson.loads(encode(ATTEMPT)), **fields}
    try:
        value = orjson.dumps(document)
    except (TypeError, orjson.JSONEncodeError):
        return
    found = read(ATTEMPTS.name, value, AT, PROVIDERS)
    assert found.changes or found.ignored
