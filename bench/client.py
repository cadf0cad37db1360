"""What the dispatcher is compared with: the same HTTP client, fed from a list, in a process of its own.

`python -m bench.client <plan as JSON>` says `ready` on standard output, sends what a line of standard input asks for
(how many messages), says how long it took, and goes on so until its input ends.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from bench.requests import number
from pipeline.settings import ProviderSettings, Secret
from providers import ADAPTERS
from providers.seam import Provider, Sms

TIMEOUT_S: Final = 10.0
TOKEN: Final = "t" * 110  # as long as a real one


def main() -> None:
    """Read the plan, and work until the input ends."""
    asyncio.run(_work(json.loads(sys.argv[1])))


async def _work(plan: dict[str, Any]) -> None:
    settings = ProviderSettings(
        adapter="carrier",
        base_url=plan["base_url"],
        credential=Secret(plan["credential"].encode()),
        in_flight=plan["in_flight"],
    )
    provider = ADAPTERS[settings.adapter]("carrier-a", settings)
    messages = iter([_message(plan["tag"], turn) for turn in range(plan["count"])])
    _say("ready")
    for line in sys.stdin:  # blocks the event loop: there is nothing to do meanwhile
        began = time.monotonic()
        await _send_all(provider, list(islice(messages, int(line))), plan["in_flight"])
        _say(f"{time.monotonic() - began:.6f}")
    await provider.close()


async def _send_all(provider: Provider, messages: list[Sms], in_flight: int) -> None:
    waiting = iter(messages)
    await asyncio.gather(*(_send_next(provider, waiting) for _ in range(in_flight)))


async def _send_next(provider: Provider, waiting: Iterator[Sms]) -> None:
    for sms in waiting:
        await provider.send(sms)


def _message(tag: str, turn: int) -> Sms:
    return Sms(
        attempt_id=f"{tag}-{turn:07d}-bench-bench.1",
        to=number(turn),
        text=f"{turn:06d} is your Ithaca demo code. Never share it.\n\n@example.com #{turn:06d}",
        sender=None,
        country="GB",
        callback_url=f"http://127.0.0.1:8081/receipts/carrier-a/{TOKEN}",
        reference=TOKEN,
        validity_s=290,
        timeout_s=TIMEOUT_S,
        send_before=float("inf"),
    )


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
