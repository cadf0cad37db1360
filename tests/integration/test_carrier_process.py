"""The simulated carriers as a process of their own."""

import asyncio
import signal
import sys
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientSession

from tests.integration.carriers import TOKEN, a_provider, an_sms
from workers.embedded.carrier.journal import NAME

pytestmark = pytest.mark.processes


async def test_the_command_line_serves_journals_and_stops_on_sigterm(tmp_path: Path) -> None:
    command = ["--carriers", "carrier-a=token-a", "--journal", str(tmp_path), "--delivery-share", "1"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.embedded.carrier", *command, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        url = orjson.loads(await process.stdout.readline())["ready"]
        async with ClientSession() as http, http.get(f"{url}/readyz") as response:
            assert await response.json() == {"carriers": ["carrier-a"]}
        provider = a_provider(url, "carrier-a", TOKEN)
        await provider.send(an_sms())
        await provider.close()
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0

    assert b'"decision":"delivered"' in (tmp_path / NAME).read_bytes()


async def test_what_was_answered_is_in_the_journal_after_kill_9(tmp_path: Path) -> None:
    command = ["--carriers", "carrier-a=token-a", "--journal", str(tmp_path), "--latency-median-s", "0.001"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.embedded.carrier", *command, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    provider = a_provider(orjson.loads(await process.stdout.readline())["ready"], "carrier-a", TOKEN)
    answered: list[str] = []

    async def send(number: int) -> None:
        accepted = await provider.send(an_sms(number))
        answered.append(accepted.message_id)
        if len(answered) == 100:
            process.kill()

    await asyncio.gather(*[send(number) for number in range(400)], return_exceptions=True)
    await process.wait()
    await provider.close()
    journal = (tmp_path / NAME).read_bytes()

    assert len(answered) >= 100
    assert [message_id for message_id in answered if message_id.encode() not in journal] == []
