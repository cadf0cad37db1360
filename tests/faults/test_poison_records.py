"""Records that can never be handled: each becomes one dead letter, and its neighbours are on time."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import orjson
from msgspec.structs import replace

from pipeline.errors import DeadReason
from pipeline.message.phone import seal
from pipeline.records import MAX_RECORD_BYTES, OtpRequest, encode
from pipeline.records.topics import REQUESTS
from pipeline.settings import Settings
from tests.faults.direct_door import CALLER, Raw, produce, request
from tests.faults.drill import broken, drill, log
from workers.embedded.traffic import NUMBERS

PARTITION = 3
ROUNDS = 5
ON_TIME_S = 3.0
WITHIN_S = 60.0
NUMBER = NUMBERS[-1]


def _changed(one: OtpRequest, **fields: object) -> bytes:
    return orjson.dumps({**orjson.loads(encode(one)), **fields})


def _resealed(settings: Settings, one: OtpRequest, text: str) -> str:
    kid, key = next(iter(settings.callers[CALLER].seal_keys.items()))
    return seal(text, caller=CALLER, request_id=one.request_id, kid=kid, key=key)


def _poison(settings: Settings) -> Mapping[str, tuple[bytes | None, DeadReason]]:
    """Give one record of each kind, with the reason it must die of."""
    one, other = request(settings, NUMBER), request(settings, NUMBER)
    padding = "x" * (MAX_RECORD_BYTES + 1 - len(_changed(one, padding="")))
    return {
        "not JSON": (b'{"request_id": ', DeadReason.UNDECODABLE),
        "not UTF-8": (b"\xff\xfe\x00", DeadReason.UNDECODABLE),
        "null": (None, DeadReason.UNDECODABLE),
        "empty": (b"", DeadReason.UNDECODABLE),
        "a list": (b"[]", DeadReason.UNDECODABLE),
        "too deep": (b'{"a":' * 5_000, DeadReason.UNDECODABLE),
        "a field is missing": (b'{"request_id": "request-0123456789"}', DeadReason.INVALID_FIELD),
        "a field of another type": (_changed(one, purpose=7), DeadReason.INVALID_FIELD),
        "a later version": (_changed(one, v=2), DeadReason.UNKNOWN_VERSION),
        "64 kB and a byte": (_changed(one, padding=padding), DeadReason.OVERSIZED),
        "the seal of another request": (_changed(one, to=other.to), DeadReason.SEAL_BROKEN),
        "a plain number": (_changed(one, to=NUMBER), DeadReason.PLAIN_NUMBER),
        "no number inside the seal": (_changed(one, to=_resealed(settings, one, "0049")), DeadReason.INVALID_NUMBER),
        "a caller that nobody knows": (_changed(one, caller="nobody"), DeadReason.UNKNOWN_CALLER),
        "a life of 700 s": (_lives(one, 700), DeadReason.INVALID_FIELD),
        "a life that ends before it begins": (_lives(one, -1), DeadReason.INVALID_FIELD),
    }


def _lives(one: OtpRequest, seconds: float) -> bytes:
    return encode(replace(one, expires_at=one.issued_at + timedelta(seconds=seconds)))


async def test_poison_record_becomes_one_dead_letter_and_its_neighbours_are_on_time(tmp_path: Path, jars: Path) -> None:
    async with drill(tmp_path, jars) as it:
        records, kinds = [], []
        numbers = iter(NUMBERS)
        for _ in range(ROUNDS):
            for kind, (value, _) in _poison(it.settings).items():
                good = request(it.settings, number := next(numbers))
                it.note_accepted(good.request_id, number, good.expires_at)
                records += [Raw(value=encode(good), partition=PARTITION), Raw(value=value, partition=PARTITION)]
                kinds += [None, kind]
        places = await produce(it, records)
        await it.drained(WITHIN_S, (REQUESTS,))
        figures = await it.figures()
        dead = [(letter.origin, letter.reason) for letter in await it.dead()]
        slowest_s = max(wait.arrived_at - wait.accepted_at for wait in it.waits())
        health = [await it.health(name) for name in ("dispatch-1", "dispatch-2")]
        reasons = {kind: reason for kind, (_, reason) in _poison(it.settings).items()}
    expected = Counter((place, reasons[kind]) for place, kind in zip(places, kinds, strict=True) if kind)
    log.info("%d poison records, slowest neighbour %.2f s", len(expected), slowest_s)

    assert broken(figures) == {}
    assert figures.handed_over == figures.accepted == ROUNDS * len(reasons)
    assert Counter(dead) == expected
    assert slowest_s < ON_TIME_S
    assert [one["paused"] for one in health] == [[], []]
