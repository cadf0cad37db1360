"""The HTTP servers wired for tests: real store and HTTP, and a producer and a clock that tests hold in their hands."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

from pipeline.errors import Outcome
from pipeline.message.codes import CodeBasis, Entry, derive
from pipeline.message.phone import keyed_hash, seal
from pipeline.records import Attempt, OtpRequest, encode
from pipeline.settings import (
    CallerSettings,
    KafkaSettings,
    KeySettings,
    ProviderSettings,
    Secret,
    Settings,
    StateSettings,
)
from workers.api.queue import Queue
from workers.metrics import Metrics
from workers.metrics.definitions import METRICS
from workers.state.checks import Checks
from workers.state.claiming import Claim
from workers.state.claims import Claims
from workers.state.client import Store
from workers.state.receipts import ReceiptRows
from workers.web.parts import Parts
from workers.web.publishing import Publisher

AT_ONCE = 1000  # connections; beyond the usual 128 the kernel lets them wait for seconds
NO_LIMIT = ClientTimeout()
NUMBER = "+447700900123"
ENTRY = Entry(derived="123456", own="123456")  # readable, right or not
SHOP, BANK = {"Authorization": "Bearer shop-key"}, {"Authorization": "Bearer bank-key"}


def settings_for(store_url: str, prefix: str, *, bootstrap: str = "127.0.0.1:1") -> Settings:
    return Settings(
        kafka=KafkaSettings(bootstrap=bootstrap, prefix=prefix, partitions=2, send_timeout_s=2.0),
        # Of a thousand calls at once the last ones wait for the first: on a busy machine longer than the usual second.
        state=StateSettings(url=store_url, prefix=prefix, timeout_s=30.0),
        keys=KeySettings(
            codes={"c1": Secret(b"c" * 32)}, numbers={"n1": Secret(b"n" * 32)}, tokens={"t1": Secret(b"t" * 32)}
        ),
        callers={
            "shop": CallerSettings(api_key=Secret(b"shop-key"), seal_keys={"shop-1": Secret(b"s" * 32)}),
            "bank": CallerSettings(api_key=Secret(b"bank-key"), seal_keys={"bank-1": Secret(b"b" * 32)}),
        },
        providers={
            name: ProviderSettings(adapter="carrier", base_url="http://127.0.0.1:1", credential=Secret(name.encode()))
            for name in ("carrier-a", "carrier-b")
        },
    )


class HeldClock:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def now_ms(self) -> int:
        return int(self._now.timestamp() * 1000)

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class Memory:
    """What would be on the topics. `hangs` never acknowledges, as a broker does that has just gone away."""

    def __init__(self) -> None:
        self.available = True
        self.hangs = False
        self.records: list[tuple[str, str, bytes]] = []

    async def send(self, topic: str, key: str, value: bytes) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.records.append((topic, key, value))

    def on(self, topic: str) -> list[bytes]:
        return [value for name, _, value in self.records if name == topic]


class Door:
    """A running server, its parts, and a client."""

    def __init__(self, settings: Settings, store: Store, client: ClientSession) -> None:
        self.settings = settings
        self.store = store
        self.client = client
        self.clock = HeldClock()
        self.kafka = Memory()
        self.checks = Checks(store, self.clock, settings)
        self.receipt_rows = ReceiptRows(store, self.clock)
        self.publisher = Publisher(self.kafka, settings.kafka.send_timeout_s)
        self.claims = Claims(store, owner="test", lease_s=60.0, now_ms=self.clock.now_ms)
        self.queue = Queue(settings.kafka, settings.otp.ttl_s)
        self.metrics = Metrics(METRICS)  # of every process: one door is now this, now that one
        self.url = ""

    def parts(self) -> Parts:
        return Parts(
            settings=self.settings,
            publisher=self.publisher,
            checks=self.checks,
            receipt_rows=self.receipt_rows,
            clock=self.clock,
            metrics=self.metrics,
        )

    def request(self, request_id: str, *, caller: str = "shop", life_s: int = 300) -> OtpRequest:
        (kid, key) = next(iter(self.settings.callers[caller].seal_keys.items()))
        return OtpRequest(
            request_id=request_id,
            caller=caller,
            to=seal(NUMBER, caller=caller, request_id=request_id, kid=kid, key=key),
            purpose="login",
            issued_at=self.clock.now(),
            expires_at=self.clock.now() + timedelta(seconds=life_s),
        )

    async def dispatched(self, request: OtpRequest, *providers: str) -> str:
        """Leave in the store what a dispatcher leaves that handed the request over once through each; give the code."""
        number_hash = keyed_hash(NUMBER, self.settings.keys.numbers["n1"])
        for number, provider in enumerate(providers or ("carrier-a",), 1):
            claim = Claim(
                request_id=request.request_id,
                number=number,
                resend=0,
                source=f"otp.requests/0/{number}",
                caller=request.caller,
                number_hash=number_hash,
                kid="c1",
                purpose=request.purpose,
                issued_ms=int(request.issued_at.timestamp() * 1000),
                deadline_ms=int(request.expires_at.timestamp() * 1000),
                request=encode(request).decode(),
                own="",
                most=5,
                asked_ms=0,
                gap_ms=0,
            )
            await self.claims.claim(claim)
            await self.claims.store_outcome(claim, number, encode(attempt(request, number, provider)))
        basis = CodeBasis(
            request_id=request.request_id,
            number_hash=number_hash,
            caller=request.caller,
            issued_at=request.issued_at,
        )
        return derive(self.settings.keys.codes["c1"], basis, 6)


def attempt(request: OtpRequest, number: int = 1, provider: str = "carrier-a") -> Attempt:
    return Attempt(
        request_id=request.request_id,
        number=number,
        caller=request.caller,
        provider=provider,
        country="GB",
        number_hash="hash",
        trigger="first" if number == 1 else "failover",
        outcome=Outcome.ACCEPTED,
        segments=1,
        sent_at=request.issued_at.replace(microsecond=0),
        duration_ms=1.0,
        config="config",
    )


def wrong(code: str) -> str:
    return str((int(code) + 1) % 1_000_000).zfill(6)


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Door]:
    """Give a door's parts, with the store there and its epoch settled."""
    async with _door(settings) as door:
        await door.checks.settle()
        yield door


@contextlib.asynccontextmanager
async def storeless_door(prefix: str) -> AsyncIterator[Door]:
    """Give a door's parts, with nothing listening where the store should be."""
    async with _door(settings_for("valkey://127.0.0.1:1/0", prefix)) as door:
        yield door


@contextlib.asynccontextmanager
async def _door(settings: Settings) -> AsyncIterator[Door]:
    store = Store(settings.state)
    try:
        async with ClientSession(connector=TCPConnector(limit=0), timeout=NO_LIMIT) as client:
            yield Door(settings, store, client)
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """Serve on a free port; give the address."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=AT_ONCE).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
