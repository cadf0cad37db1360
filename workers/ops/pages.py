"""The page itself: three files and no third party, with a policy that lets nothing else run."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from aiohttp import web

from workers.web.problems import Handler

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FILES: Final[Mapping[str, tuple[str, str]]] = {
    "/": ("ops.html", "text/html"),
    "/ops.css": ("ops.css", "text/css"),
    "/ops.js": ("ops.js", "text/javascript"),
    "/charts.js": ("charts.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the policy on every answer that is not under way yet."""
    answer = await handler(request)
    if not answer.prepared:
        answer.headers.update(HEADERS)
    return answer


def page_routes() -> list[web.RouteDef]:
    """Serve the files of the page. They are read once."""
    return [web.get(path, _serve(name, kind), allow_head=False) for path, (name, kind) in FILES.items()]


def _serve(name: str, kind: str) -> Handler:
    text = files("workers.ops").joinpath("page", name).read_text(encoding="utf-8")

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, headers={"Cache-Control": "no-cache"})

    return serve
