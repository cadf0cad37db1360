"""A request that was dispatched."""

from pipeline.records import OtpRequest
from tests.workers.doors import Door

ID = "request-0123456789"


async def sent(door: Door, request_id: str = ID) -> OtpRequest:
    request = door.request(request_id)
    await door.dispatched(request)
    return request
