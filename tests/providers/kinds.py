"""What kinds of providers there are: the form of an answer, and what tells whose a receipt is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Flaw = Callable[[bytes], bytes]


class Whose(StrEnum):
    """What tells of which attempt a receipt is."""

    URL = "the proof covers the URL, and so the token in it"
    REFERENCE = "the provider repeats our token, or its last part, and the proof covers that"
    TOKEN = "nothing but the token in the URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A form of answers."""

    media_type: str  # what a request asks for
    flaws: tuple[Flaw, ...]  # that may be in an answer that takes a message: its id is read all the same


# A byte order mark, a NUL at the end, the end of a line.
_AROUND: Final[tuple[Flaw, ...]] = (
    lambda body: b"\xef\xbb\xbf" + body,
    lambda body: body + b"\0",
    lambda body: body + b"\0\r\n",
)
JSON: Final = Body(
    media_type="application/json",
    flaws=(
        *_AROUND,
        lambda body: b'{"flaw":NaN,' + body.removeprefix(b"{"),
        lambda body: b'{"flaw":"\xe4",' + body.removeprefix(b"{"),
        lambda body: b'{"flaw":"\n",' + body.removeprefix(b"{"),
    ),
)
TEXT: Final = Body(
    media_type="text/plain",
    flaws=(
        *_AROUND,
        lambda body: b"\r\n" + body,
        lambda body: body + b"\r\nDanke sch\xf6n",  # a further line, in a coding of its own
    ),
)
