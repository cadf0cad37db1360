"""The consume loop. It knows nothing of what the records mean, and nothing of the Kafka client behind `Consumer`."""

from pipeline.consuming.backlog import Partition
from workers.loop.limits import Figures, Limits
from workers.loop.loop import Loop
from workers.loop.parking import Parking
from workers.loop.seam import Consumer, Record

__all__ = ["Consumer", "Figures", "Limits", "Loop", "Parking", "Partition", "Record"]
