"""Which field of our request an answer blames, and what follows from it: pure, for every adapter.

Adapters keep the names alone: what their provider calls each part of a message, in small letters.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from pipeline.errors import Malformed, ProviderError, Rejected, RouteRefused


class Part(StrEnum):
    """A part of a message that a provider may find fault with."""

    SENDER = "sender"
    CALLBACK = "callback"  # where receipts go, and what comes back with them
    PROFILE = "profile"  # what a provider or a registry keeps of us: pool, configuration set, template
    RECIPIENT = "recipient"
    TEXT = "text"


# Ours go first: another provider has other ones, and tells then what else is wrong.
BLAME: Final[Mapping[Part, type[ProviderError]]] = {
    Part.SENDER: RouteRefused,
    Part.CALLBACK: RouteRefused,
    Part.PROFILE: RouteRefused,
    Part.RECIPIENT: Rejected,
    Part.TEXT: Malformed,
}
LONGEST_SENTENCE: Final = 1000  # characters that are looked at
_STEP: Final = re.compile(r"[a-z][a-z0-9_-]*")
# Names in a sentence: in quotes, numbered as `to[0]`, beside the word parameter, or no word of any language.
_MENTIONED: Final = re.compile(
    r"'([^'\s]{1,64})'|\"([^\"\s]{1,64})\"|`([^`\s]{1,64})`|\b(\w{1,64})\[[0-9]+\]"
    r"|\b(\w{1,64})(?= param)|\bparam(?:eter)?:? +(\w{1,64})|\b([A-Za-z]{1,32}(?:_[a-z]+|[a-z][A-Z][a-z]+)+)\b"
)


def blamed(fields: Mapping[str, Part], names: Iterable[object]) -> type[ProviderError] | None:
    """Give the class of what is wrong, by all names of fields in an answer; none where no name is in the table.

    A name may be a path or a pointer, as `messages[0].sender` and `/to/0` are: its last step that is known counts.
    """
    parts = {part for name in names if isinstance(name, str) and (part := _part(fields, name))}
    return next((kind for part, kind in BLAME.items() if part in parts), None)


def blamed_in_words(fields: Mapping[str, Part], sentence: object) -> type[ProviderError] | None:
    """Give the class of what is wrong by a sentence that names fields.

    One that names both ends of the message blames neither: they do not go together, for this one number alone.
    """
    names = mentioned(sentence)
    if {_part(fields, name) for name in names} >= {Part.SENDER, Part.RECIPIENT}:
        return None
    return blamed(fields, names)


def mentioned(sentence: object) -> list[str]:
    """Give what may be names of fields in a sentence."""
    found = _MENTIONED.findall(sentence[:LONGEST_SENTENCE]) if isinstance(sentence, str) else []
    return [name for groups in found for name in groups if name]


def _part(fields: Mapping[str, Part], name: str) -> Part | None:
    known = [fields[step] for step in _STEP.findall(name.lower()) if step in fields]
    return known[-1] if known else None
