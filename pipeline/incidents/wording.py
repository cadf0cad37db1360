"""The record of an incident: made, said anew, and what was done about it."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from msgspec.structs import replace

from pipeline.incidents.denials import not_causes
from pipeline.incidents.diagnosis import Diagnosis
from pipeline.incidents.scope import Scope
from pipeline.incidents.summaries import summary
from pipeline.records import Incident, Phase, RouteTable

SETTLED_S: Final = 60  # after the opening the onset may still move both ways; later only back
ID_BYTES: Final = 18  # 24 characters
DONE: Final = 20  # sentences that are kept of what was done


def opened(diagnosis: Diagnosis, now: float) -> Incident:
    """Make the record of a new incident."""
    scope, at = diagnosis.fault.scope, instant(now)
    return Incident(
        incident_id=incident_id(scope, diagnosis.onset),
        phase=Phase.OPENED,
        cause=scope.cause,
        provider=scope.provider,
        country=scope.country,
        config=scope.config,
        onset_at=instant(diagnosis.onset),
        opened_at=at,
        updated_at=at,
        summary=summary(diagnosis),
        not_causes=not_causes(diagnosis),
    )


def said_anew(incident: Incident, diagnosis: Diagnosis, now: float) -> Incident:
    """Say anew what it is and since when."""
    scope, onset_at = diagnosis.fault.scope, instant(diagnosis.onset)
    if now - incident.opened_at.timestamp() >= SETTLED_S:
        onset_at = min(onset_at, incident.onset_at)
    return replace(
        incident,
        cause=scope.cause,
        provider=scope.provider,
        country=scope.country,
        config=scope.config,
        onset_at=onset_at,
        summary=summary(diagnosis),
        not_causes=not_causes(diagnosis),
    )


def with_done(incident: Incident, tables: Iterable[RouteTable]) -> Incident:
    """Add why these tables changed, in the order of their changes."""
    said = [table.why for table in sorted(tables, key=lambda table: table.changed_at)]
    done = [*incident.done, *(why for why in said if why not in incident.done)]
    return replace(incident, done=tuple(done[-DONE:]))


def within(incident: Incident, other: Incident) -> Incident:
    """Say of an incident that it has turned out to be part of another one."""
    return replace(
        incident,
        cause=other.cause,
        provider=other.provider,
        country=other.country,
        config=other.config,
        summary=other.summary,
        not_causes=other.not_causes,
        done=(*incident.done, f"part of {other.incident_id}")[-DONE:],
    )


def incident_id(scope: Scope, onset: int) -> str:
    """Give the id, the same for whoever finds the same fault."""
    named = [scope.cause, scope.provider or "*", scope.country or "*", scope.config or "*", str(onset)]
    return urlsafe_b64encode(sha256("|".join(named).encode()).digest()[:ID_BYTES]).decode()


def instant(at: float) -> datetime:
    """Give an epoch second as an instant."""
    return datetime.fromtimestamp(at, UTC)
