"""Every request of a server, counted when it is answered."""

import time

from aiohttp import web
from aiohttp.typedefs import Middleware

from workers.metrics import Metrics
from workers.metrics.definitions import HTTP_REQUESTS, HTTP_SECONDS
from workers.web.problems import Handler, route_of


def counted(metrics: Metrics) -> Middleware:
    """Give what counts. It stands before all that turns errors into answers; one that nobody waits for is left out."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.monotonic()
        answer = await handler(request)
        route = route_of(request)
        metrics.count(HTTP_REQUESTS, route, f"{answer.status // 100}xx")
        metrics.observe(HTTP_SECONDS, time.monotonic() - began, route)
        return answer

    return count
