"""A careless producer writes the same request several times: the person gets one message."""

import random
from collections import Counter
from pathlib import Path

from pipeline.records import encode
from tests.faults.direct_door import BY_KEY, Raw, produce, request
from tests.faults.drill import broken, drill
from workers.embedded.callers_journal import read_carriers
from workers.embedded.traffic import NUMBERS

REQUESTS = 200
WITHIN_S = 60.0


async def test_request_that_is_produced_two_to_five_times_is_sent_once(tmp_path: Path, jars: Path) -> None:
    chance = random.Random(3)
    async with drill(tmp_path, jars) as it:
        records = []
        for number in NUMBERS[:REQUESTS]:
            one = request(it.settings, number)
            it.note_accepted(one.request_id, number, one.expires_at)
            keys = (one.request_id.encode(), number[-4:].encode(), None)
            partitions = (BY_KEY, *range(it.settings.kafka.partitions))
            records += [
                Raw(value=encode(one), key=chance.choice(keys), partition=chance.choice(partitions))
                for _ in range(chance.randint(2, 5))
            ]
        chance.shuffle(records)  # some of them meet in one batch, others while the first one is under way
        await produce(it, records)
        await it.drained(WITHIN_S)
        figures = await it.figures()
        messages = Counter(row.request_id for row in read_carriers(it.system.carriers_journal))

    assert broken(figures) == {}
    assert (figures.handed_over, figures.duplicates_excused, figures.dead) == (REQUESTS, 0, 0)
    assert set(messages.values()) == {1}
