"""The dispatcher's side of the store, on real Valkey."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.dispatch.attempts import PASSING
from pipeline.errors import Outcome, RowUnreadable, StoreAway
from pipeline.records import encode
from pipeline.settings import StateSettings
from tests.samples import ATTEMPT, REQUEST_ID
from workers.embedded.valkey import EmbeddedValkey
from workers.state.claiming import AttemptHistory, Claim, ClaimVerdict, Looked
from workers.state.claims import Claims
from workers.state.client import Store

NOW = datetime.now(UTC)
CLAIM = Claim(
    request_id=REQUEST_ID,
    number=1,
    resend=0,
    source="otp.requests/0/1",
    caller="shop",
    number_hash="hash",
    kid="a",
    purpose="login",
    issued_ms=int(NOW.timestamp() * 1000),
    deadline_ms=int((NOW + timedelta(seconds=300)).timestamp() * 1000),
    request="{}",
    own="",
    most=5,
    asked_ms=0,
    gap_ms=0,
)
GAP_MS = 30_000
WISH = replace(CLAIM, number=0, resend=1, source="otp.requests/0/5", asked_ms=CLAIM.issued_ms + GAP_MS, gap_ms=GAP_MS)
OUTCOME = encode(ATTEMPT)
LONG, NONE = 60.0, 0.0


@pytest.fixture
async def store(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[Store]:
    store = Store(StateSettings(url=valkey.url, prefix=prefix))
    yield store
    await store.close()


def _claims(store: Store, owner: str = "one", lease_s: float = LONG) -> Claims:
    return Claims(store, owner=owner, lease_s=lease_s)


async def test_first_claim_is_granted(store: Store) -> None:
    claimed = await _claims(store).claim(CLAIM)

    assert claimed.verdict is ClaimVerdict.GRANTED
    assert (claimed.number, claimed.kid, claimed.deadline_ms) == (1, "a", CLAIM.deadline_ms)


async def test_another_record_with_the_same_request_is_a_duplicate(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)

    again = await claims.claim(replace(CLAIM, source="otp.requests/0/2"))

    assert again.verdict is ClaimVerdict.DUPLICATE


async def test_redelivered_record_waits_while_the_lease_of_its_owner_lives(store: Store) -> None:
    await _claims(store).claim(CLAIM)

    other = await _claims(store, "two").claim(CLAIM)

    assert other.verdict is ClaimVerdict.WAIT
    assert 0 < other.wait_s <= LONG


async def test_redelivered_record_without_an_outcome_is_excused_once_the_lease_is_over(store: Store) -> None:
    await _claims(store, lease_s=NONE).claim(CLAIM)

    assert (await _claims(store, "two").claim(CLAIM)).verdict is ClaimVerdict.EXCUSED


async def test_redelivered_record_with_an_outcome_is_known(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    await claims.store_outcome(CLAIM, 1, OUTCOME)

    known = await _claims(store, "two").claim(CLAIM)

    assert known.verdict is ClaimVerdict.KNOWN
    assert known.outcome == OUTCOME


async def test_first_outcome_stays(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    await claims.store_outcome(CLAIM, 1, OUTCOME)
    await claims.store_outcome(CLAIM, 1, b"{}")

    assert (await claims.claim(CLAIM)).outcome == OUTCOME


async def test_owner_whose_lease_was_taken_cannot_renew_it(store: Store) -> None:
    frozen, other = _claims(store, "frozen", NONE), _claims(store, "other")
    await frozen.claim(CLAIM)
    assert await frozen.renew(CLAIM, 1)
    await other.claim(CLAIM)

    assert not await frozen.renew(CLAIM, 1)
    assert await other.renew(CLAIM, 1)


async def test_takeovers_are_counted(store: Store) -> None:
    claims = _claims(store, lease_s=NONE)
    await claims.claim(CLAIM)

    assert [(await claims.claim(CLAIM)).taken_over for _ in range(3)] == [1, 2, 3]


async def test_request_whose_row_would_be_over_leaves_no_row(store: Store) -> None:
    over = replace(CLAIM, deadline_ms=CLAIM.deadline_ms - 2 * store.keep_ms)

    claimed = await _claims(store).claim(over)

    assert claimed.verdict is ClaimVerdict.VOID
    assert await store.fields(f"otp:{REQUEST_ID}") == {}


async def test_look_finds_what_its_own_source_has_made(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    await claims.store_outcome(CLAIM, 1, OUTCOME)

    assert (await claims.look(REQUEST_ID, 0, CLAIM.source)).made == OUTCOME
    assert (await claims.look(REQUEST_ID, 0, "otp.requests/0/2")).made is None


async def test_next_attempt_has_one_maker(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    second = replace(CLAIM, number=2, source="otp.retry.10s/0/1")

    assert (await claims.claim(second)).verdict is ClaimVerdict.GRANTED
    assert (await claims.claim(replace(second, source="otp.retry.10s/0/2"))).verdict is ClaimVerdict.DUPLICATE


async def test_look_of_the_source_that_claimed_the_next_attempt_goes_on_with_it(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    await claims.claim(replace(CLAIM, number=2, source="otp.retry.10s/0/1"))

    assert not (await claims.look(CLAIM.request_id, 1, "otp.retry.10s/0/1")).seen.succeeded
    assert (await claims.look(CLAIM.request_id, 1, "otp.retry.10s/0/2")).seen.succeeded


async def test_newer_request_voids_the_older_one(store: Store) -> None:
    claims = _claims(store)
    newer = replace(CLAIM, request_id="request-newer-56789", issued_ms=CLAIM.issued_ms + 1, source="otp.requests/0/2")
    await claims.claim(CLAIM)
    await claims.claim(newer)

    assert (await claims.look(CLAIM.request_id, 1, "any")).seen.void
    assert not (await claims.look(newer.request_id, 1, "any")).seen.void


async def test_older_request_that_comes_late_is_void_and_harms_nobody(store: Store) -> None:
    claims = _claims(store)
    newer = replace(CLAIM, request_id="request-newer-56789", issued_ms=CLAIM.issued_ms + 1, source="otp.requests/0/2")
    await claims.claim(newer)

    assert (await claims.claim(CLAIM)).verdict is ClaimVerdict.VOID
    assert not (await claims.look(newer.request_id, 1, "any")).seen.void


async def test_requests_of_other_purposes_live_side_by_side(store: Store) -> None:
    claims = _claims(store)
    other = replace(CLAIM, request_id="request-other-56789", purpose="payment", source="otp.requests/0/2")
    await claims.claim(CLAIM)
    await claims.claim(other)

    assert not (await claims.look(CLAIM.request_id, 1, "any")).seen.void


async def test_another_callers_record_cannot_take_over_a_request(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)

    foreign = await claims.claim(replace(CLAIM, caller="bank", number=2, source="otp.requests/0/9"))

    assert foreign.verdict is ClaimVerdict.DUPLICATE


async def test_each_wish_for_another_message_is_one_more_attempt(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    wish = replace(WISH, gap_ms=0)

    first = await claims.claim(wish)
    again = await claims.claim(replace(wish, source="otp.requests/0/6"))
    second = await claims.claim(replace(wish, resend=2, source="otp.requests/0/7"))

    assert (first.verdict, first.number) == (ClaimVerdict.GRANTED, 2)
    assert again.verdict is ClaimVerdict.DUPLICATE
    assert (second.verdict, second.number) == (ClaimVerdict.GRANTED, 3)


async def test_wish_within_the_gap_after_the_request_is_too_soon_and_takes_no_attempt(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)

    early = await claims.claim(replace(WISH, asked_ms=WISH.asked_ms - 1000))
    in_time = await claims.claim(replace(WISH, source="otp.requests/0/6"))

    assert (early.verdict, early.wait_s) == (ClaimVerdict.TOO_SOON, 1.0)
    assert (in_time.verdict, in_time.number) == (ClaimVerdict.GRANTED, 2)


async def test_wish_within_the_gap_after_the_wish_before_is_too_soon(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    later = replace(WISH, resend=2, source="otp.requests/0/6", asked_ms=WISH.asked_ms + GAP_MS)

    assert (await claims.claim(WISH)).verdict is ClaimVerdict.GRANTED
    assert (await claims.claim(replace(later, asked_ms=later.asked_ms - 1))).verdict is ClaimVerdict.TOO_SOON
    assert (await claims.claim(later)).verdict is ClaimVerdict.GRANTED


async def test_wish_that_is_delivered_twice_is_not_too_soon_after_itself(store: Store) -> None:
    await _claims(store).claim(CLAIM)
    await _claims(store, lease_s=NONE).claim(WISH)

    assert (await _claims(store, "two").claim(WISH)).verdict is ClaimVerdict.EXCUSED


async def test_wish_that_came_through_the_api_was_judged_there(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    await store._client.hset(f"{store.prefix}otp:{REQUEST_ID}", "w", "1")

    assert (await claims.claim(replace(WISH, asked_ms=CLAIM.issued_ms))).verdict is ClaimVerdict.GRANTED


async def test_wish_is_the_first_attempt_where_there_was_none(store: Store) -> None:
    first = await _claims(store).claim(replace(WISH, asked_ms=CLAIM.issued_ms))

    assert (first.verdict, first.number) == (ClaimVerdict.GRANTED, 1)


async def test_wishes_that_come_at_once_have_no_more_attempts_than_a_request_may_have(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    wishes = [replace(WISH, resend=number, source=f"otp.requests/0/{number + 9}", gap_ms=0) for number in range(1, 31)]

    answers = await asyncio.gather(*(claims.claim(wish) for wish in wishes))

    verdicts = Counter(answer.verdict for answer in answers)
    assert verdicts == {ClaimVerdict.GRANTED: CLAIM.most - 1, ClaimVerdict.TOO_MANY: 30 - (CLAIM.most - 1)}


@pytest.mark.parametrize("outcome", Outcome)
async def test_attempts_that_reached_nobody_count_for_nothing(store: Store, outcome: Outcome) -> None:
    claims = _claims(store)
    for number in range(1, CLAIM.most + 1):
        claim = replace(CLAIM, number=number)
        await claims.claim(claim)
        await claims.store_outcome(claim, number, encode(replace(ATTEMPT, number=number, outcome=outcome)))

    verdict = (await claims.claim(replace(CLAIM, number=CLAIM.most + 1))).verdict

    assert verdict is (ClaimVerdict.GRANTED if outcome in PASSING else ClaimVerdict.TOO_MANY)


async def test_resend_is_told_the_request_as_its_first_record_had_it(store: Store) -> None:
    claims = _claims(store)
    first = await claims.claim(CLAIM)

    again = await claims.claim(replace(WISH, request='{"other": 1}', deadline_ms=WISH.deadline_ms + 1000))

    assert first.request is None
    assert (again.request, again.deadline_ms) == (b"{}", CLAIM.deadline_ms)


@pytest.mark.parametrize("claim", [WISH, replace(CLAIM, source="otp.requests/0/5")], ids=["resend", "same id"])
@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"number_hash": "other"}, ClaimVerdict.OTHER_TO),
        ({"own": "other"}, ClaimVerdict.OTHER_CODE),
        ({"own": ""}, ClaimVerdict.OTHER_CODE),
    ],
)
async def test_record_with_another_number_or_code_than_the_first_takes_no_attempt(
    store: Store, claim: Claim, changes: dict[str, str], verdict: ClaimVerdict
) -> None:
    claims = _claims(store)
    await claims.claim(replace(CLAIM, own="own"))

    assert (await claims.claim(replace(claim, **{"own": "own"} | changes))).verdict is verdict
    good = await claims.claim(replace(WISH, own="own", source="otp.requests/0/9"))
    assert (good.verdict, good.number) == (ClaimVerdict.GRANTED, 2)


async def test_earlier_attempts_are_told_to_a_resend_without_its_own(store: Store) -> None:
    claims = _claims(store)
    await claims.claim(CLAIM)
    await claims.store_outcome(CLAIM, 1, OUTCOME)

    earlier = (await claims.attempts(CLAIM.request_id, asked_by="otp.requests/0/5")).attempts

    assert [attempt.provider for attempt in earlier] == ["carrier-a"]
    assert await claims.attempts(CLAIM.request_id, asked_by=CLAIM.source) == AttemptHistory(itself=True)


async def test_thousand_claims_travel_in_few_calls(store: Store) -> None:
    claims = _claims(store)
    wishes = [replace(CLAIM, request_id=f"request-{number:012}", purpose=f"p{number}") for number in range(1000)]

    calls: list[float] = []
    store.when_answered = calls.append
    answers = await asyncio.gather(*(claims.claim(wish) for wish in wishes))

    assert {answer.verdict for answer in answers} == {ClaimVerdict.GRANTED}
    assert len(calls) <= 4
    assert store.operations["claim"] == 1000
    assert claims.verdicts == {ClaimVerdict.GRANTED: 1000}


# Fields of a row that nobody of ours writes so.
GARBAGE = {
    "a deadline": {"d": "x"},
    "a number": {"n": "x"},
    "a lease": {"l1": "x"},
    "a key's name missing": {"k": None},
    "a deadline missing": {"d": None},
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_row_that_cannot_be_read_fails_its_own_claim_alone(store: Store, garbage: dict[str, str | None]) -> None:
    claims = _claims(store, lease_s=NONE)
    wishes = [replace(CLAIM, request_id=f"request-{number:012}", purpose=f"p{number}") for number in range(9)]
    await claims.claim(wishes[4])
    row = f"{store.prefix}otp:{wishes[4].request_id}"
    for name, value in garbage.items():
        await (store._client.hset(row, name, value) if value else store._client.hdel(row, name))

    answers = await asyncio.gather(*(claims.claim(wish) for wish in wishes))

    assert [answer.verdict for answer in answers[:4] + answers[5:]] == [ClaimVerdict.GRANTED] * 8
    assert answers[4].verdict is ClaimVerdict.UNCLAIMED
    assert store.available
    assert claims.owed == 0


async def test_row_of_another_type_fails_its_own_outcome_and_look_alone(store: Store) -> None:
    claims = _claims(store)
    other = replace(CLAIM, request_id="request-other-56789", purpose="payment", source="otp.requests/0/2")
    await store.put_if_new(f"otp:{CLAIM.request_id}", b"text", 60_000)
    await claims.claim(other)

    await asyncio.gather(*(claims.store_outcome(claim, 1, OUTCOME) for claim in (CLAIM, other)))
    looks = await asyncio.gather(
        claims.look(CLAIM.request_id, 1, "any"), claims.look(other.request_id, 1, "any"), return_exceptions=True
    )

    assert (await claims.claim(other)).outcome == OUTCOME
    assert [type(look) for look in looks] == [RowUnreadable, Looked]
    assert await claims.attempts(CLAIM.request_id, asked_by="any") == AttemptHistory()
    assert store.available
    assert claims.owed == 0


@pytest.mark.parametrize("off_s", [-7200, 7200, -3 * 86_400])
async def test_clock_of_the_store_that_is_hours_off_ends_no_request(store: Store, off_s: int) -> None:
    now_ms = int(NOW.timestamp() * 1000) + off_s * 1000  # the broker's, as far from the store's
    claims = Claims(store, owner="one", lease_s=LONG, now_ms=lambda: now_ms)
    asked = replace(CLAIM, issued_ms=now_ms, deadline_ms=now_ms + 300_000)

    first, again = await claims.claim(asked), await _claims_at(store, now_ms + 1000).claim(asked)
    renewed = await claims.renew(asked, 1)
    over = await _claims_at(store, now_ms + 61_000).claim(asked)

    assert (first.verdict, again.verdict, renewed, over.verdict) == (
        ClaimVerdict.GRANTED,
        ClaimVerdict.WAIT,
        True,
        ClaimVerdict.EXCUSED,
    )
    assert again.wait_s == LONG - 1
    for key in (f"otp:{REQUEST_ID}", "newest:shop:hash:login"):
        life_ms = await store._client.pttl(store.prefix + key)
        assert store.keep_ms + 290_000 < life_ms <= store.keep_ms + 300_000


def _claims_at(store: Store, now_ms: int) -> Claims:
    return Claims(store, owner="two", lease_s=LONG, now_ms=lambda: now_ms)


@contextlib.asynccontextmanager
async def _own_store(folder: Path) -> AsyncIterator[tuple[EmbeddedValkey, Store]]:
    server = EmbeddedValkey(folder)
    await server.start()
    store = Store(StateSettings(url=server.url, timeout_s=0.5))
    try:
        yield server, store
    finally:
        await store.close()
        await server.stop()


@pytest.mark.processes
async def test_without_the_store_claims_hold_within_the_process_and_are_written_when_it_is_back(tmp_path: Path) -> None:
    async with _own_store(tmp_path) as (server, store):
        claims = _claims(store)
        server.kill()

        first = await claims.claim(CLAIM)
        await claims.store_outcome(CLAIM, 1, OUTCOME)
        twin = await claims.claim(replace(CLAIM, source="otp.requests/0/2"))
        wishes = [await claims.claim(replace(WISH, resend=resend)) for resend in range(1, 10)]
        again = await claims.claim(CLAIM)
        sixth = await claims.claim(replace(CLAIM, request_id="request-throttled", number=CLAIM.most + 1))

        assert first.verdict is ClaimVerdict.UNCLAIMED
        assert sixth.verdict is ClaimVerdict.UNCLAIMED  # five before it reached nobody, or it would not be asked for
        assert [wish.verdict for wish in wishes] == [ClaimVerdict.UNCLAIMED] * 4 + [ClaimVerdict.TOO_MANY] * 5
        assert not await claims.renew(CLAIM, 1)
        assert twin.verdict is ClaimVerdict.DUPLICATE
        assert again.verdict is ClaimVerdict.KNOWN
        with pytest.raises(StoreAway):
            await claims.look(CLAIM.request_id, 1, "any")

        await server.stop()
        await server.start()
        async with asyncio.timeout(10):
            while claims.owed:
                await asyncio.sleep(0.05)
        written = await _claims(store, "two").claim(CLAIM)
        assert written.verdict is ClaimVerdict.KNOWN
        assert written.outcome == OUTCOME


@pytest.mark.processes
async def test_behind_a_replica_that_takes_no_writes_claims_hold_within_the_process(tmp_path: Path) -> None:
    async with _own_store(tmp_path) as (_, store):
        claims = _claims(store)
        await store.run("seen", b"[]")
        await store._client.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]

        first = await claims.claim(CLAIM)
        await claims.store_outcome(CLAIM, 1, OUTCOME)
        twin = await claims.claim(replace(CLAIM, source="otp.requests/0/2"))

        assert (first.verdict, twin.verdict) == (ClaimVerdict.UNCLAIMED, ClaimVerdict.DUPLICATE)
        assert claims.owed == 1
        await store._client.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]
        async with asyncio.timeout(10):
            while claims.owed:
                await asyncio.sleep(0.02)
        assert (await _claims(store, "two").claim(CLAIM)).outcome == OUTCOME
