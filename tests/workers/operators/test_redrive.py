"""Reading, redriving and purging dead letters, on real Kafka and Valkey."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from pipeline.errors import BrokerAway, DeadReason, StoreAway
from pipeline.letters.dead_letters import LetterFilter
from pipeline.letters.redrive import TIER
from pipeline.records import DeadLetter, Expired, LetterState, Resolution, Retry, decode, encode
from pipeline.records.topics import DEAD, EXPIRED, RESOLUTIONS, Topic
from pipeline.settings import Settings
from pipeline.settings.parse import parse
from tests.pipeline.letters.dead import REQUEST, a_dead_letter
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.valkey import EmbeddedValkey
from workers.kafka import KafkaAdmin, KafkaProducer, create_topics
from workers.operators.redrive import purge, read, redrive

NOWHERE = "127.0.0.1:1"
ANYTHING = LetterFilter()


@pytest.fixture
async def settings(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str) -> Settings:
    settings = parse(
        environ={
            "ITHACA_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "ITHACA_KAFKA__PREFIX": prefix,
            "ITHACA_KAFKA__PARTITIONS": "2",
            "ITHACA_STATE__URL": valkey.url,
            "ITHACA_STATE__PREFIX": prefix,
        }
    )
    await create_topics(settings.kafka, [DEAD, RESOLUTIONS, EXPIRED, TIER])
    return settings


def a_letter(number: int, age_s: float = 10, reason: DeadReason = DeadReason.EXHAUSTED) -> DeadLetter:
    """Give the letter of a request that was issued so long ago, and lives for 300 s."""
    issued_at = datetime.now(UTC) - timedelta(seconds=age_s)
    expires_at = issued_at + timedelta(seconds=300)
    request_id = f"request-{number:012}"
    return a_dead_letter(
        reason=reason,
        at=issued_at + timedelta(seconds=5, milliseconds=number),
        request_id=request_id,
        request=structs.replace(REQUEST, request_id=request_id, issued_at=issued_at, expires_at=expires_at),
        starts_at=issued_at,
        deadline_at=expires_at,
        source=f"otp.requests/0/{number}",
    )


async def write(settings: Settings, letters: Sequence[DeadLetter], *raw: bytes) -> None:
    producer = KafkaProducer(settings.kafka)
    await producer.start()
    records = [(letter.request_id or "", encode(letter)) for letter in letters] + [("", value) for value in raw]
    await asyncio.gather(*(producer.send(DEAD.name, key, value) for key, value in records))
    await producer.stop()


async def values(settings: Settings, topic: Topic) -> list[bytes | None]:
    async with KafkaAdmin(settings.kafka) as admin:
        return [record.value async for record in admin.read(topic.name)]


async def states(settings: Settings) -> list[str]:
    return [letter.state.value for letter in (await read(settings.kafka)).letters]


async def test_letters_are_read_newest_first_and_what_is_none_is_counted(settings: Settings) -> None:
    await write(settings, [a_letter(number) for number in range(5)], b"", b"{", b'{"v": 9}', b"[]")
    queue = await read(settings.kafka)

    assert [letter.dead.request_id for letter in queue.letters] == [f"request-{n:012}" for n in (4, 3, 2, 1, 0)]
    assert queue.broken == 4


async def test_what_lives_goes_to_dispatch_what_does_not_is_told_and_both_are_marked(settings: Settings) -> None:
    await write(settings, [a_letter(1), a_letter(2, age_s=400), a_letter(3, reason=DeadReason.INVALID_NUMBER)])
    done = await redrive(settings, ANYTHING, author="ann")

    (retry,) = [decode(Retry, value) for value in await values(settings, TIER)]
    (expired,) = [decode(Expired, value) for value in await values(settings, EXPIRED)]
    resolutions = [decode(Resolution, value) for value in await values(settings, RESOLUTIONS)]
    assert (retry.request.request_id, retry.source, retry.redriven) == ("request-000000000001", "otp.requests/0/1", 2)
    assert (expired.request_id, expired.reason) == ("request-000000000002", DeadReason.EXHAUSTED)
    assert {(one.state, one.author) for one in resolutions} == {
        (LetterState.REDRIVEN, "ann"),
        (LetterState.EXPIRED, "ann"),
    }
    assert (done.summary.total.redriven, done.summary.total.expired, done.summary.total.refused) == (1, 1, 1)


async def test_dry_run_writes_nothing(settings: Settings) -> None:
    await write(settings, [a_letter(1), a_letter(2, age_s=400)])
    done = await redrive(settings, ANYTHING, author="ann", dry=True)
    look = await purge(settings, ANYTHING, author="ann", dry=True)

    assert (done.summary.total.redriven, done.summary.total.expired, look.purged) == (1, 1, 2)
    assert [await values(settings, topic) for topic in (TIER, EXPIRED, RESOLUTIONS)] == [[], [], []]


async def test_limit_counts_what_is_done_and_not_what_is_refused(settings: Settings) -> None:
    hopeless = [a_letter(number, reason=DeadReason.INVALID_NUMBER) for number in (8, 9)]
    await write(settings, [a_letter(1), a_letter(2), a_letter(3), *hopeless])
    done = await redrive(settings, ANYTHING, author="ann", limit=2)

    assert (done.summary.total.redriven, done.summary.total.refused) == (2, 2)
    assert await states(settings) == ["open", "open", "redriven", "redriven", "open"]


async def test_purged_letters_are_not_redriven_and_others_stay(settings: Settings) -> None:
    await write(settings, [a_letter(1), a_letter(2)])
    purged = await purge(settings, LetterFilter(name="request-000000000001"), author="ann")
    again = await purge(settings, LetterFilter(name="request-000000000001"), author="ann")
    done = await redrive(settings, ANYTHING, author="ann")

    assert (purged.purged, again.purged, again.done_before) == (1, 0, {"purged": 1})
    assert (done.summary.total.redriven, done.summary.done_before) == (1, {"purged": 1})
    assert len(await values(settings, TIER)) == 1


async def test_purge_of_what_was_shown_leaves_what_has_died_since(settings: Settings) -> None:
    await write(settings, [a_letter(1)])
    shown = await read(settings.kafka)
    await write(settings, [a_letter(2)])
    purged = await purge(settings, ANYTHING, author="ann", queue=shown)

    assert purged.purged == 1
    assert await states(settings) == ["open", "purged"]


async def test_redrive_and_purge_of_nothing_do_nothing(settings: Settings) -> None:
    nowhere = replace(settings, state=replace(settings.state, url=f"valkey://{NOWHERE}/0"))
    assert (await redrive(nowhere, ANYTHING, author="ann")).summary.total.found == 0
    assert (await purge(nowhere, ANYTHING, author="ann")).purged == 0


async def test_without_the_store_nothing_is_redriven_since_it_could_be_sent_twice(settings: Settings) -> None:
    await write(settings, [a_letter(1)])
    nowhere = replace(settings, state=replace(settings.state, url=f"valkey://{NOWHERE}/0"))
    with pytest.raises(StoreAway, match=r"could send twice, so nothing was done: check state\.url"):
        await redrive(nowhere, ANYTHING, author="ann")

    assert await states(settings) == ["open"]
    assert await values(settings, TIER) == []


async def test_without_kafka_it_is_named(settings: Settings) -> None:
    nowhere = replace(settings, kafka=replace(settings.kafka, bootstrap=NOWHERE))
    with pytest.raises(BrokerAway, match="Kafka"):
        await read(nowhere.kafka)


async def test_letters_are_read_where_nothing_was_ever_done_with_any(settings: Settings, prefix: str) -> None:
    """The topic of resolutions comes with the first process that is new enough to make it."""
    old = replace(settings, kafka=replace(settings.kafka, prefix=f"{prefix}old."))
    await create_topics(old.kafka, [DEAD])
    await write(old, [a_letter(1)])

    assert await states(old) == ["open"]
