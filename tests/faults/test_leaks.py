"""Codes and numbers are known to handsets and to nobody else: no topic, no key in Valkey, no log holds one."""

from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Final

import pytest

from pipeline.records.topics import DEAD, REQUESTS, TOPICS
from pipeline.settings import StateSettings
from tests.faults.drill import Drill, broken, drill, log
from tests.faults.mischief import (
    OWN_CODE,
    REFUSED_PREFIX,
    Known,
    ask_for_codes,
    call_back,
    mistakes_at_the_door,
    poison,
    read_handsets,
)
from tests.faults.needles import Search, spellings
from workers.embedded.system import HEALTHY
from workers.state.client import Store

SETTINGS: Final = {
    "ITHACA_LOG_LEVEL": "debug",
    "ITHACA_OTP__DIGITS": "10",  # six digits turn up by chance
    "ITHACA_OTP__RESEND_AFTER_S": "1",
    "ITHACA_DISPATCH__SECOND_LOOK_S": "4",
}
# A third of the messages fails, and all of it is reported at once.
BEHAVIOUR: Final = {**HEALTHY, "delivery_share": 0.7, "unreported_failures": 0.0, "receipt_median_s": 0.5}
FAULTS: Final = {
    "garbage": {"share": 0.15, "taken": True},
    "server_error": {"share": 0.3},
    "refuse": {"prefixes": [REFUSED_PREFIX], "error": f"{REFUSED_PREFIX}0 is no number"},
}
WITHIN_S: Final = 60.0


async def _topics(it: Drill, without: Collection[tuple[int, int]]) -> AsyncIterator[tuple[str, bytes]]:
    """Give every record of every topic; not what the test itself has produced in plain."""
    for topic in TOPICS:
        for record in await it.records(topic):
            if topic is REQUESTS and (record.partition, record.offset) in without:
                continue
            headers = b"\n".join(name.encode() + value for name, value in record.headers)
            yield topic.name, b"\n".join([record.key or b"", record.value or b"", headers])


async def _store(it: Drill) -> AsyncIterator[tuple[str, bytes]]:
    """Give every key and value of Valkey."""
    store = Store(StateSettings(url=it.system.valkey.url))
    client = store._client
    async for key in client.scan_iter():
        is_hash = await client.type(key) == b"hash"
        fields = await store.fields(key.decode()) if is_hash else {b"": await store.get(key.decode()) or b""}
        yield "valkey", b"\n".join([key, *(part for field in fields.items() for part in field)])
    await store.close()


def _files(it: Drill) -> list[tuple[str, bytes]]:
    """Give every file but Kafka's data: logs, journals, Valkey's append-only file."""
    data = it.system.folder / "kafka"
    paths = [path for path in it.system.folder.rglob("*") if path.is_file() and not path.is_relative_to(data)]
    return [(str(path.relative_to(it.system.folder)), path.read_bytes()) for path in paths]


async def _metrics(it: Drill) -> AsyncIterator[tuple[str, bytes]]:
    """Give what every process of ours tells Prometheus."""
    for process in it.system.urls.keys() - {"carrier"}:
        yield f"metrics of {process}", (await it.metrics(process)).encode()


async def _enter(it: Drill, known: Known) -> list[bool]:
    """Enter right codes, wrong ones, used ones, and right ones as people write them."""
    entered = []
    for request_id, code in known.codes.items():
        for text in (code[::-1], f"{code[:5]} {code[5:]}", code):
            status, answer = await it.post(f"/v1/otp/{request_id}/verify", {"code": text})
            assert status == 200, answer
            entered.append(answer["verified"])
    return entered


async def _run(it: Drill, known: Known) -> set[tuple[int, int]]:
    """Let everything happen; tell where on `otp.requests` the test itself has put numbers."""
    await it.order(FAULTS)
    ids = await ask_for_codes(it, known)
    assert await it.until(lambda: _knows(it, known, 10), WITHIN_S)
    poisoned = await poison(it, known)
    request_id, code = next(iter(known.codes.items()))
    answers = await mistakes_at_the_door(it, known, code, request_id)
    assert answers == {200, 400, 401, 404, 405, 422}  # 200: a check of an id that nobody knows is not right
    assert await call_back(it, known, ids[0]) == [200, 401]
    assert await it.until(lambda: _sends_again(it, ids), WITHIN_S)
    entered = await _enter(it, known)
    assert True in entered
    await it.drained(WITHIN_S)
    await read_handsets(it, known)
    return poisoned


async def _sends_again(it: Drill, ids: list[str]) -> bool:
    """Ask for another message of each of ten; a machine in a hurry is told to wait first."""
    return 202 in [(await it.post(f"/v1/otp/{one}/resend", {}))[0] for one in ids[:10]]


async def _knows(it: Drill, known: Known, count: int) -> bool:
    await read_handsets(it, known)
    return len(known.codes) >= count


@pytest.mark.parametrize("secret", ["+447700900123", "0123456789", "7418529630"])
def test_every_spelling_is_found_wherever_it_stands(secret: str) -> None:
    search = Search([secret, "+12125550100"])

    for name, spelt in spellings(secret).items():
        for before in (b"", b"x", b"xy", b"xyz"):
            assert search.find("here", before + spelt + b"!"), name
    assert search.find("here", b"447700900124 0123456780 7418529631") == []


async def test_no_code_and_no_number_is_in_any_topic_in_valkey_in_any_log_or_metric(tmp_path: Path, jars: Path) -> None:
    known = Known()
    async with drill(tmp_path, jars, behaviour=BEHAVIOUR, settings=SETTINGS) as it:
        poisoned = await _run(it, known)
        figures = await it.figures()
        triggers = {attempt.trigger for attempt in await it.attempts()}
        dump = [part async for part in _topics(it, poisoned)] + [part async for part in _store(it)]
        dump += [part async for part in _metrics(it)]
    dump += _files(it)  # after the end: it has its last lines too
    places = {where for where, _ in dump}
    log.info("%d parts, %d bytes, %d codes", len(dump), sum(len(text) for _, text in dump), len(known.codes))

    search = Search([*known.numbers, *known.codes.values(), OWN_CODE])
    found = [finding for where, text in dump for finding in search.find(where, text)]

    assert found == []
    assert broken(figures) == {}
    assert OWN_CODE in known.codes.values()
    assert places >= {topic.name for topic in (*TOPICS[:2], DEAD)} | {"valkey", "logs/api.log", "metrics of api"}
    assert triggers >= {"first", "failover", "second_look", "resend"}
