"""When a call whose outcome is unknown is repeated: exponential backoff with jitter, and what the server asks for."""

from http import HTTPStatus
from typing import Final

FIRST_PAUSE_S: Final = 0.1
DOUBLINGS: Final = 3  # to 0.8 s

# Of whatever stands between here and there: it may have been done. 429 says that it was not, and to come again.
UNDECIDED: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


def pause_s(attempt: int, wanted_s: float | None, jitter: float) -> float:
    """Give the seconds to wait after an attempt, counted from 1: never less than the server wants.

    `jitter`, from 0 to 1, takes away up to half of the backoff, so that many clients do not come back at once.
    """
    backoff_s = FIRST_PAUSE_S * 2.0 ** min(attempt - 1, DOUBLINGS)
    return max(backoff_s * (1 - jitter / 2), wanted_s or 0.0)
