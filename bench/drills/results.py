"""What a drill has shown -> its figures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from bench.drills import notify
from bench.drills.counting import codes, count
from bench.drills.drills import Drill
from bench.drills.moves import Outage, Shares, histories, mean_shares, moves
from bench.drills.practice import Observed
from pipeline.records import Cause, Incident

OF_ONE_PROVIDER: Final = {Cause.PROVIDER, Cause.CREDENTIAL, Cause.ROUTE}
CHECKED: Final = ("lost", "late", "mixed", "misrouted", "duplicates_excused", "duplicates_unexcused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The figures of one run. Seconds are since the onset: the first message that a broken carrier swallowed."""

    drill: str
    broken: tuple[str, ...]  # carriers
    detected_s: float | None
    drained_s: float | None
    drained_seen_s: float | None
    named_s: float | None
    elsewhere_s: float | None
    requested: int
    swallowed: int
    rescued: int
    rescued_percent: float | None
    undelivered: int
    undelivered_per_mille: float
    notify_undelivered: int  # of the requested ones, by GOV.UK Notify's rules
    cause: str | None
    not_cause: tuple[str, ...]
    named_rightly: int  # 1 or 0
    incidents: int
    why: str | None  # of the table by which traffic left the broken carrier
    summary: str | None  # of the first incident
    moved_wrongly: float
    moves: int
    moves_later: int
    returns: int
    waits_s: tuple[float, ...]
    waits_grow: int  # 1 or 0
    lost: int
    late: int
    mixed: int
    misrouted: int
    duplicates_excused: int
    duplicates_unexcused: int
    not_accepted: int
    ended: int
    taken_back_sent: int
    evidence_age_s: float | None
    behind_broker_s: float  # from the broker's stamp on a table to its coming here by our clock, median


def result(observed: Observed) -> Result:
    """Count everything."""
    outage = observed.outage
    history_of = histories(observed.seen, observed.configured, outage.until)
    moved = moves(history_of, outage)
    named_s = None if observed.named_at is None else round(observed.named_at - outage.onset_at, 3)
    return Result(
        drill=observed.drill.name,
        broken=tuple(sorted(outage.carriers)),
        detected_s=moved.detected_s if moved.detected_s is not None else named_s,
        drained_s=moved.drained_s,
        named_s=named_s,
        why=moved.why,
        moved_wrongly=moved.moved_wrongly,
        moves=moved.moves,
        moves_later=moved.moves_later,
        returns=moved.returns,
        waits_s=moved.waits_s,
        waits_grow=int(moved.waits_grow),
        not_accepted=observed.not_accepted,
        ended=observed.ended,
        taken_back_sent=observed.taken_back_sent,
        evidence_age_s=observed.evidence_age_s,
        behind_broker_s=round(median([one.came_at - one.appended_at for one in observed.seen] or [0.0]), 3),
        **_of_codes(observed, mean_shares(history_of, outage.onset_at)),
        **_of_incidents(observed),
        **{name: getattr(observed.figures, name) for name in CHECKED},
    )


def _of_codes(observed: Observed, shares: Shares) -> dict[str, Any]:
    known = codes(observed.asked, observed.arrived, observed.entered, observed.country_of)
    counted = count(known, observed.outage)
    return {
        **asdict(counted),
        "rescued_percent": round(100 * counted.rescued / counted.swallowed, 2) if counted.swallowed else None,
        "undelivered_per_mille": round(1000 * counted.undelivered / max(counted.requested, 1), 2),
        "notify_undelivered": notify.undelivered(known, shares, observed.outage, observed.changes),
    }


def _of_incidents(observed: Observed) -> dict[str, Any]:
    first = observed.incidents[0] if observed.incidents else None
    return {
        "cause": first.cause.value if first else None,
        "not_cause": first.not_causes if first else (),
        "summary": first.summary if first else None,
        "incidents": len(observed.incidents),
        "named_rightly": int(named_rightly(observed.drill, observed.incidents, observed.outage)),
    }


def named_rightly(drill: Drill, incidents: Sequence[Incident], outage: Outage) -> bool:
    """Tell whether every incident has the right cause, carrier and country, and there is one where there must be."""
    if drill.cause is None:
        return not incidents
    carriers = outage.carriers if drill.cause in OF_ONE_PROVIDER else {None}
    return bool(incidents) and all(
        incident.cause is drill.cause
        and incident.provider in carriers
        and (drill.country is None or incident.country == drill.country)
        for incident in incidents
    )
