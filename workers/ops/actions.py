"""What operators may do from the page: orders, redrives, explanations. Every action bears its operator's name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from pipeline.dead_letters.letters import LetterFilter, public
from pipeline.errors import BrokerAway, DeadReason
from pipeline.orders import Refused
from pipeline.reports.explaining import explain_request
from pipeline.settings.problems import meant
from workers.operator_actions import dead_letters, orders, redrive
from workers.operator_actions.explaining import known_of
from workers.ops.answers import answer
from workers.ops.login import Login, read_object
from workers.web.parts import Parts
from workers.web.problems import Problem, away

FILTERS: Final = ("reason", "provider", "country", "caller", "name")  # of dead letters
LOOKED_BACK: Final = timedelta(hours=2)  # for a request that is to be explained
MOST_LETTERS: Final = 100


class Actions:
    """The handlers. What they refuse names the field that is wrong."""

    def __init__(self, parts: Parts, login: Login) -> None:
        self._settings = parts.settings
        self._clock = parts.clock
        self._login = login

    async def order(self, request: web.Request) -> web.Response:
        """`POST /v1/orders`: 201 with the order, and the shares that will follow."""
        operator = self._login.operator(request, "act")
        document = await read_object(request)
        with _asking_kafka():
            given = await orders.give(self._settings, document, author=operator.name)
        if isinstance(given, Refused):
            raise _refused(given)
        accepted = given.accepted
        found = {"order": accepted.order, "notes": accepted.notes, "outlook": given.outlook}
        return answer(found, HTTPStatus.CREATED)

    async def withdraw(self, request: web.Request) -> web.Response:
        """`DELETE /v1/orders/{order_id}`."""
        self._login.operator(request, "act")
        with _asking_kafka():
            order = await orders.withdraw(self._settings, request.match_info["order_id"])
        if isinstance(order, Refused):
            raise _refused(order, HTTPStatus.NOT_FOUND)
        return answer({"order": order})

    async def letters(self, request: web.Request) -> web.Response:
        """`GET /v1/dead-letters`: the newest ones that a filter in the query means."""
        self._login.operator(request, "look")
        wanted = _wanted(dict(request.query))
        with _asking_kafka():
            queue = await dead_letters.read(self._settings.kafka)
        found = queue.find(wanted)
        shown = [public(letter) for letter in found[:MOST_LETTERS]]
        return answer({"found": len(found), "broken": queue.broken, "dead_letters": shown})

    async def redrive(self, request: web.Request) -> web.Response:
        """`POST /v1/dead-letters/redrive`: filters, and `dry_run` to be told only what would happen."""
        operator = self._login.operator(request, "act")
        document = await read_object(request)
        dry = document.pop("dry_run", False) is not False
        wanted = _wanted(document)
        with _asking_kafka():
            done = await redrive.redrive(self._settings, wanted, author=operator.name, dry=dry)
        return answer(done.document())

    async def explain(self, request: web.Request) -> web.Response:
        """`GET /v1/explain/{request_id}`: why it went this way."""
        self._login.operator(request, "look")
        request_id = request.match_info["request_id"]
        with _asking_kafka():
            known = await known_of(self._settings.kafka, request_id, self._clock.now(), LOOKED_BACK)
        story = explain_request(request_id, known)
        if story is None:
            raise Problem(HTTPStatus.NOT_FOUND, "nothing is known of this request within the last 2 hours")
        return answer(story)


@contextmanager
def _asking_kafka() -> Iterator[None]:
    """Turn a broker that is away into an answer. Raises Problem (503)."""
    try:
        yield
    except BrokerAway as error:
        raise away(str(error)) from None


def _wanted(document: Mapping[str, object]) -> LetterFilter:
    """Read which dead letters are meant. Raises Problem (422)."""
    for name, value in document.items():
        if name not in FILTERS:
            raise _refused(Refused(field="body", text=f"has a field that is not known; {meant(name, list(FILTERS))}"))
        if value is not None and not isinstance(value, str):
            raise _refused(Refused(field=name, text="is no text"))
    given = {name: value for name, value in document.items() if value}
    try:
        return msgspec.convert(given, LetterFilter)
    except msgspec.ValidationError:
        reasons = [reason.value for reason in DeadReason]
        raise _refused(Refused(field="reason", text=f"is not known; {meant(str(given['reason']), reasons)}")) from None


def _refused(refused: Refused, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY) -> Problem:
    return Problem(status, f"{refused.field} {refused.text}", field=refused.field)
