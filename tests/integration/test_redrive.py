"""Dead letters of real dispatchers, worked off with the real command: each person gets one message."""

import asyncio
import os
import secrets
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from pipeline.dead_letters.letters import LetterFilter
from pipeline.errors import DeadReason
from pipeline.message.phone import seal
from pipeline.records import DeadLetter, Expired, OtpRequest, decode, encode
from pipeline.records.topics import DEAD, EXPIRED, REQUESTS
from tests.integration.dispatching import CARRIERS, WITHIN_S, Behind, behind
from workers.embedded.callers_journal import read_carriers
from workers.embedded.carrier.journal import NAME
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.valkey import EmbeddedValkey
from workers.kafka import KafkaAdmin, KafkaProducer
from workers.operator_actions.dead_letters import read
from workers.operator_actions.redrive import redrive

ITHACA: Final = str(Path(sys.executable).with_name("ithaca"))
ROOT: Final = Path(__file__).parents[2]
PEOPLE: Final = 10
UNREACHABLE: Final = {"refuse": {"error": "not_reachable_from_here"}}


@pytest.fixture
async def door(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, tmp_path: Path) -> AsyncIterator[Behind]:
    # Nobody takes receipts here: without this, what takes long is sent again for its silence.
    async with behind(kafka, valkey, prefix, tmp_path / "carriers", ITHACA_DISPATCH__SECOND_LOOK_S="600") as door:
        yield door


