"""A process to be frozen: two messages over one connection, the second waits for the first."""

import asyncio
import sys

from pipeline.errors import ProviderError
from providers.base import HttpProvider
from providers.seam import Accepted
from tests.providers.contract import a_provider, an_sms


async def main(url: str, within_s: float) -> None:
    async with a_provider("carrier", url, in_flight=1) as provider:
        first = asyncio.create_task(outcome(provider, within_s=60))
        second = asyncio.create_task(outcome(provider, within_s=within_s))
        await asyncio.sleep(0)  # both have begun: the second is in the queue for the connection
        say("waiting")
        say(await first)
        say(await second)


async def outcome(provider: HttpProvider, within_s: float) -> str:
    try:
        accepted: Accepted = await provider.send(an_sms(timeout_s=60, within_s=within_s))
    except ProviderError as error:
        return str(error)
    return accepted.message_id


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
