"""All that was told of incidents -> the incidents, and the one that is meant."""

from collections.abc import Iterable, Sequence

from pipeline.records import Incident, Phase


def newest(told: Iterable[Incident]) -> list[Incident]:
    """Give each incident as it was told last: those that are open first, then the latest."""
    found = {incident.incident_id: incident for incident in told}
    return sorted(found.values(), key=lambda one: (one.phase is Phase.CLOSED, -one.onset_at.timestamp()))


def meant(told: Sequence[Incident], start: str) -> list[str]:
    """Give the ids that begin so; that alone which is spelled out."""
    ids = list(dict.fromkeys(incident.incident_id for incident in told))
    return [start] if start in ids else [one for one in ids if one.startswith(start)]


def of(told: Iterable[Incident], incident_id: str) -> list[Incident]:
    """Give all that was told of one incident."""
    return [incident for incident in told if incident.incident_id == incident_id]
