"""A batch of records that cannot be opened -> what operators are told of it."""

from datetime import datetime

from pipeline.records import Cause, Incident, Phase


def incident(topic: str, partition: int, offset: int, reason: str, appended_at: datetime) -> Incident:
    """Give the incident, over when it is told: the same one for the same batch, whoever meets it. Topic without prefix.

    `offset` is the last one of the batch.
    """
    place = f"{topic}/{partition}"
    return Incident(
        incident_id=f"batch-{topic.replace('.', '-')}-{partition}-{offset}",
        phase=Phase.CLOSED,
        cause=Cause.RECORDS,
        onset_at=appended_at,
        opened_at=appended_at,
        updated_at=appended_at,
        closed_at=appended_at,
        summary=f"a batch of {place} that ends at offset {offset} cannot be opened: {reason}",
        not_causes=("other records: they are read as ever",),
        done=(f"went on after offset {offset} of {place}; nothing of the batch was sent or counted",),
    )
