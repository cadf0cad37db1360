"""How old what the statistics know is, while something goes on."""

import asyncio
import contextlib
from typing import Final, NoReturn

import aiohttp

LOOK_EVERY_S: Final = 0.25
ANSWER_S: Final = 2.0


class Ages:
    """Asks a statistics process again and again. One that does not answer is as old as that lasts."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/readyz"
        self.oldest_s: float | None = None

    async def follow(self) -> NoReturn:
        """Follow until cancelled, from when it first knows something."""
        clock = asyncio.get_running_loop().time
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        heard_at = None
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                age_s = await self._ask(http)
                heard_at = clock() if age_s is not None else heard_at
                if heard_at is not None:
                    self._note((age_s or 0.0) + clock() - heard_at)
                await asyncio.sleep(LOOK_EVERY_S)

    async def _ask(self, http: aiohttp.ClientSession) -> float | None:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with http.get(self._url) as answer:
                age_s: float | None = (await answer.json())["age_s"]
                return age_s
        return None

    def _note(self, age_s: float) -> None:
        self.oldest_s = round(max(age_s, self.oldest_s or 0.0), 3)
