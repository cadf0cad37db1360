"""The ground that a measurement stands on: Kafka, Valkey, a simulated carrier, and dispatchers on request."""

import json
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psutil

from pipeline.settings import KafkaSettings, ProviderSettings, Secret, Settings
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.ports import LOOPBACK, choose_ports
from workers.embedded.process import Process, ProcessSpec
from workers.embedded.readiness import http_ready
from workers.embedded.valkey import EmbeddedValkey

CARRIER: Final = "carrier-a"
# Every code arrives and no receipt comes: there is no receipts process to take one.
SILENT: Final = {"delivery_share": 1.0, "unreported_deliveries": 1.0, "unreported_failures": 1.0}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a measurement runs, and whom it tells how far it is."""

    folder: Path  # for data, logs and journals
    cache: Path  # of Kafka's jars
    settings: Settings
    environ: Mapping[str, str] = field(repr=False)
    tell: Tell = lambda _: None


class Ground:
    """Real servers, without API and receipts."""

    def __init__(self, surroundings: Surroundings, behaviour: Mapping[str, float]) -> None:
        self._around = surroundings
        self._behaviour = {**SILENT, **behaviour}
        self.folder = surroundings.folder.absolute()
        self.kafka = EmbeddedKafka(self.folder / "kafka", cache=surroundings.cache)
        self.valkey = EmbeddedValkey(self.folder / "valkey")
        self.journal_key = Secret(secrets.token_hex().encode())
        self.carrier_pid = 0
        self.carrier_url = ""

    @property
    def journal(self) -> Path:
        """What reached the carrier."""
        return self.folder / "journals" / "carrier.jsonl"

    @asynccontextmanager
    async def standing(self) -> AsyncIterator["Ground"]:
        """Start the servers, and stop them at the end. Raises EmbeddedError."""
        self._around.tell("start Kafka, Valkey and a carrier")
        async with self.kafka, self.valkey:
            (port,) = choose_ports(self.folder / "carrier.port.json", 1)
            self.carrier_url = f"http://{LOOPBACK}:{port}"
            async with self._process(self._carrier(port)) as carrier:
                self.carrier_pid = carrier.pid or 0
                yield self

    @asynccontextmanager
    async def _process(self, spec: ProcessSpec) -> AsyncIterator[Process]:
        """Run one process while the block runs."""
        process = Process(spec, self.folder / "logs" / f"{spec.name}.log")
        try:
            process.spawn()
            await process.wait_ready()
            yield process
        finally:
            await process.stop()

    def kafka_settings(self, prefix: str) -> KafkaSettings:
        """Give the settings of clients; a prefix of its own sets a run apart from the ones before it."""
        return replace(self._around.settings.kafka, bootstrap=self.kafka.bootstrap, prefix=prefix)

    def provider(self, in_flight: int) -> ProviderSettings:
        """Give the settings of the one provider, as the dispatchers have them."""
        provider = self._around.settings.providers[CARRIER]
        return replace(provider, base_url=f"{self.carrier_url}/{CARRIER}", in_flight=in_flight)

    @asynccontextmanager
    async def dispatcher(self, prefix: str, in_flight: int, name: str = "dispatch") -> AsyncIterator[Process]:
        """Run a dispatcher for the topics of this prefix, all of whose codes go through the one provider.

        As many sends are in flight as it is told. It has half as many records more in hand, whose claim comes before
        the send or whose outcome comes after it.
        """
        (port,) = choose_ports(self.folder / f"{name}.port.json", 1)
        provider = self.provider(in_flight)
        ours = {
            "ITHACA_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "ITHACA_KAFKA__PREFIX": prefix,
            "ITHACA_KAFKA__SESSION_TIMEOUT_S": "6",
            "ITHACA_STATE__URL": self.valkey.url,
            "ITHACA_STATE__PREFIX": prefix,
            "ITHACA_DISPATCH__IN_FLIGHT": str(in_flight + in_flight // 2),
            "ITHACA_PROVIDERS__CARRIER_A__BASE_URL": provider.base_url,
            "ITHACA_PROVIDERS__CARRIER_A__IN_FLIGHT": str(in_flight),
            "ITHACA_ROUTES": json.dumps({"*": {CARRIER: 100}}),
            "ITHACA_ADMIN__PORT": str(port),
        }
        spec = ProcessSpec(
            name=name,
            argv=(sys.executable, "-m", "workers", "run", "dispatch"),
            ready=http_ready(f"http://{LOOPBACK}:{port}/readyz"),
            env={**self._around.environ, **ours},
        )
        async with self._process(spec) as process:
            yield process

    def _carrier(self, port: int) -> ProcessSpec:
        credential = self._around.settings.providers[CARRIER].credential
        options = {
            "carriers": f"{CARRIER}={credential.reveal().decode() if credential else ''}",
            "journal": str(self.journal.parent),
            "journal-key": self.journal_key.reveal().decode(),
            "port": str(port),
            **{name.replace("_", "-"): str(value) for name, value in self._behaviour.items()},
        }
        return ProcessSpec(
            name="carrier",
            argv=(
                *(sys.executable, "-m", "workers.embedded.carrier"),
                *(text for name, value in options.items() for text in (f"--{name}", value)),
            ),
            ready=http_ready(f"{self.carrier_url}/readyz"),
            env=dict(self._around.environ),
        )


def cpu_s(pid: int) -> float:
    """Give the user and system seconds that a process has used since its start, in steps of 10 ms."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def machine() -> dict[str, Any]:
    """Tell the size of the machine."""
    return {"cores": psutil.cpu_count() or 0, "memory_gib": round(psutil.virtual_memory().total / 2**30, 1)}
