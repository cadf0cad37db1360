"""One question to one of our HTTP servers: JSON there, JSON back."""

from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from pipeline.errors import PipelineError
from pipeline.settings import Secret

ANSWER_S: Final = 10.0


class NoAnswer(PipelineError):
    """A server did not answer. The text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said."""

    status: int
    document: dict[str, Any]  # empty where it was no JSON object

    @property
    def detail(self) -> str:
        """What is wrong, in the server's words (RFC 9457)."""
        return str(self.document.get("detail") or self.document.get("status") or "no reason given")


async def ask(url: str, *, body: object = None, key: Secret | None = None, within_s: float = ANSWER_S) -> Answer:
    """GET an address, or POST a body to it. Raises NoAnswer."""
    headers = {"Authorization": f"Bearer {key.reveal().decode()}"} if key else {}
    data = None if body is None else orjson.dumps(body)
    timeout = aiohttp.ClientTimeout(total=within_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.request("GET" if data is None else "POST", url, data=data) as response,
        ):
            return Answer(status=response.status, document=_object(await response.read()))
    except (aiohttp.ClientError, TimeoutError) as error:
        place = "/".join(url.split("/", 3)[:3])  # a path may hold a number
        raise NoAnswer(f"{place} does not answer ({type(error).__name__})") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
