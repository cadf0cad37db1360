"""Workers for the tests of `ithaca run`. Run as a module, this is `ithaca` with them added."""

import asyncio
import sys

from pipeline.errors import PipelineError, SettingsError
from pipeline.settings import Settings
from workers.__main__ import main
from workers.cli.run import WORKERS

SECRET = "hunter2-is-a-secret"


async def polite(_: Settings, stop: asyncio.Event) -> None:
    await stop.wait()


async def stubborn(_: Settings, stop: asyncio.Event) -> None:
    await stop.wait()
    await asyncio.Event().wait()


async def failing(_: Settings, __: asyncio.Event) -> None:
    raise ValueError(SECRET)


async def refused(_: Settings, __: asyncio.Event) -> None:
    raise PipelineError("topic otp.requests has 1 partition; add 7")


async def misconfigured(_: Settings, __: asyncio.Event) -> None:
    raise SettingsError("admin.port: cannot listen on 127.0.0.1:80; write another port")


async def ending(_: Settings, __: asyncio.Event) -> None:
    return


def entry() -> None:
    """Run `ithaca` with these workers added."""
    for worker in (polite, stubborn, failing, refused, misconfigured, ending):
        WORKERS[worker.__name__] = f"tests.workers.sample_workers:{worker.__name__}"
    sys.argv[0] = "ithaca"
    main()


if __name__ == "__main__":
    entry()
