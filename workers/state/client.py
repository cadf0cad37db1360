"""The one place that talks to Valkey: scripts, and whether the store is away."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError, ResponseError

from pipeline.errors import RowUnreadable, StoreAway
from pipeline.settings import StateSettings
from pipeline.state.faults import StoreCondition, StoreFault
from workers.log import get_log
from workers.state.answers import condition_of, is_about_a_row
from workers.state.ending import end

CONNECTIONS: Final = 64  # of one process; the server shares one fsync among the calls of all of them
PROBE_EVERY_S: Final = 0.25  # while the store is away
PROBE_LIFE_MS: Final = 60_000  # of the key that a probe writes
# After it is back, for every process to notice (a probe and a connection: 1.5 s) and to write the rows that it owes
# (100,000 at most, 500 in 10 ms).
SETTLE_S: Final = 5.0
SCRIPTS: Final = ("claim", "renew", "outcome", "seen", "receipt", "report", "ask_again", "try_code", "consume", "epoch")
BEFORE: Final = {  # what scripts share
    "claim": ("each", "spent"),
    **dict.fromkeys(("outcome", "seen", "report"), ("each",)),
    "ask_again": ("settled", "spent"),
    "try_code": ("settled",),
}
REPEATABLE: Final = frozenset(
    {"claim", "renew", "outcome", "seen", "receipt", "report", "consume"}
)  # twice is as good as once
FROZEN: Final = 2.0  # times its limit that a call takes only when the whole process stood still

Arg = bytes | str | int | Callable[[], int]  # one that is called is known when the call leaves, such as the time

log = get_log("state")


class Store:
    """Valkey, or any server that speaks its protocol. Every call raises StoreAway when it does not answer in time.

    A server that takes no writes (a replica after a failover, one that is full) is as good as away.
    After a failure all calls fail at once, while a probe asks every 250 ms. When the store is back calls go through,
    and `when_back` is called to write what was missed.
    A row that cannot be read is no absence: the calls that need it raise RowUnreadable, and no other.
    """

    def __init__(self, settings: StateSettings) -> None:
        self.prefix = settings.prefix
        self.keep_ms = settings.keep_s * 1000
        self.available = True
        self._told_away = False  # one line for an outage, however often it comes back for a moment
        self._timeout_s = settings.timeout_s
        # By script or command, each question of a batch by itself; without those of looks that no request has caused.
        self.operations: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()  # rows that could not be read, by the same
        self.settled: Counter[str] = Counter()  # how the epoch was settled here, other than kept (epoch.py)
        self.faults: frozenset[StoreFault] = frozenset()  # found when it was last looked at (watching.py)
        self.when_answered: Callable[[float], None] = lambda _: None  # told how many seconds a call took
        self.when_back: list[Callable[[], Awaitable[Any]]] = []
        self._probe: asyncio.Task[None] | None = None
        self._settled_at = 0.0
        url = settings.url.replace("valkey://", "redis://").replace("valkeys://", "rediss://")
        password = settings.password.reveal().decode() if settings.password else None
        # A call waits for a free connection; with an error instead, many at once would count as a store that is away.
        pool = BlockingConnectionPool.from_url(
            url,
            password=password,
            max_connections=CONNECTIONS,
            timeout=settings.timeout_s,
            socket_timeout=settings.timeout_s,
            socket_connect_timeout=settings.timeout_s,
            retry=Retry(NoBackoff(), 0),  # a script that was sent may have run: only its caller knows what to do
        )
        self._client: Redis = Redis.from_pool(pool)
        self._scripts: dict[str, AsyncScript] = {name: self._client.register_script(_text(name)) for name in SCRIPTS}

    @property
    def settling(self) -> bool:
        """Tell whether it came back a moment ago: a row that is missing may be one that is still to be written."""
        return time.monotonic() < self._settled_at

    async def run(self, script: str, *args: Arg, questions: int = 1) -> Any:
        """Run a script, which may carry several questions. Raises StoreAway, RowUnreadable."""
        if not self.available:
            raise StoreAway("the state store does not answer")
        self.operations[script] += questions
        return await self._guarded(script, args)

    async def get(self, key: str) -> bytes | None:
        """Read one plain value. Raises StoreAway, RowUnreadable."""
        value: bytes | None = await self._plain("get", self.prefix + key)
        return value

    async def fields(self, key: str) -> dict[bytes, bytes]:
        """Read a whole hash. Raises StoreAway, RowUnreadable."""
        fields: dict[bytes, bytes] = await self._plain("hgetall", self.prefix + key)
        return fields

    async def put_if_new(self, key: str, value: bytes, life_ms: int) -> bytes | None:
        """Write a value unless there is one, and give the one there was. Raises StoreAway, RowUnreadable."""
        options = {"nx": True, "get": True, "px": life_ms}
        held: bytes | None = await self._plain("set", self.prefix + key, value, **options)
        return held

    async def probe(self) -> None:
        """Write something, which a server that takes no writes refuses. Raises StoreAway."""
        await self._plain("set", f"{self.prefix}probe", b"1", px=PROBE_LIFE_MS, questions=0)

    async def condition(self, *, questions: int = 1) -> StoreCondition:
        """Ask the server for what it says of itself. Raises StoreAway."""
        info = await self._plain("info", questions=questions)
        try:
            config = await self._client.config_get("appendonly", "appendfsync", "maxmemory-policy")
        except (RedisError, OSError):  # managed servers refuse CONFIG
            config = {}
        return condition_of(info, config)

    def cannot_read(self, operation: str) -> RowUnreadable:
        """Count a row that cannot be read, and give the error of whoever needs it.

        It is logged each time the count has doubled: many such rows are no flood of lines.
        """
        self.unreadable[operation] += 1
        count = self.unreadable[operation]
        if count & (count - 1) == 0:
            log.warning("store.row_unreadable", operation=operation, count=count)
        return RowUnreadable("the state store holds this row in a form that cannot be read")

    async def close(self) -> None:
        """Stop probing and close the connections."""
        if self._probe:
            await end(self._probe)
        await self._client.aclose()

    async def _plain(self, command: str, *args: Any, questions: int = 1, **options: Any) -> Any:
        if not self.available:
            raise StoreAway("the state store does not answer")
        self.operations[command] += questions
        try:
            return await self._timed(getattr(self._client, command)(*args, **options))
        except (RedisError, OSError) as error:
            raise self._failed(command, error) from None

    async def _timed(self, call: Awaitable[Any]) -> Any:
        asked_at = time.monotonic()
        answer = await call
        self.when_answered(time.monotonic() - asked_at)
        return answer

    async def _guarded(self, script: str, args: Sequence[Arg], *, again: bool = True) -> Any:
        """Run a script, once more where it was this process that did not listen.

        A process that was frozen wakes up to time limits that are over. The store is not away then, and to go on
        without claims would send what another process has taken over.
        """
        asked_at = time.monotonic()
        sent = [arg() if callable(arg) else arg for arg in args]
        try:
            return await self._timed(self._scripts[script](args=[self.prefix, self.keep_ms, *sent]))
        except (RedisError, OSError) as error:
            answered = isinstance(error, ResponseError)
            frozen = not answered and time.monotonic() - asked_at > FROZEN * self._timeout_s
            if not (again and frozen and script in REPEATABLE):
                raise self._failed(script, error) from None
        return await self._guarded(script, args, again=False)

    def _failed(self, operation: str, error: Exception) -> StoreAway:
        return self.cannot_read(operation) if is_about_a_row(error) else self._away(error)

    def _away(self, error: Exception) -> StoreAway:
        self.available = False
        if not self._told_away:
            self._told_away = True
            log.warning("store.away", error_type=type(error).__name__)
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._wait_until_back())
        return StoreAway(f"the state store does not answer ({type(error).__name__})")

    async def _wait_until_back(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            with contextlib.suppress(RedisError, OSError):
                # The old connections are dead or lead to what was the primary, and each of them would look like a
                # store that is away again. A server that only answers is not back: it may be a replica.
                await self._client.connection_pool.disconnect(inuse_connections=False)
                await self._client.set(f"{self.prefix}probe", b"1", px=PROBE_LIFE_MS)
                self._settled_at = time.monotonic() + SETTLE_S
                self.available = True
                await self._catch_up()
            if self.available:  # nothing failed while what was missed was written
                self._told_away = False
                log.info("store.back")
                return

    async def _catch_up(self) -> None:
        for callback in self.when_back:
            try:
                await callback()
            except RowUnreadable:  # one row's own: it was said, and the others are to come
                continue
            except StoreAway:
                return
            except Exception:
                log.exception("store.catch_up_failed")


def _text(script: str) -> str:
    folder = files("workers.state") / "scripts"
    names = (*BEFORE.get(script, ()), script)
    return "".join((folder / f"{name}.lua").read_text() for name in names)
