"""Dead letters put out of the way. The command line and the page call it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.dead_letters.letters import LetterFilter
from pipeline.records import LetterState
from pipeline.settings import Settings
from workers.operator_actions.dead_letters import DeadLetterQueue, read
from workers.operator_actions.writing import chunks, producing, resolution, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What a purge has put out of the way; dry, what it would."""

    dry: bool
    reasons: Mapping[str, int]  # the most frequent one first
    done_before: Mapping[str, int]  # state -> letters that were not open any more
    broken: int

    @property
    def purged(self) -> int:
        """Sum up all reasons."""
        return sum(self.reasons.values())

    def document(self) -> dict[str, Any]:
        """Give it for programs."""
        return {
            "dry_run": self.dry,
            "purged": self.purged,
            "reasons": self.reasons,
            "done_before": self.done_before,
            "broken": self.broken,
        }


async def purge(
    settings: Settings,
    wanted: LetterFilter,
    *,
    author: str,
    dry: bool = False,
    limit: int | None = None,
    queue: DeadLetterQueue | None = None,
) -> Purged:
    """Put open letters out of the way: no list shows them and no redrive takes them up. Raises BrokerAway.

    Kafka deletes records by their age alone, or all before an offset: theirs go when the topic's retention is over.
    `queue` is what was read before, and shown: what has died since then stays.
    """
    queue = queue or await read(settings.kafka)
    found = queue.find(wanted)
    letters = [letter for letter in found if letter.state is LetterState.OPEN][:limit]
    if letters and not dry:
        async with producing(settings.kafka, queue.now) as producer:
            for chunk in chunks(letters):
                now = producer.clock.now()
                await write(producer, [resolution(letter, LetterState.PURGED, now, author) for letter in chunk])
    reasons = Counter(letter.dead.reason.value for letter in letters)
    done_before = Counter(letter.state.value for letter in found if letter.resolution)
    return Purged(dry=dry, reasons=dict(reasons.most_common()), done_before=dict(done_before), broken=queue.broken)
