"""Request or second look -> route -> provider -> attempt; claims on real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from pipeline.dispatch.breaker import FAILURES
from pipeline.errors import (
    AcceptanceUnknown,
    DeadReason,
    InvalidMessage,
    Malformed,
    Misconfigured,
    NotSent,
    Outcome,
    Refused,
    Rejected,
    RouteRefused,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.message.codes import CodeBasis, derive
from pipeline.message.phone import keyed_hash, seal
from pipeline.records import ReceiptState, Sent, encode
from pipeline.records.topics import ATTEMPTS
from pipeline.settings import StateSettings
from providers.seam import Accepted, Sms
from tests.workers.dispatch.parts import CALLER, GAP_S, KEY, KID, NUMBER, SETTINGS, ScriptedProvider, World
from workers.embedded.valkey import EmbeddedValkey
from workers.loop import Record
from workers.state.claiming import Claim, Claimed
from workers.state.client import Store


@pytest.fixture
async def world(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[World]:
    store = Store(StateSettings(url=valkey.url, prefix=prefix))
    yield World(store)
    await store.close()


async def _receipt(world: World, number: int, state: ReceiptState) -> None:
    """Write what the receipts process would have written."""
    key = f"{world.store.prefix}otp:request-0123456789"
    await world.store._client.hset(key, f"r{number}", state.value)


async def test_code_that_is_sent_is_the_one_that_is_derived(world: World) -> None:
    await world.ask()

    request = world.request()
    basis = CodeBasis(
        request_id=request.request_id,
        number_hash=keyed_hash(NUMBER, SETTINGS.keys.numbers["dev"]),
        caller=CALLER,
        issued_at=request.issued_at,
    )
    (sms,) = world.sent()
    assert sms.to == NUMBER
    assert sms.text.startswith(derive(SETTINGS.keys.codes["dev"], basis, 6))


async def test_accepted_request_leaves_an_attempt_and_a_look_in_10_s(world: World) -> None:
    await world.ask()

    (attempt,) = world.topics.attempts()
    ((topic, retry),) = world.topics.retries()
    assert (attempt.number, attempt.outcome, attempt.trigger) == (1, Outcome.ACCEPTED, "first")
    assert topic == "otp.retry.10s"
    assert retry.attempts == (attempt,)


async def test_redelivered_record_sends_nothing_and_produces_what_follows_again(world: World) -> None:
    record = await world.ask()
    before = list(world.topics.records)

    await world.twin().dispatcher.handle(record)

    assert len(world.sent()) == 1
    assert world.topics.records == before * 2


async def test_duplicate_record_is_dropped(world: World) -> None:
    await world.ask()
    await world.ask()

    assert len(world.sent()) == 1
    assert len(world.topics.attempts()) == 1


@pytest.mark.parametrize("error", [Unavailable("x"), Throttled("x"), Misconfigured("x"), RouteRefused("x")])
async def test_failed_hand_over_goes_to_another_provider_at_once_with_the_same_code(
    world: World, error: Unavailable
) -> None:
    first = world.providers["carrier-a"]
    first.answers.append(error)
    tries = iter(range(1000))
    while not first.sent:
        request_id = f"request-{next(tries):012}"
        await world.ask(request_id=request_id, purpose=request_id)

    sent = [sms for sms in world.sent() if sms.attempt_id.startswith(request_id)]
    attempts = [attempt for attempt in world.topics.attempts() if attempt.request_id == request_id]
    assert len(sent) == 2
    assert len({sms.text for sms in sent}) == 1
    assert [attempt.number for attempt in attempts] == [1, 2]
    assert attempts[0].provider != attempts[1].provider
    assert attempts[1].trigger == "failover"


async def _all_answer(world: World, *errors: Exception) -> None:
    for provider in world.providers.values():
        provider.answers.extend(errors)  # type: ignore[arg-type] # always errors of providers


FINAL = [(Rejected("21610"), DeadReason.REJECTED), (Malformed("21602"), DeadReason.MALFORMED)]


@pytest.mark.parametrize(("error", "reason"), FINAL)
async def test_a_request_is_given_up_on_the_word_of_two_providers(
    world: World, error: Rejected, reason: DeadReason
) -> None:
    await _all_answer(world, error)

    await world.ask()

    (letter,) = world.topics.dead()
    assert (letter.reason, letter.origin.topic, len(letter.attempts)) == (reason, "otp.requests", 2)
    assert len({sms.attempt_id for sms in world.sent()}) == 2
    assert all(f"{attempt.provider} answered {error.code}" in letter.detail for attempt in letter.attempts)


@pytest.mark.parametrize("error", [*(error for error, _ in FINAL), Refused("brand_new"), Undeliverable("x")])
async def test_what_one_provider_refuses_another_one_takes_in_the_same_handling(world: World, error: Rejected) -> None:
    refusing = world.first_of("request-0123456789")
    refusing.answers.append(error)

    await world.ask()

    first, second = world.topics.attempts()
    assert (first.provider, first.outcome) == (refusing.name, error.outcome)
    assert (second.outcome, second.trigger) == (Outcome.ACCEPTED, "failover")
    assert not world.topics.dead()


@pytest.mark.parametrize(
    ("error", "counted"), [(Rejected("x"), True), (Undeliverable("x"), True), (Refused("x"), False)]
)
async def test_the_one_who_takes_it_tells_whom_it_refutes(world: World, error: Rejected, *, counted: bool) -> None:
    world.first_of("request-0123456789").answers.append(error)

    await world.ask()

    first, second = world.topics.attempts()
    said = Sent(number=1, provider=first.provider, sent_at=first.sent_at, config=first.config)
    assert (first.refutes, second.refutes) == ((), (said,) if counted else ())


@pytest.mark.parametrize("error", [Rejected("x"), Malformed("x"), Undeliverable("x"), Refused("x")])
async def test_a_provider_that_refuses_what_others_take_is_shut_out_of_its_country(
    world: World, error: Rejected
) -> None:
    refusing = world.first_of("request-0123456789")
    refusing.answers.extend([error] * 100)

    for number in range(40):
        await world.ask(request_id=f"request-{number:012}", purpose=f"purpose-{number}")

    assert FAILURES <= len(refusing.sent) < 40
    assert [name for name, account in world.accounts.all.items() if account.breakers] == [refusing.name]
    assert world.accounts.all[refusing.name].breakers.keys() == {"GB"}
    assert not world.topics.dead()


async def test_each_new_word_of_a_provider_is_said_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    refusing = world.first_of("request-0123456789")
    refusing.answers.extend(Refused(word) for word in ("one", "two", "one", "two"))

    for number in range(20):
        await world.ask(request_id=f"request-{number:012}", purpose=f"purpose-{number}")

    said = [line for line in capsys.readouterr().out.splitlines() if "provider.new_word" in line]
    assert [orjson.loads(line)["provider_code"] for line in said] == ["one", "two"]


async def test_numbers_that_nobody_takes_shut_nobody_out(world: World) -> None:
    await _all_answer(world, *[Rejected("invalid_number")] * 100)

    for number in range(20):
        await world.ask(request_id=f"request-{number:012}", purpose=f"purpose-{number}")

    assert not any(account.breakers for account in world.accounts.all.values())
    assert len(world.topics.dead()) == 20


async def test_where_one_provider_is_alone_its_word_is_enough_and_the_letter_says_so(world: World) -> None:
    world = world.with_providers(1)
    await _all_answer(world, Rejected("invalid_number"))

    await world.ask()

    (letter,) = world.topics.dead()
    assert letter.reason is DeadReason.REJECTED
    assert letter.detail.endswith("answered invalid_number; no other provider is left to ask")


async def test_a_second_word_is_waited_for_while_the_others_cannot_be_asked(world: World) -> None:
    refusing = world.first_of("request-0123456789")
    refusing.answers.append(Rejected("invalid_number"))
    for other in world.providers.values():
        if other is not refusing:
            other.answers.append(Unavailable("503"))

    await world.ask()
    assert not world.topics.dead()
    await world.look()

    last = world.topics.attempts()[-1]
    assert last.outcome is Outcome.ACCEPTED
    assert len(refusing.sent) == 1


async def test_a_wish_is_fulfilled_by_the_one_who_took_it_when_another_one_calls_the_number_invalid(
    world: World,
) -> None:
    world = world.with_providers(2)
    first = world.first_of("request-0123456789")
    (second,) = (world.providers[name] for name in world.accounts.names_in("GB") if name != first.name)
    second.answers.extend([Rejected("invalid_number")] * 2)
    await world.ask()
    await _receipt(world, 1, ReceiptState.UNDELIVERABLE)
    await world.look()
    world.clock.move(GAP_S)

    await world.ask(resend=1)

    assert [attempt.provider for attempt in world.topics.attempts()] == [first.name, second.name, first.name]
    assert not world.topics.dead()


async def test_a_wish_that_comes_again_is_not_judged_anew(world: World) -> None:
    await world.ask()
    world.clock.move(GAP_S)
    wish = await world.ask(resend=1)
    before = list(world.topics.records)
    world.clock.move(170)  # a new wish would come too late

    await world.twin().dispatcher.handle(wish)

    assert len(world.sent()) == 2
    assert world.topics.records[len(before) :][0][0] == ATTEMPTS.name
    assert not world.topics.refused()


async def test_resend_of_a_number_that_two_providers_refuse_asks_nobody(world: World) -> None:
    await _all_answer(world, Rejected("invalid_number"))
    await world.ask()

    await world.ask(resend=1)

    assert len(world.sent()) == 2
    assert [letter.reason for letter in world.topics.dead()] == [DeadReason.REJECTED] * 2


async def test_unknown_outcome_is_not_sent_again_at_once(world: World) -> None:
    await _all_answer(world, AcceptanceUnknown("timeout"))

    await world.ask()

    assert len(world.sent()) == 1
    assert world.topics.retries()[0][0] == "otp.retry.10s"


async def test_when_every_provider_fails_the_request_waits_and_is_tried_again(world: World) -> None:
    await _all_answer(world, Unavailable("503"))

    await world.ask()
    assert [attempt.outcome for attempt in world.topics.attempts()] == [Outcome.UNAVAILABLE] * 3
    assert world.topics.retries()[-1][0] == "otp.retry.2s"
    await world.look()

    assert world.topics.attempts()[-1].outcome is Outcome.ACCEPTED
    assert world.topics.attempts()[-1].number == 4


async def test_request_whose_attempts_all_fail_is_exhausted(world: World) -> None:
    await _all_answer(world, *[Undeliverable("not_reachable_from_here")] * 10)

    await world.ask()
    while not world.topics.dead():
        await world.look()

    (letter,) = world.topics.dead()
    assert letter.reason is DeadReason.EXHAUSTED
    assert len(letter.attempts) == SETTINGS.dispatch.max_attempts


async def test_silent_message_is_sent_again_after_30_s_through_another_provider(world: World) -> None:
    await world.ask()
    for _ in range(2):
        await world.look()
        assert len(world.sent()) == 1
    await world.look()

    first, second = world.topics.attempts()
    assert (second.trigger, second.number) == ("second_look", 2)
    assert first.provider != second.provider
    assert len({sms.text for sms in world.sent()}) == 1


@pytest.mark.parametrize("state", [ReceiptState.UNDELIVERABLE, ReceiptState.REJECTED, ReceiptState.EXPIRED])
async def test_message_with_a_receipt_of_failure_is_sent_again_at_the_first_look(
    world: World, state: ReceiptState
) -> None:
    await world.ask()
    await _receipt(world, 1, state)
    await world.look()

    assert len(world.sent()) == 2


async def test_delivered_message_is_never_sent_again(world: World) -> None:
    await world.ask()
    await _receipt(world, 1, ReceiptState.DELIVERED)
    await world.look()

    assert len(world.sent()) == 1
    assert len(world.topics.retries()) == 1


async def test_second_sends_of_silent_messages_stay_within_their_budget(world: World) -> None:
    for number in range(40):
        await world.ask(request_id=f"request-{number:012}", purpose=f"p{number}")
    retries = world.topics.retries()
    world.clock.move(31)
    for topic, retry in retries:
        await world.dispatcher.handle(world.record(encode(retry), topic))

    second = [attempt for attempt in world.topics.attempts() if attempt.trigger == "second_look"]
    # Each of three providers starts with 5 and earns a tenth of what it is given.
    assert 0 < len(second) <= 3 * 5 + 0.1 * len(world.topics.attempts())


async def test_look_after_a_crash_between_claim_and_send_sends_what_was_claimed(world: World) -> None:
    await world.ask()
    await world.look()
    await world.look()
    topic, retry = world.topics.retries()[-1]
    world.clock.move(10.1)
    record = world.record(encode(retry), topic)
    await _crash_before_the_outcome(world, record)

    await world.dispatcher.handle(record)

    assert world.topics.attempts()[-1].excused == 1
    assert world.topics.attempts()[-1].number == 2


async def _forget_answers(world: World) -> None:
    for provider in world.providers.values():
        provider.answers.clear()


async def test_request_that_was_verified_before_its_redelivery_ends_without_a_dead_letter(world: World) -> None:
    record = world.record(encode(world.request()))
    crashed = world.twin(settings=replace(SETTINGS, dispatch=replace(SETTINGS.dispatch, lease_s=0.0)))
    for provider in crashed.providers.values():
        provider.answers.append(RuntimeError())  # type: ignore[arg-type] # a crash of ours after the message had left
    with pytest.raises(InvalidMessage):
        await crashed.dispatcher.handle(record)
    await _forget_answers(world)
    await world.store._client.hset(f"{world.store.prefix}otp:request-0123456789", "v", "1")
    sent = len(world.sent())

    await world.dispatcher.handle(record)

    assert world.topics.dead() == []
    assert len(world.sent()) == sent


async def test_look_at_a_request_that_another_record_has_taken_further_ends(world: World) -> None:
    await world.ask()
    topic, retry = world.topics.retries()[-1]
    world.clock.move(31)
    await world.dispatcher.handle(world.record(encode(retry), topic))
    await world.dispatcher.handle(world.record(encode(retry), topic))

    assert len(world.sent()) == 2


async def test_expired_request_is_dead_lettered_without_a_send(world: World) -> None:
    record = world.record(encode(world.request()))
    world.clock.move(301)

    await world.dispatcher.handle(record)

    (letter,) = world.topics.dead()
    assert letter.reason is DeadReason.EXPIRED
    assert not world.sent()


async def test_clock_of_a_producer_cannot_prolong_a_life(world: World) -> None:
    ahead = world.clock.at + timedelta(seconds=120)
    record = world.record(encode(world.request(issued_at=ahead, expires_at=ahead + timedelta(seconds=300))))
    world.clock.move(181)  # 60 % of 300 s after the append

    await world.dispatcher.handle(record)

    assert not world.sent()


async def test_superseded_request_is_not_sent(world: World) -> None:
    older = world.request(request_id="request-older-56789")
    world.clock.move(1)
    await world.ask(request_id="request-newer-56789")

    await world.dispatcher.handle(world.record(encode(older)))

    assert len(world.sent()) == 1
    assert world.topics.dead()[0].reason is DeadReason.SUPERSEDED


async def test_person_who_asks_again_gets_the_same_code_through_another_provider(world: World) -> None:
    await world.ask()
    world.clock.move(GAP_S)
    await world.ask(resend=1)

    first, second = world.topics.attempts()
    assert (second.trigger, second.number) == ("resend", 2)
    assert first.provider != second.provider
    assert len({sms.text for sms in world.sent()}) == 1


async def test_resend_that_is_redelivered_sends_nothing(world: World) -> None:
    await world.ask()
    world.clock.move(GAP_S)
    record = await world.ask(resend=1)

    await world.dispatcher.handle(record)

    assert len(world.sent()) == 2


async def test_code_of_the_callers_own_is_sent(world: World) -> None:
    own = seal("8071234", caller=CALLER, request_id="request-0123456789", kid=KID, key=KEY)

    await world.ask(code=own)

    assert world.sent()[0].text.startswith("8071234 ")


async def test_test_number_is_not_sent_and_everything_else_happens(world: World) -> None:
    settings = replace(SETTINGS, otp=replace(SETTINGS.otp, test_numbers=(NUMBER,)))
    world = replace(world, settings=settings)

    await world.ask()

    assert not world.sent()
    assert world.topics.attempts()[0].test
    assert world.topics.attempts()[0].outcome is Outcome.ACCEPTED


async def test_plain_number_is_refused_unless_the_settings_say_otherwise(world: World) -> None:
    with pytest.raises(InvalidMessage) as caught:
        await world.ask(to=NUMBER)

    assert caught.value.reason is DeadReason.PLAIN_NUMBER


async def test_plain_number_where_it_is_allowed_goes_no_further_unsealed(world: World) -> None:
    world = replace(world, settings=replace(SETTINGS, otp=replace(SETTINGS.otp, plain_numbers=True)))

    await world.ask(to=NUMBER)

    assert world.sent()[0].to == NUMBER
    assert all(b"7700900123" not in value for _, _, value in world.topics.records)


async def test_country_without_a_route_is_a_dead_letter(world: World) -> None:
    world = replace(world, settings=replace(SETTINGS, routes={"DE": {"carrier-a": 100.0}}))

    await world.ask()

    assert world.topics.dead()[0].reason is DeadReason.NO_ROUTE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"caller": "nobody"}, DeadReason.UNKNOWN_CALLER),
        ({"to": f"{'a' * 60}..{'b' * 16}.c.{'d' * 22}"}, DeadReason.SEAL_BROKEN),
        ({"to": "06.12.34.56.78"}, DeadReason.PLAIN_NUMBER),
        ({"code": "482913"}, DeadReason.SEAL_BROKEN),
        ({"number": "+4412"}, DeadReason.INVALID_NUMBER),
        ({"number": "+449098790000"}, DeadReason.INVALID_NUMBER),  # premium rate
        ({"request_id": "request-0123456789", "expires_at": "later"}, DeadReason.INVALID_FIELD),
    ],
)
async def test_record_that_cannot_be_handled_says_why(
    world: World, changes: dict[str, str], reason: DeadReason
) -> None:
    later = {"expires_at": world.clock.at + timedelta(seconds=601)} if "expires_at" in changes else {}

    with pytest.raises(InvalidMessage) as caught:
        await world.ask(**{**changes, **later})

    assert caught.value.reason is reason


async def test_number_with_a_trunk_zero_is_the_same_phone_and_is_sent_without_it(world: World) -> None:
    await world.ask(number="+4407700900123")
    await world.ask(request_id="request-9876543210", purpose="pay")

    assert {
        (sms.to, attempt.number_hash) for sms, attempt in zip(world.sent(), world.topics.attempts(), strict=True)
    } == {(NUMBER, keyed_hash(NUMBER, SETTINGS.keys.numbers["dev"]))}


async def test_premium_rate_number_is_sent_to_where_the_settings_allow_it(world: World) -> None:
    world = replace(world, settings=replace(SETTINGS, otp=replace(SETTINGS.otp, premium_numbers=True)))

    await world.ask(number="+449098790000")

    assert [sms.to for sms in world.sent()] == ["+449098790000"]


async def test_dead_letter_of_an_unreadable_record_holds_nothing_of_it(world: World) -> None:
    record = world.record(orjson.dumps({"to": NUMBER, "request_id": "x"}))
    with pytest.raises(InvalidMessage) as caught:
        await world.dispatcher.handle(record)

    await world.dispatcher.dead_letter(record, caught.value)

    (_, key, value) = world.topics.records[-1]
    (letter,) = world.topics.dead()
    assert letter.origin.offset == record.offset
    assert letter.size == len(record.value or b"")
    assert b"7700900123" not in value
    assert key == ""


async def test_provider_that_is_full_does_not_hold_up_the_others(world: World) -> None:
    providers = dict(SETTINGS.providers)
    providers["carrier-a"] = replace(providers["carrier-a"], per_second=0.001)
    world = replace(world, settings=replace(SETTINGS, providers=providers), providers={})

    for number in range(30):
        await world.ask(request_id=f"request-{number:012}", purpose=f"p{number}")

    assert len(world.providers["carrier-a"].sent) <= 1
    assert len(world.sent()) == 30


async def test_burst_beyond_the_places_is_sent_as_they_come_free_and_no_request_goes_to_a_retry_tier(
    world: World,
) -> None:
    one = {name: replace(account, in_flight=1) for name, account in SETTINGS.providers.items()}
    world = replace(world, settings=replace(SETTINGS, providers=one), providers={}, permit_wait_s=30.0)
    records = [
        world.record(encode(world.request(request_id=f"request-{number:012}", purpose=f"p{number}")))
        for number in range(50)
    ]

    await asyncio.gather(*(world.dispatcher.handle(record) for record in records))

    assert len(world.sent()) == 50
    assert {tier for tier, _ in world.topics.retries()} == {"otp.retry.10s"}  # the second looks


async def test_place_is_free_again_before_the_outcome_is_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []

    async def store_outcome(*_: object) -> None:
        held.extend(account.permits.acquire() for account in world.accounts.all.values())

    one = {name: replace(account, in_flight=1) for name, account in SETTINGS.providers.items()}
    world = replace(world, settings=replace(SETTINGS, providers=one), providers={})
    monkeypatch.setattr(world.claims, "store_outcome", store_outcome)

    await world.ask()

    assert held == [True] * len(one)


async def test_breaker_that_opens_releases_those_who_wait_for_a_place(world: World) -> None:
    only = {"carrier-a": replace(SETTINGS.providers["carrier-a"], in_flight=1)}
    settings = replace(SETTINGS, providers=only, routes={"*": {"carrier-a": 1.0}})
    world = replace(world, settings=settings, providers={}, permit_wait_s=30.0)
    world.providers["carrier-a"].answers.append(Misconfigured("401"))
    records = [
        world.record(encode(world.request(request_id=f"request-{number:012}", purpose=f"p{number}")))
        for number in range(5)
    ]

    await asyncio.gather(*(world.dispatcher.handle(record) for record in records))

    assert len(world.sent()) == 1
    assert [tier for tier, _ in world.topics.retries()] == ["otp.retry.2s"] * 5


async def test_request_waits_when_every_provider_is_full(world: World) -> None:
    providers = {name: replace(one, in_flight=0) for name, one in SETTINGS.providers.items()}
    world = replace(world, settings=replace(SETTINGS, providers=providers), providers={})

    await world.ask()

    assert not world.topics.attempts()
    assert world.topics.retries()[0][0] == "otp.retry.2s"


async def test_request_that_found_every_provider_full_is_sent_at_its_look_and_excuses_nothing(world: World) -> None:
    await _full(world).ask()

    await world.look()

    (attempt,) = world.topics.attempts()
    assert (attempt.number, attempt.excused, attempt.outcome) == (1, 0, Outcome.ACCEPTED)


async def test_dead_credential_opens_the_breaker_at_once(world: World) -> None:
    await _all_answer(world, Misconfigured("20003"))
    for number in range(20):
        await world.ask(request_id=f"request-{number:012}", purpose=f"p{number}")

    refused = [attempt for attempt in world.topics.attempts() if attempt.outcome is Outcome.MISCONFIGURED]
    assert len(refused) == 3, "once for each provider"


def _crashing(world: World) -> World:
    """Give a dispatcher on the same store and topics whose claims are over at once."""
    return world.twin(settings=replace(SETTINGS, dispatch=replace(SETTINGS.dispatch, lease_s=0.0)))


def _full(world: World) -> World:
    """Give a dispatcher on the same store and topics that has no provider free."""
    none = {name: replace(one, in_flight=0) for name, one in SETTINGS.providers.items()}
    return world.twin(settings=replace(SETTINGS, providers=none))


async def _crash_before_the_outcome(world: World, record: Record) -> None:
    """Claim, send, and lose what became of it."""
    for provider in world.providers.values():
        provider.answers.append(RuntimeError())  # type: ignore[arg-type] # a crash of ours, not an answer
    with pytest.raises(InvalidMessage):
        await _crashing(world).dispatcher.handle(record)
    await _forget_answers(world)


async def test_redelivered_record_that_finds_no_provider_free_is_sent_later(world: World) -> None:
    record = world.record(encode(world.request()))
    await _crash_before_the_outcome(world, record)
    await _full(world).dispatcher.handle(record)

    await world.look()

    (attempt,) = world.topics.attempts()
    assert (attempt.number, attempt.excused, attempt.outcome) == (1, 1, Outcome.ACCEPTED)


async def test_redelivered_record_with_a_known_outcome_follows_it_up_although_no_provider_is_free(world: World) -> None:
    await _all_answer(world, Unavailable("503"))
    record = world.record(encode(world.request()))
    await world.dispatcher.handle(record)
    world.topics.records.clear()

    await _full(world).dispatcher.handle(record)
    await world.look()
    await world.look()

    attempts = world.topics.attempts()
    assert [attempt.number for attempt in attempts] == [1, 2, 3, 4]
    assert attempts[-1].outcome is Outcome.ACCEPTED


async def test_delivered_code_is_no_dead_letter_when_its_record_comes_again_late(world: World) -> None:
    record = await world.ask()
    world.topics.records.clear()
    world.clock.move(200)

    await world.twin().dispatcher.handle(record)

    assert world.topics.dead() == []
    assert [attempt.outcome for attempt in world.topics.attempts()] == [Outcome.ACCEPTED]


async def test_record_that_comes_again_after_the_delivery_sends_nothing(world: World) -> None:
    record = await world.ask()
    await _receipt(world, 1, ReceiptState.DELIVERED)
    world.clock.move(35)

    await world.twin().dispatcher.handle(record)

    assert len(world.sent()) == 1


async def test_waiting_for_another_owners_lease_holds_no_place_at_a_provider(world: World) -> None:
    one = {name: replace(account, in_flight=1) for name, account in SETTINGS.providers.items()}
    settings = replace(SETTINGS, providers=one, dispatch=replace(SETTINGS.dispatch, lease_s=1.0))
    reached, woken = asyncio.Event(), asyncio.Event()
    frozen = replace(world, settings=settings, owner="frozen", providers=_fenced(reached, woken))
    record = frozen.record(encode(frozen.request()))
    holding = asyncio.create_task(frozen.dispatcher.handle(record))
    await reached.wait()
    waiter = replace(world, settings=settings, owner="waiter", providers={})
    waiting = [asyncio.create_task(waiter.dispatcher.handle(record)) for _ in range(3)]
    await asyncio.sleep(0.1)

    await waiter.ask(request_id="request-other-56789", purpose="other")

    assert len(waiter.sent()) == 1
    woken.set()
    await asyncio.gather(holding, *waiting)


async def test_claim_that_came_too_late_in_the_life_sends_nothing(world: World) -> None:
    record = world.record(encode(world.request()))
    await _crash_before_the_outcome(world, record)
    claim = world.claims.claim

    async def slow(wish: Claim) -> Claimed:
        claimed = await claim(wish)
        world.clock.move(181)
        return claimed

    world.claims.claim = slow  # type: ignore[method-assign,assignment] # the time that a lease was waited for
    sent = len(world.sent())
    await world.dispatcher.handle(record)

    assert len(world.sent()) == sent
    assert world.topics.dead()[0].reason is DeadReason.EXPIRED


async def test_provider_that_never_gets_through_its_fence_is_left_for_another(world: World) -> None:
    await _all_answer(world, NotSent("fence"), NotSent("fence"))

    await world.ask()

    assert {attempt.outcome for attempt in world.topics.attempts()} == {Outcome.NOT_SENT}
    assert len({attempt.provider for attempt in world.topics.attempts()}) == 3


async def test_tried_provider_is_used_again_while_the_untried_one_is_shut(world: World) -> None:
    for name in ("carrier-a", "carrier-b"):
        world.providers[name].answers.append(Unavailable("503"))
    world.providers["carrier-c"].answers.append(Misconfigured("20003"))
    await world.ask(request_id="request-opens-breaker", purpose="other")
    while world.providers["carrier-c"].answers:
        world.offset += 1
        await world.ask(request_id=f"request-{world.offset:012}", purpose=f"p{world.offset}")
    for name in ("carrier-a", "carrier-b"):
        world.providers[name].answers.extend([Unavailable("503")])

    await world.ask()
    await world.look()

    assert world.topics.attempts()[-1].outcome is Outcome.ACCEPTED
    assert world.topics.attempts()[-1].provider != "carrier-c"


async def test_resend_that_finds_no_provider_free_is_still_a_resend_when_one_is(world: World) -> None:
    await world.ask()
    await _receipt(world, 1, ReceiptState.DELIVERED)
    full = _full(world)
    full.offset = 100
    full.clock.move(GAP_S)
    await full.ask(resend=1)

    world.offset = 200
    await world.look()

    assert [attempt.trigger for attempt in world.topics.attempts()] == ["first", "resend"]


async def test_dead_letter_of_an_unsealed_code_holds_nothing_of_it(world: World) -> None:
    record = world.record(encode(world.request(code="482913")))
    with pytest.raises(InvalidMessage) as caught:
        await world.dispatcher.handle(record)

    await world.dispatcher.dead_letter(record, caught.value)

    assert all(b"482913" not in value for _, _, value in world.topics.records)


async def test_life_under_a_second_is_refused(world: World) -> None:
    with pytest.raises(InvalidMessage) as caught:
        await world.ask(expires_at=world.clock.at + timedelta(milliseconds=900))

    assert caught.value.reason is DeadReason.INVALID_FIELD


async def test_frozen_dispatcher_whose_claim_was_taken_does_not_send(world: World) -> None:
    short = replace(SETTINGS, dispatch=replace(SETTINGS.dispatch, lease_s=0.2, send_timeout_s=0.1))
    reached, woken = asyncio.Event(), asyncio.Event()
    frozen = replace(world, settings=short, owner="frozen", providers=_fenced(reached, woken))
    record = frozen.record(encode(frozen.request()))
    waking = asyncio.create_task(frozen.dispatcher.handle(record))
    await reached.wait()

    await world.dispatcher.handle(record)  # waits for the lease of the other to end
    woken.set()
    await waking

    first, again = world.topics.attempts()
    assert first == again
    assert (first.excused, first.outcome) == (1, Outcome.ACCEPTED)
    assert len(world.sent()) == 1


class _Fenced(ScriptedProvider):
    """Holds each message until the process wakes, and then finds its fence closed."""

    def __init__(self, name: str, reached: asyncio.Event, woken: asyncio.Event) -> None:
        super().__init__(name)
        self._reached = reached
        self._woken = woken

    async def send(self, sms: Sms) -> Accepted:
        del sms
        self._reached.set()
        await self._woken.wait()
        raise NotSent("fence")


def _fenced(reached: asyncio.Event, woken: asyncio.Event) -> dict[str, ScriptedProvider]:
    return {name: _Fenced(name, reached, woken) for name in SETTINGS.providers}
