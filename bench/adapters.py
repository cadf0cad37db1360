"""What an adapter costs, and what forged callbacks cost: over the recorded bytes of the contract tests, without I/O."""

import secrets
import string
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any, Final

from multidict import CIMultiDict

from bench.ground import Surroundings, machine
from bench.line import Line, at_most
from pipeline.errors import InvalidMessage
from pipeline.proof.callback_token import fits
from providers import ADAPTERS
from providers.seam import Callback
from tests.providers.contract import TOKEN, an_sms, sample, unopened

LIMIT_US: Final = 30.0
MICRO: Final = 1e6
SIGNS: Final = string.ascii_letters + string.digits + "+/="


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    messages: int = 10_000
    forged: int = 10_000


QUICK: Final = Size(messages=100, forged=100)


async def measure(around: Surroundings, size: Size) -> dict[str, Any]:
    """Measure every adapter."""
    found = {}
    for adapter in ADAPTERS:
        around.tell(adapter)
        believed, forged_us = _forged(adapter, size.forged)
        found[adapter] = {
            "message_us": _message_us(adapter, size.messages),
            "believed": believed,
            "forged_us": forged_us,
        }
    return {"adapters": found, "forged": size.forged, **machine()}


def lines(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give the figures as people read them."""
    for adapter, figures in found["adapters"].items():
        yield at_most(figures["message_us"], LIMIT_US, f"{adapter}: build a request and read its answer", " us")
        what = f"{adapter}: of {found['forged']} forged callbacks believed; {figures['forged_us']:g} us each"
        yield at_most(figures["believed"], 0, what)


def _message_us(adapter: str, count: int) -> float:
    provider, sms, answer = unopened(adapter), an_sms(adapter), sample(adapter).accepted

    def one() -> None:
        provider.build_request(sms)
        provider.read_response(200, {}, answer)

    return _cpu_us(one, count)


def _cpu_us(work: Callable[[], object], count: int) -> float:
    work()  # what is cached is cached
    began = time.process_time()
    for _ in range(count):
        work()
    return round((time.process_time() - began) * MICRO / count, 1)


def _forged(adapter: str, count: int) -> tuple[int, float]:
    """Give how many of so many forged callbacks were believed, and the CPU of one."""
    provider = unopened(adapter)
    attempts = iter(list(islice(_forgeries(adapter), count + 1)))
    believed = 0

    def one() -> None:
        nonlocal believed
        callback = next(attempts)
        token = callback.url.partition("?")[0].rpartition("/")[2]
        try:
            receipts = provider.read_receipts(callback)
        except InvalidMessage:
            return
        believed += any(fits(receipt.reference, token) for receipt in receipts)

    forged_us = _cpu_us(one, count)
    return believed, forged_us


def _forgeries(adapter: str) -> Iterator[Callback]:
    """Give callbacks with a right token and a wrong proof, and genuine ones at the address of another attempt."""
    known = sample(adapter)
    for body, _ in cycle(known.receipts):
        for callback in known.genuine(body):
            yield _without_proof(callback, known.proof)
            yield replace(callback, url=callback.url.replace(TOKEN, _of_another_attempt(), 1))


def _of_another_attempt() -> str:
    """Give a token as another attempt may have: a MAC of its own."""
    head, _, mac = TOKEN.rpartition(".")
    return f"{head}.{secrets.token_urlsafe(16)[: len(mac)]}"


def _without_proof(callback: Callback, proof: str | None) -> Callback:
    if proof:
        wrong = "".join(secrets.choice(SIGNS) for _ in callback.headers[proof])
        return replace(callback, headers=CIMultiDict({**callback.headers, proof: wrong}))
    if callback.body:  # the proof is inside it
        return replace(callback, body=_flipped(callback.body))
    address, _, query = callback.url.partition("?")
    return replace(callback, url=f"{address}?{_flipped(query.encode()).decode()}")


def _flipped(text: bytes) -> bytes:
    place = secrets.randbelow(len(text))
    return text[:place] + b"\x00" + text[place + 1 :]
