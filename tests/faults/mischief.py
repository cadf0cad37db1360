"""A run in which everything happens that could make a code or a number turn up somewhere."""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import orjson
from msgspec.structs import replace

from pipeline.message.phone import seal
from pipeline.proof.callback_token import CallbackToken, issue
from pipeline.records import encode
from tests.faults.direct_door import CALLER, Raw, produce, request
from tests.faults.drill import CARRIERS, Drill
from workers.embedded.traffic import NUMBERS

REFUSED_PREFIX: Final = NUMBERS[900][:12]  # ten numbers
OWN_CODE: Final = "7418529630"  # of a caller that brings its own


@dataclass(slots=True)
class Known:
    """What nobody but the handsets may know."""

    numbers: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)  # by request id


async def ask_for_codes(it: Drill, known: Known) -> list[str]:
    """Ask for codes in all the ways there are."""
    numbers = [*NUMBERS[:30], *(number for number in NUMBERS if number.startswith(REFUSED_PREFIX))]
    known.numbers |= {*numbers}
    ids = [await it.ask(number) for number in numbers]
    for number in NUMBERS[31:36]:  # several: the carriers lose a third of all messages
        await _ask_for_own_code(it, known, number)
    return ids


async def _ask_for_own_code(it: Drill, known: Known, number: str) -> None:
    one = request(it.settings, number)
    kid, key = next(iter(it.settings.callers[CALLER].seal_keys.items()))
    own = seal(OWN_CODE, caller=CALLER, request_id=one.request_id, kid=kid, key=key)
    it.note_accepted(one.request_id, number, one.expires_at)
    known.numbers.add(number)
    await produce(it, [Raw(value=encode(replace(one, code=own)), key=one.request_id.encode())])


async def mistakes_at_the_door(it: Drill, known: Known, code: str, request_id: str) -> set[int]:
    """Give the door what it must refuse, with numbers and codes wherever they can stand."""
    number = NUMBERS[40]
    known.numbers.add(number)
    good = {"to": number, "purpose": "login"}
    bodies: list[Any] = [
        {**good, "to": number + "x"},
        {**good, "to": number[1:]},
        {**good, "to": int(number[1:])},
        {**good, "to": [number]},
        {**good, "locale": number},
        {**good, "ttl_s": number},
        {**good, "code": code},
        {**good, number: code},
        [number, code],
    ]
    answers = {(await it.post("/v1/otp", body))[0] for body in bodies}
    for path in (number, f"{number}/verify", f"{code}/resend", f"{request_id}/verify/{code}"):
        answers.add((await it.post(f"/v1/otp/{path}", {"code": code}))[0])
    answers.add((await it.post("/v1/otp", good, key=code))[0])
    answers.add((await it.post(f"/v1/otp/{request_id}/verify", {"code": [code], "to": number}))[0])
    async with aiohttp.ClientSession(it.system.urls["api"]) as http:
        headers = {"Authorization": f"Bearer {it.api_key}", "Idempotency-Key": number}
        body = f'{{"to": "{number}", "code": {code}'
        async with http.post("/v1/otp", data=body, headers=headers) as answer:
            answers.add(answer.status)
        async with http.get(f"/{number}?code={code}", headers={"User-Agent": number}) as answer:
            answers.add(answer.status)
    return answers


async def poison(it: Drill, known: Known) -> set[tuple[int, int]]:
    """Produce what cannot be handled, numbers in values and keys; tell where it is."""
    number = NUMBERS[41]
    known.numbers.add(number)
    one = request(it.settings, number)
    fields = orjson.loads(encode(one))
    values = [
        f"{number} wants a code".encode(),
        f'{{"to": "{number}"'.encode(),
        orjson.dumps({"to": number}),
        orjson.dumps({**fields, "to": number}),
        orjson.dumps({**fields, "to": int(number[1:])}),
        orjson.dumps({**fields, "issued_at": number}),
        orjson.dumps({**fields, "locale": number}),
        orjson.dumps({**fields, "v": number}),
        orjson.dumps({**fields, "to": request(it.settings, NUMBERS[42]).to}),
        orjson.dumps({**fields, "to": number, "padding": number * 6000}),
    ]
    places = await produce(it, [Raw(value=value, key=number.encode()) for value in values])
    return {(place.partition, place.offset) for place in places}


async def call_back(it: Drill, known: Known, request_id: str) -> list[int]:
    """Call back as a provider that quotes what it was sent, and as somebody who is none."""
    number = NUMBERS[43]
    known.numbers.add(number)
    provider = CARRIERS[0]
    token = CallbackToken(
        request_id=request_id, number=1, provider=provider, country="GB", sent_at=datetime.now(UTC), config="config"
    )
    credential = it.settings.providers[provider].credential
    assert credential is not None
    ours = issue(token, it.settings.keys.tokens)
    quoted = {"id": "m-1", "state": f"not {number}", "error": f"cannot reach {number}", "reference": ours}
    body = orjson.dumps(quoted)
    signature = hmac.digest(credential.reveal(), body, "sha256").hex()
    urls = [f"/receipts/{provider}/{ours}", f"/receipts/{provider}/{number}"]
    answers = []
    async with aiohttp.ClientSession(it.system.urls["receipts"]) as http:
        for url in urls:
            async with http.post(url, data=body, headers={"X-Carrier-Signature": signature}) as answer:
                answers.append(answer.status)
    return answers


async def read_handsets(it: Drill, known: Known) -> None:
    """Learn the codes where people do."""
    async with (
        aiohttp.ClientSession(it.system.urls["carrier"]) as http,
        http.get("/handsets/events?since=0&wait_s=0") as answer,
    ):
        deliveries = (await answer.json())["deliveries"]
    for delivery in deliveries:
        (code,) = {word for word in delivery["text"].replace("#", " ").split() if word.isdecimal()}
        known.codes[delivery["client_reference"].rpartition(".")[0]] = code
