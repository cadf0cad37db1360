"""The whole system on one machine: Kafka, Valkey, simulated carriers, and our own processes, in the order they need."""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import aiohttp

from pipeline.incidents.happenings import restarting
from pipeline.settings import Secret, Settings
from pipeline.settings.layers import CONFIG, PREFIX
from pipeline.settings.parse import parse
from workers.embedded.endings import LOOP
from workers.embedded.jars import Progress, quiet
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.ports import LOOPBACK, choose_ports
from workers.embedded.process import ProcessSpec
from workers.embedded.readiness import http_ready
from workers.embedded.running import Running, forget, told
from workers.embedded.supervisor import OnChange, ProcessStatus, State, Supervisor, unwatched
from workers.embedded.telling import tell
from workers.embedded.valkey import EmbeddedValkey

PORTS: Final = ("api", "receipts", "carrier", "ops")  # of HTTP servers with an address that others must know
HEALTHY: Final = {"delivery_share": 1.0, "unreported_deliveries": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the system consists of."""

    brokers: Literal[1, 3] = 1
    dispatchers: int = 2
    stats: int = 1
    ports: Mapping[str, int] = field(default_factory=dict)  # fixed ones: kafka, valkey, api, receipts, carrier, ops
    behaviour: Mapping[str, float] = field(default_factory=dict)  # of the carriers, by the names of their options
    seed: int = 1  # of the carriers
    settings: Mapping[str, str] = field(default_factory=dict)  # ITHACA_... variables for our processes


class System:
    """Owns a folder with all data, logs and journals. A later run on the same folder goes on with what was there."""

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path,
        settings: Settings,
        environ: Mapping[str, str],
        shape: Shape | None = None,
        on_change: OnChange = unwatched,
        progress: Progress = quiet,
    ) -> None:
        self.folder = folder.absolute()
        self.shape = shape or Shape()
        self.settings = settings
        self._environ = environ
        self._on_change = on_change
        fixed = self.shape.ports
        self.kafka = EmbeddedKafka(
            self.folder / "kafka",
            cache=cache,
            brokers=self.shape.brokers,
            ports=[fixed["kafka"]] if "kafka" in fixed else (),
            progress=progress,
        )
        self.valkey = EmbeddedValkey(self.folder / "valkey", port=fixed.get("valkey"))
        self._telling: list[asyncio.Task[None]] = []  # of incidents
        self.journal_key = Secret(secrets.token_hex().encode())
        self.urls: dict[str, str] = {}  # name of each process with an HTTP server -> base URL, known when it runs

    @property
    def logs(self) -> Path:
        """Where every process writes its log."""
        return self.folder / "logs"

    @property
    def carriers_journal(self) -> Path:
        """What reached the carriers."""
        return self.folder / "journals" / "carrier.jsonl"

    @property
    def callers_journal(self) -> Path:
        """What the callers were answered."""
        return self.folder / "journals" / "callers.jsonl"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Supervisor]:
        """Start everything, and stop it in order at the end. Raises EmbeddedError."""
        with contextlib.ExitStack() as held:
            kafka = await self.kafka.prepare()
            held.callback(self.kafka.release)
            valkey = self.valkey.prepare()
            held.callback(self.valkey.release)
            forget(self.folder)
            self._choose_addresses()
            stages = [[*kafka, valkey, self._carrier()], self._workers()]
            supervisor = Supervisor(stages, logs=self.logs, on_change=self._changed)
            held.callback(self._stop_telling)
            async with supervisor.running():
                with told(self.folder, Running(pid=os.getpid(), urls=self.urls, environ=self._environ_beside())):
                    yield supervisor

    def _stop_telling(self) -> None:
        for task in self._telling:
            task.cancel()

    def environ(self) -> dict[str, str]:
        """Give the environment of our processes, with the variables by which they find the parts of this system."""
        return {**self._environ, **self._ours()}

    def _changed(self, status: ProcessStatus) -> None:
        """Pass a change on; a process that ends again and again is an incident."""
        if status.state is State.WAITING and status.alike == LOOP:
            self._telling.append(asyncio.create_task(self._tell(status.name, status.why or "ended")))
        self._on_change(status)

    async def _tell(self, name: str, why: str) -> None:
        await tell(parse(environ=self.environ()).kafka, restarting(name, LOOP, why, datetime.now(UTC)))

    def _environ_beside(self) -> dict[str, str]:
        """Give the variables for `ithaca` commands that are run beside it: no secret, and no phone number.

        Of the variables from outside only those that settings were read from: what a reference names is a secret.
        """
        origins = self.settings.origins
        read = {CONFIG, *origins.values()} - {origins.get("otp.test_numbers")}
        outside = {name: value for name, value in self._environ.items() if name.startswith(PREFIX) and name in read}
        return {**outside, **self._ours()}

    def _ours(self) -> dict[str, str]:
        ours = {
            "ITHACA_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "ITHACA_KAFKA__REPLICATION": str(self.shape.brokers),
            "ITHACA_KAFKA__MIN_INSYNC": str(2 if self.shape.brokers > 1 else 1),
            "ITHACA_KAFKA__SESSION_TIMEOUT_S": "6",
            "ITHACA_STATE__URL": self.valkey.url,
            "ITHACA_API__PORT": self._port("api"),
            "ITHACA_OPS__PORT": self._port("ops"),
            "ITHACA_RECEIPTS__PORT": self._port("receipts"),
            "ITHACA_RECEIPTS__PUBLIC_URL": self.urls["receipts"],
        }
        for name in self._carriers():
            variable = name.upper().replace("-", "_")
            ours[f"ITHACA_PROVIDERS__{variable}__BASE_URL"] = f"{self.urls['carrier']}/{name}"
        return {**ours, **self.shape.settings}

    async def order_faults(self, carrier: str, orders: Mapping[str, object] | None) -> None:
        """Order faults at a carrier (`PUT /faults`), or clear them."""
        url = f"{self.urls['carrier']}/{carrier}/faults"
        async with aiohttp.ClientSession() as session:
            method = "DELETE" if orders is None else "PUT"
            async with session.request(method, url, json=orders) as answer:
                answer.raise_for_status()

    def _choose_addresses(self) -> None:
        fixed = self.shape.ports
        chosen = choose_ports(self.folder / "ports.json", len(PORTS), [fixed[name] for name in PORTS if name in fixed])
        names = sorted(PORTS, key=lambda name: name not in fixed)
        self.urls = {name: f"http://{LOOPBACK}:{port}" for name, port in zip(names, chosen, strict=True)}

    def _port(self, name: str) -> str:
        return self.urls[name].rpartition(":")[2]

    def _carriers(self) -> dict[str, str]:
        """Give the simulated carriers among the providers, with their credentials."""
        return {
            name: provider.credential.reveal().decode() if provider.credential else ""
            for name, provider in self.settings.providers.items()
            if provider.adapter == "carrier"
        }

    def _carrier(self) -> ProcessSpec:
        accounts = ",".join(f"{name}={credential}" for name, credential in self._carriers().items())
        options = {
            "carriers": accounts,
            "journal": str(self.carriers_journal.parent),
            "journal-key": self.journal_key.reveal().decode(),
            "port": self._port("carrier"),
            "seed": str(self.shape.seed),
            **{name.replace("_", "-"): str(value) for name, value in self.shape.behaviour.items()},
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
        return ProcessSpec(
            name="carrier",
            argv=(sys.executable, "-m", "workers.embedded.carrier", *arguments),
            ready=http_ready(f"{self.urls['carrier']}/readyz"),
            env=dict(self._environ),
        )

    def _workers(self) -> list[ProcessSpec]:
        return [
            self._worker("api", "api", self.urls["api"]),
            self._worker("receipts", "receipts", self.urls["receipts"]),
            self._worker("ops", "ops", self.urls["ops"]),
            *(self._numbered("dispatch", number) for number in range(1, self.shape.dispatchers + 1)),
            *(self._numbered("stats", number) for number in range(1, self.shape.stats + 1)),
        ]

    def _numbered(self, worker: str, number: int) -> ProcessSpec:
        name = f"{worker}-{number}"
        (port,) = choose_ports(self.folder / f"{name}.port.json", 1)
        self.urls[name] = f"http://{LOOPBACK}:{port}"
        return self._worker(name, worker, self.urls[name], ITHACA_ADMIN__PORT=str(port))

    def _worker(self, name: str, worker: str, url: str, **more: str) -> ProcessSpec:
        return ProcessSpec(
            name=name,
            argv=(sys.executable, "-m", "workers", "run", worker),
            ready=http_ready(f"{url}/readyz"),
            env={**self.environ(), **more},
        )
