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
from redis.exceptions import RedisError

from pipeline.errors import StoreAway
from pipeline.settings import StateSettings
from workers.log import get_log

CONNECTIONS: Final = 64  # of one process; the server shares one fsync among the calls of all of them
PROBE_EVERY_S: Final = 0.25  # while the store is away
# After it is back, for every process to notice (a probe and a connection: 1.5 s) and to write the rows that it owes
# (100,000 at most, 500 in 10 ms).
SETTLE_S: Final = 5.0
SCRIPTS: Final = ("claim", "renew", "outcome", "seen", "receipt", "report", "ask_again", "try_code", "consume", "epoch")
REPEATABLE: Final = frozenset({"claim", "renew", "outcome", "seen", "receipt", "report"})  # twice is as good as once
FROZEN: Final = 2.0  # times its limit that a call takes only when the whole process stood still

log = get_log("state")


class Store:
    """Valkey, or any server that speaks its protocol. Every call raises StoreAway when it does not answer in time.

    After a failure all calls fail at once, while a probe asks every 250 ms. When the store is back calls go through,
    and `when_back` is called to write what was missed.
    """

    def __init__(self, settings: StateSettings) -> None:
        self.prefix = settings.prefix
        self.keep_ms = settings.keep_s * 1000
        self.available = True
        self._timeout_s = settings.timeout_s
        self.operations: Counter[str] = Counter()  # by script or command, each question of a batch by itself
        self.when_answered: Callable[[float], None] = lambda _: None  # told how many seconds a call took
        self.when_back: list[Callable[[], Awaitable[None]]] = []
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
        folder = files("workers.state") / "scripts"
        self._scripts: dict[str, AsyncScript] = {
            name: self._client.register_script((folder / f"{name}.lua").read_text()) for name in SCRIPTS
        }

    @property
    def settling(self) -> bool:
        """Tell whether it came back a moment ago: a row that is missing may be one that is still to be written."""
        return time.monotonic() < self._settled_at

    async def run(self, script: str, *args: bytes | str | int, questions: int = 1) -> Any:
        """Run a script, which may carry several questions. Raises StoreAway."""
        if not self.available:
            raise StoreAway("the state store does not answer")
        self.operations[script] += questions
        return await self._guarded(script, args)

    async def get(self, key: str) -> bytes | None:
        """Read one plain value. Raises StoreAway."""
        value: bytes | None = await self._plain("get", self.prefix + key)
        return value

    async def fields(self, key: str) -> dict[bytes, bytes]:
        """Read a whole hash. Raises StoreAway."""
        fields: dict[bytes, bytes] = await self._plain("hgetall", self.prefix + key)
        return fields

    async def put_if_new(self, key: str, value: bytes, life_ms: int) -> bytes | None:
        """Write a value unless there is one, and give the one there was. Raises StoreAway."""
        options = {"nx": True, "get": True, "px": life_ms}
        held: bytes | None = await self._plain("set", self.prefix + key, value, **options)
        return held

    async def replace(self, key: str, value: bytes) -> None:
        """Write a value that stays. Raises StoreAway."""
        await self._plain("set", self.prefix + key, value)

    async def identity(self) -> tuple[str, bool]:
        """Tell the server's run id, and whether it keeps every write across a crash. Raises StoreAway."""
        info = await self._plain("info", "server")
        try:
            config = await self._client.config_get("appendonly", "appendfsync")
        except RedisError:  # managed servers refuse CONFIG: believe the worse
            config = {}
        durable = config.get("appendonly") == "yes" and config.get("appendfsync") == "always"
        return str(info["run_id"]), durable

    async def close(self) -> None:
        """Stop probing and close the connections."""
        if self._probe:
            self._probe.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probe
        await self._client.aclose()

    async def _plain(self, command: str, *args: Any, **options: Any) -> Any:
        if not self.available:
            raise StoreAway("the state store does not answer")
        self.operations[command] += 1
        try:
            return await self._timed(getattr(self._client, command)(*args, **options))
        except (RedisError, OSError) as error:
            raise self._away(error) from None

    async def _timed(self, call: Awaitable[Any]) -> Any:
        asked_at = time.monotonic()
        answer = await call
        self.when_answered(time.monotonic() - asked_at)
        return answer

    async def _guarded(self, script: str, args: Sequence[bytes | str | int], *, again: bool = True) -> Any:
        """Run a script, once more where it was this process that did not listen.

        A process that was frozen wakes up to time limits that are over. The store is not away then, and to go on
        without claims would send what another process has taken over.
        """
        asked_at = time.monotonic()
        try:
            return await self._timed(self._scripts[script](args=[self.prefix, self.keep_ms, *args]))
        except (RedisError, OSError) as error:
            frozen = time.monotonic() - asked_at > FROZEN * self._timeout_s
            if not (again and frozen and script in REPEATABLE):
                raise self._away(error) from None
        return await self._guarded(script, args, again=False)

    def _away(self, error: Exception) -> StoreAway:
        if self.available:
            self.available = False
            log.warning("store.away", error_type=type(error).__name__)
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._wait_until_back())
        return StoreAway(f"the state store does not answer ({type(error).__name__})")

    async def _wait_until_back(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            with contextlib.suppress(RedisError, OSError):
                # The old connections are dead, and each of them would look like a store that is away again.
                await self._client.connection_pool.disconnect(inuse_connections=False)
                await self._client.ping()
                self._settled_at = time.monotonic() + SETTLE_S
                self.available = True
                await self._catch_up()
            if self.available:  # nothing failed while what was missed was written
                log.info("store.back")
                return

    async def _catch_up(self) -> None:
        for callback in self.when_back:
            try:
                await callback()
            except StoreAway:
                return
            except Exception:
                log.exception("store.catch_up_failed")
