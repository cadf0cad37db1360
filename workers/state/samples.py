"""What the metrics of a process are told of the store."""

from pipeline.state.faults import StoreFault
from workers.metrics import Metrics, Sample
from workers.metrics.definitions import (
    STORE_EPOCHS,
    STORE_FAULTS,
    STORE_OPERATIONS,
    STORE_SECONDS,
    STORE_UNREADABLE,
    STORE_UP,
)
from workers.state.client import Store


def watch_store(store: Store, metrics: Metrics) -> None:
    """Let the metrics have what is asked of the store, and how long it takes."""
    store.when_answered = lambda seconds: metrics.observe(STORE_SECONDS, seconds)
    metrics.watch(lambda: [Sample(STORE_OPERATIONS, count, (name,)) for name, count in store.operations.items()])
    metrics.watch(lambda: [Sample(STORE_UP, store.available)])
    metrics.watch(lambda: [Sample(STORE_FAULTS, fault in store.faults, (fault,)) for fault in StoreFault])
    metrics.watch(lambda: [Sample(STORE_EPOCHS, count, (how,)) for how, count in store.settled.items()])
    metrics.watch(lambda: [Sample(STORE_UNREADABLE, count, (name,)) for name, count in store.unreadable.items()])
