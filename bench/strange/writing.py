"""A caller that writes strange records beside the traffic, and good ones in strange ways."""

import asyncio
import random
import secrets
import time
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime
from typing import Final

from aiokafka import AIOKafkaProducer

from bench.requests import LIFE
from bench.strange.batches import CODECS, batch, bomb, produce, record
from bench.strange.caller import delete, transacting, transaction
from pipeline.message.phone import seal
from pipeline.proof.idempotency import ID_BYTES
from pipeline.proof.idempotency import request_id as new_id
from pipeline.records import OtpRequest, encode
from pipeline.records.topics import REQUESTS, VERIFICATIONS
from pipeline.reports.figures import Asked
from pipeline.settings import KafkaSettings, Secret, Settings
from workers.embedded.callers_journal import CallersJournal
from workers.embedded.traffic import Plan
from workers.kafka import KafkaAdmin

CALLER: Final = "demo"  # whose codes people enter
ROUND_EVERY_S: Final = 2.0
HANDLED_S: Final = 10.0  # after which requests are handled for certain, and may be deleted
BOMB_MIB: Final = 100
TAKEN: Final = 0  # by the broker


class Caller:
    """Makes requests, and writes none: how they are written is what is strange."""

    def __init__(self, kid: str, key: Secret) -> None:
        self._kid = kid
        self._key = key

    def request(self, number: str) -> OtpRequest:
        """Make a request with a purpose of its own, so that it voids none."""
        request_id = new_id(secrets.token_bytes(ID_BYTES))
        issued_at = datetime.now(UTC)
        return OtpRequest(
            request_id=request_id,
            caller=CALLER,
            to=seal(number, caller=CALLER, request_id=request_id, kid=self._kid, key=self._key),
            purpose=f"strange-{secrets.token_hex(4)}",
            issued_at=issued_at,
            expires_at=issued_at + LIFE,
        )


def caller_of(settings: Settings) -> Caller:
    """Give a caller of the development settings."""
    kid, key = next(iter(settings.callers[CALLER].seal_keys.items()))
    return Caller(kid, key)


class Writing:
    """One run. Requests that count are put into the callers' journal, and among those whose codes people wait for."""

    def __init__(
        self,
        kafka: KafkaSettings,
        caller: Caller,
        journal: CallersJournal,
        waiting: MutableMapping[str, str],
        plan: Plan,
    ) -> None:
        self._kafka = kafka
        self._caller = caller
        self._journal = journal
        self._waiting = waiting
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._bomb = b""
        self._ends: list[tuple[float, dict[int, int]]] = []  # of the requests, and when
        self.taken_back: set[str] = set()  # request ids

    async def run(self, seconds: float) -> None:
        """Write a round every two seconds."""
        self._bomb = await asyncio.to_thread(bomb, BOMB_MIB)
        until = time.monotonic() + seconds
        async with (
            transacting(self._kafka.bootstrap, secrets.token_hex(8)) as producer,
            KafkaAdmin(self._kafka) as admin,
        ):
            while (began := time.monotonic()) < until:
                await self._pack()
                await self._transact(producer)
                await asyncio.gather(*(asyncio.to_thread(self._write, topic, made) for topic, made in self._strange()))
                await self._delete(admin)
                await asyncio.sleep(max(began + ROUND_EVERY_S - time.monotonic(), 0.0))

    async def _pack(self) -> None:
        """Ask for a code packed in each way."""
        for codec in CODECS:
            request, number = self._request()
            self._waiting[request.request_id] = number
            made = batch([record(encode(request), key=request.request_id.encode())], codec=codec)
            taken = await asyncio.to_thread(self._write, REQUESTS.name, made) == TAKEN
            self._note(request, number, taken=taken)

    async def _transact(self, producer: AIOKafkaProducer) -> None:
        """Ask for a code in a transaction, and for one in a transaction that is taken back; report likewise."""
        good, number = self._request()
        bad, _ = self._request()
        self.taken_back.add(bad.request_id)
        self._waiting[good.request_id] = number
        await transaction(producer, REQUESTS.name, [encode(good)])
        self._note(good, number, taken=True)
        await transaction(producer, REQUESTS.name, [encode(bad)], commit=False)
        await transaction(producer, VERIFICATIONS.name, [b"no report"])
        await transaction(producer, VERIFICATIONS.name, [b"no report"] * 3, commit=False)

    def _strange(self) -> Iterator[tuple[str, bytes]]:
        for topic in (REQUESTS.name, VERIFICATIONS.name):
            yield topic, batch([record(b"a header that is no UTF-8", header=b"\xff")])
            yield topic, batch([record(b"attributes that there are not", flags=0x80)])
            yield topic, batch([record(value, delta=n) for n, value in enumerate(ABSURD)], codec="zstd")
            yield topic, batch([record(bytes(1_100_000))])
        yield REQUESTS.name, self._bomb
        yield VERIFICATIONS.name, self._bomb

    async def _delete(self, admin: KafkaAdmin) -> None:
        """Delete the requests that were handled a while ago."""
        (status,) = await admin.topics([REQUESTS.name])
        self._ends.append((time.monotonic(), dict(status.ends)))
        if self._ends[0][0] <= time.monotonic() - HANDLED_S:
            for partition, end in self._ends.pop(0)[1].items():
                await delete(self._kafka.bootstrap, REQUESTS.name, partition, end)

    def _request(self) -> tuple[OtpRequest, str]:
        number = self._random.choice(self._plan.numbers)
        return self._caller.request(number), number

    def _write(self, topic: str, made: bytes) -> int:
        return produce(self._kafka.bootstrap, topic, self._random.randrange(self._kafka.partitions), made)

    def _note(self, request: OtpRequest, number: str, *, taken: bool) -> None:
        self._journal.write(
            Asked(
                request_id=request.request_id if taken else None,
                answer="accepted" if taken else "refused",
                answered_at=time.time(),
                expires_at=request.expires_at.timestamp() if taken else None,
                number_hmac=self._plan.hash_of(number),
            )
        )


ABSURD: Final = (None, b"", b"\xff\xfe\x00", b"[]", b'{"a":' * 5_000, b'{"v":2}', bytes(100_000))
