"""One simulated carrier: takes messages, delivers them to handsets, reports on them."""

import asyncio
import hmac
import os
import re
import time
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, Final

import msgspec
import orjson
from aiohttp import web

from pipeline.settings import Secret
from workers.embedded.carrier import replies
from workers.embedded.carrier.config import Account
from workers.embedded.carrier.fate import Fate, Message, decide
from workers.embedded.carrier.faults import Orders, UnknownOrder, read_orders, show_orders
from workers.embedded.carrier.handsets import Handsets
from workers.embedded.carrier.journal import Journal
from workers.embedded.carrier.reporter import Reporter

_CODE: Final = re.compile(r"(?<!\d)\d{4,10}(?!\d)")
_E164: Final = re.compile(r"\+[1-9]\d{6,14}")


class Carrier:
    """Answers under `/<name>/`. `journal_key` keys the hashes of codes and numbers in the journal."""

    def __init__(
        self,
        name: str,
        account: Account,
        *,
        seed: int,
        journal_key: Secret,
        journal: Journal,
        handsets: Handsets,
        reporter: Reporter,
    ) -> None:
        self.name = name
        self._account = account
        self._bearer = b"Bearer " + account.credential.reveal()
        self._seed = blake2b(f"{seed}\0{name}".encode()).digest()
        self._journal_key = journal_key.reveal()
        self._journal = journal
        self._handsets = handsets
        self._reporter = reporter
        self._orders: Orders = {}
        self._count = 0
        self._ids = os.urandom(6).hex()  # new at each start: no id is ever used twice
        self._loop = asyncio.get_running_loop()

    def routes(self) -> list[web.RouteDef]:
        """Everything under `/<name>/`."""
        return [
            web.post(f"/{self.name}/v1/messages", self.take),
            web.get(f"/{self.name}/v1/account", self.show_account),
            web.get(f"/{self.name}/handsets/{{number}}", self.show_inbox),
            web.get(f"/{self.name}/faults", self.show_faults),
            web.put(f"/{self.name}/faults", self.set_faults),
            web.delete(f"/{self.name}/faults", self.clear_faults),
        ]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/messages`: decide, journal, then answer."""
        arrived, at = time.monotonic(), time.time()
        body = await request.read()
        if not self._knows(request):
            return await self._refuse(HTTPStatus.UNAUTHORIZED, "unauthorized", arrived, at)
        try:
            message = msgspec.convert(orjson.loads(body), Message)
        except (orjson.JSONDecodeError, msgspec.ValidationError):
            return await self._refuse(HTTPStatus.BAD_REQUEST, "bad_request", arrived, at)
        if not _E164.fullmatch(message.to):
            return await self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_number", arrived, at)
        fate = decide(message, self._account.behaviour, self._orders, self._seed)
        message_id = self._next_id()
        self._enact(message, message_id, fate, arrived)
        written = self._journal.append(self._row(message, message_id, fate, arrived, at))
        await asyncio.sleep(arrived + fate.latency_s - time.monotonic())
        await written
        if fate.answer is not None and fate.order is not None:
            return await replies.faulty(request, fate.answer, fate.order, message_id)
        return replies.taken(message_id)

    async def show_account(self, request: web.Request) -> web.Response:
        """`GET /v1/account`: whose credential this is; nothing is sent and nothing journalled."""
        if not self._knows(request):
            return replies.refused(HTTPStatus.UNAUTHORIZED, "unauthorized")
        return web.Response(body=orjson.dumps({"account": self.name}), content_type="application/json")

    def _knows(self, request: web.Request) -> bool:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), self._bearer)

    async def show_inbox(self, request: web.Request) -> web.Response:
        """`GET /handsets/<number>`: what this phone received, newest first."""
        inbox = self._handsets.inbox(self.name, request.match_info["number"])
        return web.Response(body=orjson.dumps({"messages": inbox}), content_type="application/json")

    async def show_faults(self, _: web.Request) -> web.Response:
        """`GET /faults`: what is ordered."""
        return web.Response(body=orjson.dumps(show_orders(self._orders)), content_type="application/json")

    async def set_faults(self, request: web.Request) -> web.Response:
        """`PUT /faults`: exactly these from now on."""
        try:
            self._orders = read_orders(await request.read())
        except UnknownOrder as error:
            return replies.refused(HTTPStatus.BAD_REQUEST, str(error))
        return await self.show_faults(request)

    async def clear_faults(self, request: web.Request) -> web.Response:
        """`DELETE /faults`: all well again."""
        self._orders = {}
        return await self.show_faults(request)

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._ids}{self._count:08x}"

    def _enact(self, message: Message, message_id: str, fate: Fate, arrived: float) -> None:
        """Set the clocks of delivery and receipts. The loop's clock is `time.monotonic()`."""
        if fate.delivered_after_s is not None:
            delivery = partial(self._deliver, message, message_id)
            self._loop.call_at(arrived + fate.delivered_after_s, delivery)
        if message.callback_url is None:
            return
        for report in fate.reports:
            row = {
                "carrier": self.name,
                "message_id": message_id,
                "client_reference": message.client_reference,
                "state": report.state,
                "error": report.error,
            }
            send = partial(self._reporter.report, row, message.callback_url, self._account.credential)
            self._loop.call_at(arrived + report.after_s, send)

    def _deliver(self, message: Message, message_id: str) -> None:
        self._handsets.deliver(
            carrier=self.name,
            to=message.to,
            text=message.text,
            message_id=message_id,
            client_reference=message.client_reference,
            at=time.time(),
        )

    async def _refuse(self, status: int, error: str, arrived: float, at: float) -> web.Response:
        row = {"row": "request", "carrier": self.name, "monotonic": arrived, "at": at, "decision": "refused"}
        await self._journal.append({**row, "refusal": error})
        return replies.refused(status, error)

    def _row(self, message: Message, message_id: str, fate: Fate, arrived: float, at: float) -> dict[str, Any]:
        request_id, _, attempt = message.client_reference.rpartition(".")
        code = _CODE.search(message.text)
        after_s = fate.delivered_after_s
        return {
            "row": "request",
            "carrier": self.name,
            "request_id": request_id,
            "attempt": int(attempt) if attempt.isdecimal() else None,
            "message_id": message_id,
            "code_hmac": self._hash(code[0]) if code else None,
            "number_hmac": self._hash(message.to),
            "monotonic": arrived,
            "at": at,
            "validity_s": message.validity_s,
            "decision": _decision(fate),
            "fault": fate.answer or fate.drop,
            "delivered_at": None if after_s is None else at + after_s,
        }

    def _hash(self, text: str) -> str:
        return hmac.digest(self._journal_key, text.encode(), "sha256").hex()


def _decision(fate: Fate) -> str:
    """One word: refused, delivered, dropped by order, or failed by chance."""
    if not fate.taken:
        return "refused"
    if fate.delivered_after_s is not None:
        return "delivered"
    return "failed" if fate.drop is None else "dropped"
