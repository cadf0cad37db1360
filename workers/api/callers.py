"""Who is calling: bearer keys of the auth services."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from pipeline.settings import CallerSettings
from workers.web.problems import Problem


class Callers:
    """Looks a key up by its SHA-256, so that the time it takes says nothing about any key."""

    def __init__(self, callers: Mapping[str, CallerSettings]) -> None:
        self._names = {
            hashlib.sha256(caller.api_key.reveal()).digest(): name
            for name, caller in callers.items()
            if caller.api_key is not None
        }

    def name(self, request: web.Request) -> str:
        """Give the name of the caller. Raises Problem (401)."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        name = self._names.get(hashlib.sha256(key.strip().encode(errors="surrogateescape")).digest())
        if scheme.lower() != "bearer" or name is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "send `Authorization: Bearer <api key of the caller>`",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return name
