"""Incidents that are over when they are told: it happened once, and whoever reads of it can only look into it."""

from datetime import datetime

from pipeline.records import Cause, Incident, Phase


def unreadable_batch(topic: str, partition: int, offset: int, reason: str, appended_at: datetime) -> Incident:
    """Give the incident of a batch that cannot be opened: the same one for the same batch, whoever meets it.

    `offset` is the last one of the batch; the topic is without prefix. Those of one partition and hour are one,
    which tells of the newest: whoever writes many of them fills no list with incidents.
    """
    place = f"{topic}/{partition}"
    return _once(
        f"batch-{topic.replace('.', '-')}-{partition}-{int(appended_at.timestamp()) // 3600}",
        Cause.RECORDS,
        appended_at,
        f"a batch of {place} that ends at offset {offset} cannot be opened: {reason}",
        f"went on after offset {offset} of {place}; nothing of the batch was sent or counted",
    )


def restarting(process: str, ends: int, why: str, now: datetime) -> Incident:
    """Give the incident of a process that ended several times in a row for the same reason."""
    return _once(
        f"process-{process}-{int(now.timestamp())}",
        Cause.OURS,
        now,
        f"{process} has ended {ends} times in a row for the same reason: it {why}",
        f"{process} is started again each time, after a wait that grows",
    )


def _once(incident_id: str, cause: Cause, at: datetime, summary: str, done: str) -> Incident:
    return Incident(
        incident_id=incident_id,
        phase=Phase.CLOSED,
        cause=cause,
        onset_at=at,
        opened_at=at,
        updated_at=at,
        closed_at=at,
        summary=summary,
        done=(done,),
    )
