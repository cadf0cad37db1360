"""How a system is: asked of Kafka, the state store and our own processes, all at once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from pipeline.errors import BrokerAway, StoreAway
from pipeline.records.topics import TOPICS
from pipeline.settings import HttpSettings, ReceiptsSettings, Settings, StateSettings
from pipeline.state.faults import StoreFault, faults
from workers.cli.api import address
from workers.cli.http import NoAnswer, ask
from workers.cli.invocation import naming_kafka
from workers.kafka import KafkaAdmin
from workers.state.client import Store

ANSWER_S: Final = 2.0  # of a worker; one that takes longer is as good as away


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic that is there."""

    name: str
    partitions: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A consumer group."""

    name: str
    state: str  # Kafka's word
    members: int
    lag: int  # records beyond the committed positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    """The cluster."""

    bootstrap: str
    fault: str | None = None  # why nothing more is known
    topics: list[Topic] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # topics
    groups: list[Group] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state store."""

    url: str
    answers: bool
    durable: bool | None = None  # whether it keeps every write across a crash
    faults: list[StoreFault] = field(default_factory=list)  # what is no good about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One process."""

    name: str
    url: str
    ready: bool
    figures: Mapping[str, Any] = field(default_factory=dict)  # what it says of itself; nothing when it does not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One account with one provider."""

    name: str
    adapter: str
    shares: Mapping[str, float]  # country or "*" -> configured percent
    breakers: Mapping[str, Any]  # dispatcher -> what is not closed there


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it."""

    kafka: Kafka
    state: State
    workers: list[Worker]
    providers: list[Provider]

    @property
    def well(self) -> bool:
        """Tell whether everything answers and is ready."""
        ready = all(worker.ready and worker.figures.get("door") != "refuses" for worker in self.workers)
        store = self.state.answers and StoreFault.REPLICA not in self.state.faults
        return ready and store and not self.kafka.fault and not self.kafka.missing


async def look(settings: Settings, urls: Mapping[str, str]) -> Overview:
    """Ask everything at once. `urls` are those of processes that are known from elsewhere than the settings."""
    asked = (_worker(name, url) for name, url in {**_urls(settings), **urls}.items())
    kafka, state, workers = await asyncio.gather(_kafka(settings), _state(settings.state), asyncio.gather(*asked))
    return Overview(kafka=kafka, state=state, workers=workers, providers=providers_of(settings, workers))


def _urls(settings: Settings) -> dict[str, str]:
    servers: dict[str, HttpSettings | ReceiptsSettings] = {
        "api": settings.api,
        "receipts": settings.receipts,
        "ops": settings.ops,
        "admin": settings.admin,
    }
    return {name: url for name, server in servers.items() if (url := address(server))}


async def _kafka(settings: Settings) -> Kafka:
    names = [topic.name for topic in TOPICS]
    try:
        with naming_kafka(settings):
            async with KafkaAdmin(settings.kafka) as admin:
                topics, groups = await admin.topics(names), await admin.groups()
    except BrokerAway as error:
        return Kafka(bootstrap=settings.kafka.bootstrap, fault=str(error))
    return Kafka(
        bootstrap=settings.kafka.bootstrap,
        topics=[Topic(name=topic.name, partitions=len(topic.ends), records=topic.records) for topic in topics],
        missing=sorted(set(names) - {topic.name for topic in topics}),
        groups=[
            Group(name=group.name, state=group.state, members=group.members, lag=sum(group.lag.values()))
            for group in groups
        ],
    )


async def _state(settings: StateSettings) -> State:
    store = Store(settings)
    try:
        condition = await store.condition()
    except StoreAway:
        return State(url=settings.url, answers=False)
    finally:
        await store.close()
    return State(url=settings.url, answers=True, durable=condition.durable, faults=sorted(faults(condition, None)))


async def _worker(name: str, url: str) -> Worker:
    try:
        answer = await ask(f"{url}/readyz", within_s=ANSWER_S)
    except NoAnswer:
        return Worker(name=name, url=url, ready=False)
    return Worker(name=name, url=url, ready=answer.status == HTTPStatus.OK, figures=answer.document)


def providers_of(settings: Settings, workers: list[Worker]) -> list[Provider]:
    """Put what the settings say of each provider together with what dispatchers say of its breakers."""
    return [
        Provider(
            name=name,
            adapter=provider.adapter,
            shares={country: shares[name] for country, shares in settings.routes.items() if name in shares},
            breakers={
                worker.name: scopes for worker in workers if (scopes := worker.figures.get("breakers", {}).get(name))
            },
        )
        for name, provider in settings.providers.items()
    ]
