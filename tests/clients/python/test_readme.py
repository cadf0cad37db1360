"""The examples of the client's README, run against the whole system."""

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.clients.python.conftest import API_KEY, CALLER, KID, NUMBER, code_in, direct
from tests.integration.dispatching import WITHIN_S, Behind

README: Final = Path(__file__).parents[3] / "clients" / "python" / "README.md"
EXAMPLES: Final = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def example(name: str, **instead: str) -> Any:
    """Give the function of an example, with other words in place of some of its own."""
    (code,) = (code for code in EXAMPLES if f"def {name}(" in code)
    for given, other in instead.items():
        assert given in code
        code = code.replace(given, other)
    names: dict[str, Any] = {}
    exec(compile(code, README, "exec"), names)  # noqa: S102 - it is ours
    return names[name]


async def test_person_who_asks_once_more_and_enters_the_code_is_signed_in(
    door: Behind, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pressed = iter([True, False])

    async def entered() -> str | None:
        (delivery,) = await door.arrived(1)
        await door.attempts(1)
        return None if next(pressed) else code_in(delivery)

    words = {"https://otp.example.com": url, "the API key of the caller": API_KEY}
    assert await example("sign_in", **words)(NUMBER, entered)
    assert re.search(r"another message in \d+ s", capsys.readouterr().out)


async def test_code_that_is_asked_for_on_kafka_arrives(door: Behind) -> None:
    kafka = door.settings.kafka
    words = {"kafka.example.com:9092": kafka.bootstrap, 'kid="demo-1"': f'kid="{KID}", prefix="{kafka.prefix}"'}
    request = await example("send", **words)(NUMBER, door.settings.callers[CALLER].seal_keys[KID].reveal())

    assert await door.handed_over(1) == [request.request_id]


async def test_what_was_refused_is_shown(door: Behind, capsys: pytest.CaptureFixture[str]) -> None:
    said = ""
    async with direct(door) as client, asyncio.timeout(WITHIN_S):
        request = await client.ask("+440000000", purpose="login")
        watching = asyncio.create_task(example("watch")(client))
        while f"{request.request_id} invalid_number `to` " not in said:
            await asyncio.sleep(0.05)
            said += capsys.readouterr().out
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
