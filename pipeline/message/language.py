"""Language tags (BCP 47): which of several is nearest to the one that is wanted."""

from functools import lru_cache


def tag(name: str) -> str:
    """Give a tag as it is compared: letter case says nothing (RFC 5646, section 2.1.1), and many write underscores."""
    return name.replace("_", "-").lower()


@lru_cache(maxsize=1024)
def nearest(wanted: str, names: tuple[str, ...]) -> str | None:
    """Give the name that is the tag, or its beginning (RFC 4647, section 3.4), or of the same language in any region.

    `pt-PT` meets `pt`, or else `pt-BR`; `pt` meets `pt-BR`. Of several the first is taken; none without its language.
    """
    known = {tag(name): name for name in reversed(names)}
    shorter = tag(wanted)
    language = shorter.partition("-")[0]
    while shorter:
        if shorter in known:
            return known[shorter]
        shorter = shorter.rpartition("-")[0]
    return next((name for name in names if tag(name).partition("-")[0] == language), None)
