"""The HTTP door as commands see it: its address, and one caller using it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pipeline.errors import PipelineError, SettingsError
from pipeline.settings import HttpSettings, ReceiptsSettings, Secret, Settings
from workers.cli.callers import key_of
from workers.cli.http import Answer, NoAnswer, ask

_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Refused(PipelineError):
    """The HTTP door did not do what was asked. The text has its reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The HTTP door, used in the name of one caller."""

    url: str
    caller: str
    key: Secret

    async def post(self, path: str, body: object) -> Answer:
        """Ask for something. Raises Refused, and NoAnswer with what to do."""
        answer = await self._ask(path, body)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise self._refused(answer)
        return answer

    async def get(self, path: str) -> Answer | None:
        """Look; none where there is nothing (yet), or nothing of this caller. Raises Refused and NoAnswer."""
        answer = await self._ask(path)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise self._refused(answer)
        return answer

    async def _ask(self, path: str, body: object = None) -> Answer:
        try:
            return await ask(self.url + path, body=body, key=self.key)
        except NoAnswer as error:
            remedy = "start it (`ithaca up`, or `ithaca run api`), or set api.host and api.port to where it is"
            raise NoAnswer(f"the API at {error}; {remedy}") from None

    def _refused(self, answer: Answer) -> Refused:
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return Refused(
                f"the API at {self.url} does not know the key of the caller {self.caller}: "
                f"it must be started with the same callers.{self.caller}.api_key as this command"
            )
        return Refused(f"the API answers {answer.status}: {answer.detail}")


def api_of(settings: Settings, caller: str | None) -> Api:
    """Find the door of a system. Raises SettingsError, and BadParameter for an unknown caller."""
    name, key = key_of(settings, caller)
    url = address(settings.api)
    if url is None:
        raise SettingsError(
            "api.port is 0, a free one that only its process knows: start `ithaca up` in this folder, "
            "name the folder of one that runs (--data), or write the API's port (api.port)"
        )
    return Api(url=url, caller=name, key=key)


def address(server: HttpSettings | ReceiptsSettings) -> str | None:
    """Give the base URL of a server of ours; none when its port is any free one."""
    host = _EVERY_ADDRESS.get(server.host, server.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{server.port}" if server.port else None
