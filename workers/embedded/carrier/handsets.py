"""The phones: what arrived, for people, demos and tests to read."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

KEPT: Final = 20_000  # the newest deliveries of all carriers


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message on one phone."""

    number: int  # counts all deliveries of this process, from 1
    carrier: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    message_id: str
    client_reference: str
    delivered_at: float  # seconds since 1970


class Handsets:
    """All phones of all carriers, in memory."""

    def __init__(self) -> None:
        self._deliveries: deque[Delivery] = deque(maxlen=KEPT)
        self._news = asyncio.Event()
        self.count = 0

    def deliver(self, *, carrier: str, to: str, text: str, message_id: str, client_reference: str, at: float) -> None:
        """Put a message on a phone and wake whoever waits for news."""
        self.count += 1
        self._deliveries.append(
            Delivery(
                number=self.count,
                carrier=carrier,
                to=to,
                text=text,
                message_id=message_id,
                client_reference=client_reference,
                delivered_at=at,
            )
        )
        self._news.set()
        self._news = asyncio.Event()

    def inbox(self, carrier: str, number: str) -> list[Delivery]:
        """Give what one phone received, newest first."""
        return [
            delivery for delivery in reversed(self._deliveries) if (delivery.carrier, delivery.to) == (carrier, number)
        ]

    async def since(self, number: int, wait_s: float) -> list[Delivery]:
        """Give the deliveries after this one, oldest first; where there is none yet, wait for the next."""
        if self.count <= number:
            news = self._news
            try:
                await asyncio.wait_for(news.wait(), wait_s)
            except TimeoutError:
                return []
        new = self.count - number
        return list(self._deliveries)[-new:] if new > 0 else []