def environ(door: Behind) -> dict[str, str]:
    """Give the environment of a process that works on the same Kafka and Valkey."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ITHACA_")}
    return ours | {
        "ITHACA_KAFKA__BOOTSTRAP": door.settings.kafka.bootstrap,
        "ITHACA_KAFKA__PREFIX": door.settings.kafka.prefix,
        "ITHACA_STATE__URL": door.settings.state.url,
        "ITHACA_STATE__PREFIX": door.settings.state.prefix,
    }


async def run(door: Behind, *words: str, cwd: Path = ROOT) -> tuple[int | None, str]:
    """Run a process to its end; give exit code and output."""
    child = await asyncio.create_subprocess_exec(
        *words, cwd=cwd, env=environ(door), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(child.communicate(), WITHIN_S)
    return child.returncode, output.decode()


async def type_(door: Behind, *words: str) -> str:
    """Type a command, and give what it says."""
    code, output = await run(door, ITHACA, "dead-letters", *words, cwd=door.folder)
    assert code == 0, output
    return output


async def ask(door: Behind, *words: str) -> Any:
    """Type a command, and give the object on its last line."""
    return orjson.loads((await type_(door, *words, "--json", "-")).splitlines()[-1])


async def order(door: Behind, faults: dict[str, Any] | None) -> None:
    """Order faults at all carriers, or mend them."""
    for carrier in CARRIERS:
        method = "DELETE" if faults is None else "PUT"
        async with door.http.request(method, f"{door.url}/{carrier}/faults", json=faults) as answer:
            answer.raise_for_status()


async def produce(door: Behind, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(door.settings.kafka)
    await producer.start()
    await asyncio.gather(*(producer.send(topic, "", value) for value in values))
    await producer.stop()


def a_request(door: Behind, number: int, life_s: float = 300) -> OtpRequest:
    request_id, now = secrets.token_urlsafe(16), datetime.now(UTC)
    kid, key = next(iter(door.settings.callers["demo"].seal_keys.items()))
    return OtpRequest(
        request_id=request_id,
        caller="demo",
        to=seal(f"+4477009001{number:02}", caller="demo", request_id=request_id, kid=kid, key=key),
        purpose="login",
        issued_at=now,
        expires_at=now + timedelta(seconds=life_s),
    )


async def die(door: Behind, requests: Sequence[OtpRequest], faults: dict[str, Any]) -> None:
    """Let requests die because all carriers refuse them."""
    await order(door, faults)
    before = len((await read(door.settings.kafka)).letters)
    await produce(door, REQUESTS.name, *map(encode, requests))
    await until(lambda: _letters(door, before + len(requests)))


async def _letters(door: Behind, count: int) -> bool:
    return len((await read(door.settings.kafka)).letters) >= count


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not await condition():
            await asyncio.sleep(0.1)


async def settled(door: Behind) -> None:
    """Wait until dispatch has finished every redriven record."""

    async def finished() -> bool:
        async with KafkaAdmin(door.settings.kafka) as admin:
            groups = await admin.groups()
        return not any(lag for group in groups for place, lag in group.lag.items() if place.topic == "otp.retry.2s")

    await until(finished)


def taken(door: Behind) -> Counter[str]:
    """Count the messages that carriers have taken, by request."""
    rows = read_carriers(door.folder / NAME)
    return Counter(row.request_id for row in rows if row.decision != "refused")


async def records(door: Behind, topic: str) -> list[bytes]:
    async with KafkaAdmin(door.settings.kafka) as admin:
        return [record.value or b"" async for record in admin.read(topic)]


async def test_those_who_still_live_are_sent_once_those_who_do_not_are_told_and_the_hopeless_are_purged(
    door: Behind,
) -> None:
    living = [a_request(door, number) for number in range(5)]
    brief, hopeless = a_request(door, 98, life_s=12), a_request(door, 99)
    await die(door, [brief, *living], UNREACHABLE)
    await die(door, [hopeless], {"refuse": {"error": "opted_out"}})
    await produce(door, REQUESTS.name, b"no JSON")
    await produce(door, DEAD.name, b"no dead letter")
    await until(lambda: _letters(door, 8))
    await order(door, None)

    async def life_is_over() -> bool:
        return bool((await redrive(door.settings, LetterFilter(), author="ann", dry=True)).summary.total.expired)

    await until(life_is_over)
    dry = await ask(door, "redrive", "--dry-run")
    done = await ask(door, "redrive", "--author", "ann")
    await door.arrived(len(living))
    again = await ask(door, "redrive")
    await settled(door)
    messages = taken(door)
    told = [decode(Expired, value).request_id for value in await records(door, EXPIRED.name)]
    look = await ask(door, "purge", "--dry-run")
    purged = await ask(door, "purge", "--yes")
    left = await ask(door, "list")
    everything = await ask(door, "list", "--all")

    assert (dry["redriven"], dry["expired"], dry["refused"], dry["broken"]) == (len(living), 1, 2, 1)
    assert done == dry | {"dry_run": False}
    assert (again["redriven"], again["expired"]) == (0, 0)
    assert again["done_before"] == {"redriven": len(living), "expired": 1}
    assert messages == {request.request_id: 1 for request in living}
    assert told == [brief.request_id]
    assert (look["purged"], purged["purged"], left["found"]) == (2, 2, 0)
    assert Counter(letter["state"] for letter in everything["dead_letters"]) == {
        "redriven": len(living),
        "expired": 1,
        "purged": 2,
    }
    assert "nothing to redrive" in await type_(door, "redrive")


async def test_filters_name_the_letters_that_are_meant_and_what_is_shown_tells_no_secret(door: Behind) -> None:
    requests = [a_request(door, number) for number in range(2)]
    await die(door, requests, UNREACHABLE)
    first, second = requests
    by_country = await ask(
        door, "redrive", "--dry-run", "--country", "GB", "--provider", "carrier-a", "--newer-than", "1h"
    )
    nobody = await ask(door, "redrive", "--dry-run", "--older-than", "1h")
    limited = await ask(door, "redrive", "--limit", "1", "--dry-run")
    shown = await type_(door, "show", first.request_id, "--json", "-")
    await order(door, None)
    one = await ask(door, "redrive", second.request_id)
    await door.arrived(1)
    code, missing = await run(door, ITHACA, "dead-letters", "show", "nobody", cwd=door.folder)
    refused, unconfirmed = await run(door, ITHACA, "dead-letters", "purge", cwd=door.folder)

    assert (by_country["found"], nobody["found"], limited["found"], one["redriven"]) == (2, 0, 1, 1)
    assert set(taken(door)) == {second.request_id}
    assert first.request_id in shown
    assert "would open a new attempt" in shown
    assert [secret for secret in (first.to, first.to.split(".")[3], "+44770090") if secret in shown] == []
    assert (code, "no dead letter of nobody" in missing) == (1, True)
    assert (refused, "nothing was done" in unconfirmed) == (2, True)
    assert (await ask(door, "list"))["found"] == 1


@pytest.mark.parametrize("waits", [True, False], ids=["after dispatch has sent", "before dispatch has sent"])
async def test_redrive_that_was_killed_in_the_middle_and_is_run_again_sends_nothing_twice(
    door: Behind, *, waits: bool
) -> None:
    requests = [a_request(door, number) for number in range(PEOPLE)]
    await die(door, requests, UNREACHABLE)
    await order(door, None)
    # Letters are written in groups of 1, 3, 3 and 3: when the fifth is to be marked, seven were given to dispatch.
    code, output = await run(door, sys.executable, "-m", "tests.integration.killed_redrive", "3", "5")
    if waits:
        await door.arrived(7)
    again = await ask(door, "redrive")
    once_more = await ask(door, "redrive")
    await door.arrived(PEOPLE)
    await settled(door)
    letters = [decode(DeadLetter, value) for value in await records(door, DEAD.name)]

    assert code == -signal.SIGKILL, output
    assert (again["redriven"], again["done_before"]) == (6, {"redriven": 4})
    assert (once_more["redriven"], once_more["done_before"]) == (0, {"redriven": PEOPLE})
    assert taken(door) == {request.request_id: 1 for request in requests}
    assert [letter.reason for letter in letters] == [DeadReason.EXHAUSTED] * PEOPLE
