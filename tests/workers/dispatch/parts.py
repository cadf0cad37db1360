"""A dispatcher on real Valkey, whose providers and topics do what a test says."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from msgspec import structs

from pipeline.dispatch.choice import choose, point_of
from pipeline.errors import ProviderError
from pipeline.message.phone import seal
from pipeline.records import Attempt, DeadLetter, OtpRequest, RefusedRequest, Retry, Route, decode, encode
from pipeline.records.topics import ATTEMPTS, DEAD, REFUSED, REQUESTS, ROUTES
from pipeline.settings import Settings
from pipeline.settings.parse import parse
from providers.seam import Accepted, Callback, ProviderReceipt, Sms
from tests.samples import a_table
from workers.dispatch.accounts import Accounts
from workers.dispatch.dispatcher import Dispatcher
from workers.dispatch.handover import HandOver
from workers.dispatch.unsealer import Unsealer
from workers.loop import Record
from workers.metrics import Metrics
from workers.metrics.definitions import of
from workers.state.claims import Claims
from workers.state.client import Store

NUMBER = "+447700900123"
SETTINGS = parse()
GAP_S = SETTINGS.otp.resend_after_s  # before a person may ask for another message
CALLER = "demo"
KID, KEY = next(iter(SETTINGS.callers[CALLER].seal_keys.items()))


class ScriptedProvider:
    """Answers with what was put on, and accepts when nothing was."""

    adapter: ClassVar[str] = "scripted"

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[Sms] = []
        self.answers: deque[ProviderError] = deque()

    async def send(self, sms: Sms) -> Accepted:
        self.sent.append(sms)
        await asyncio.sleep(0)
        if self.answers:
            raise self.answers.popleft()
        return Accepted(message_id=f"{self.name}-{len(self.sent)}")

    async def receive(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        raise NotImplementedError

    async def close(self) -> None:
        pass


class Topics:
    """Remembers what was produced, acknowledged at once."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, bytes]] = []

    def send(self, topic: str, key: str, value: bytes) -> Awaitable[Any]:
        self.records.append((topic, key, value))
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def attempts(self) -> list[Attempt]:
        return [decode(Attempt, value) for topic, _, value in self.records if topic == ATTEMPTS.name]

    def refused(self) -> list[RefusedRequest]:
        return [decode(RefusedRequest, value) for topic, _, value in self.records if topic == REFUSED.name]

    def dead(self) -> list[DeadLetter]:
        return [decode(DeadLetter, value) for topic, _, value in self.records if topic == DEAD.name]

    def retries(self) -> list[tuple[str, Retry]]:
        return [(topic, decode(Retry, value)) for topic, _, value in self.records if topic.startswith("otp.retry")]


class SetClock:
    """Broker time that a test moves."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class World:
    """One dispatcher and all around it."""

    store: Store
    settings: Settings = SETTINGS
    owner: str = "one"
    topics: Topics = field(default_factory=Topics)
    clock: SetClock = field(default_factory=SetClock)
    providers: dict[str, ScriptedProvider] = field(default_factory=dict)
    offset: int = 0
    permit_wait_s: float = 0.05
    metrics: Metrics = field(default_factory=lambda: Metrics(of("dispatch")))

    def __post_init__(self) -> None:
        self.providers = self.providers or {name: ScriptedProvider(name) for name in self.settings.providers}
        self.claims = Claims(self.store, owner=self.owner, lease_s=self.settings.dispatch.lease_s)
        self.accounts = Accounts(self.settings, self.providers, permit_wait_s=self.permit_wait_s)
        unsealer = Unsealer(settings=self.settings)
        self.dispatcher = Dispatcher(
            self.settings,
            producer=self.topics,
            claims=self.claims,
            accounts=self.accounts,
            unsealer=unsealer,
            hand_over=HandOver(self.settings, "config", unsealer, self.claims, self.clock),
            clock=self.clock,
            metrics=self.metrics,
        )

    def twin(self, **changes: Any) -> "World":
        """Give another dispatcher on the same store, providers and topics."""
        return replace(self, owner="two", **changes)

    def with_providers(self, count: int) -> "World":
        """Give another dispatcher whose countries have so many providers."""
        names = list(self.settings.providers)[:count]
        return replace(self, settings=replace(self.settings, routes={"*": dict.fromkeys(names, 100.0 / count)}))

    def first_of(self, request_id: str) -> ScriptedProvider:
        """Give the provider that the first attempt of a request goes to while all are well."""
        shares = self.accounts.eligible("GB", (), again=True, rescue=False).shares
        return self.providers[choose(shares, (), point_of(request_id, 1)) or ""]

    def request(self, **changes: Any) -> OtpRequest:
        request_id = changes.pop("request_id", "request-0123456789")
        sealed = seal(changes.pop("number", NUMBER), caller=CALLER, request_id=request_id, kid=KID, key=KEY)
        request = OtpRequest(
            request_id=request_id,
            caller=CALLER,
            to=sealed,
            purpose="login",
            issued_at=self.clock.at,
            expires_at=self.clock.at + timedelta(seconds=300),
        )
        return structs.replace(request, **changes)

    def record(self, value: bytes, topic: str = REQUESTS.name) -> Record:
        self.offset += 1
        stamp_ms = int(self.clock.at.timestamp() * 1000)
        return Record(topic=topic, partition=0, offset=self.offset, key=None, value=value, timestamp_ms=stamp_ms)

    def table(self, *routes: Route, **changes: Any) -> None:
        """Let the dispatcher read a table of these routes, newer than those before."""
        self.offset += 1
        table = a_table(*routes, revision=self.offset, decided_at=self.clock.at, **changes)
        self.accounts.tables.take(self.record(encode(table), ROUTES.name))

    async def ask(self, **changes: Any) -> Record:
        """Handle one request, and give its record."""
        record = self.record(encode(self.request(**changes)))
        await self.dispatcher.handle(record)
        return record

    async def look(self, after_s: float | None = None) -> Record:
        """Handle the newest retry when it is due, or after some seconds, and give its record."""
        topic, retry = self.topics.retries()[-1]
        delay_s = float(topic.rpartition(".")[2].rstrip("s"))
        self.clock.move(delay_s + 0.01 if after_s is None else after_s)
        record = self.record(encode(retry), topic)
        await self.dispatcher.handle(record)
        return record

    def sent(self) -> list[Sms]:
        return [sms for provider in self.providers.values() for sms in provider.sent]
