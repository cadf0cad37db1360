"""Everything that a code or a number may look like where it has no business to be."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

SEPARATORS = (" ", "-", ".", "\u00a0")


def spellings(secret: str) -> dict[str, bytes]:
    """Give the ways in which a code or an E.164 number could be written, each with its name."""
    digits = secret.removeprefix("+")
    found = {
        "plain": digits.encode(),
        "reversed": digits[::-1].encode(),
        "hex": digits.encode().hex().encode(),
        "upper hex": digits.encode().hex().upper().encode(),
        "hex escapes": "".join(f"\\x{digit:02x}" for digit in digits.encode()).encode(),
        "percent": "".join(f"%{digit:02x}" for digit in digits.encode()).encode(),
        "UTF-16": digits.encode("utf-16-le"),
        "a number": int(digits).to_bytes(8, "big"),
        "a reversed number": int(digits).to_bytes(8, "little"),
    }
    for separator in SEPARATORS:
        for size in (1, 2, 3, 4):
            groups = [digits[at : at + size] for at in range(0, len(digits), size)]
            found[f"groups of {size} with {separator!r}"] = separator.join(groups).encode()
    for text in {secret, digits, quote(secret, safe="")}:
        found |= {f"base64 of {text[:1]}... at {at}": spelt for at, spelt in enumerate(_base64(text.encode()))}
    return found


def _base64(text: bytes) -> Iterator[bytes]:
    """Give the part of the base64 of any text that holds this one: the same in each, but for three alignments."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + text)
        yield whole[(before * 8 + 5) // 6 : (before + len(text)) * 8 // 6]


class Search:
    """Looks for many secrets in much text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._names: Mapping[bytes, str] = {
            spelt: name for secret in secrets for name, spelt in spellings(secret).items()
        }
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))

    def find(self, where: str, text: bytes) -> list[str]:
        """Tell what was found, by place and spelling."""
        text = text.replace(b"_", b"/").replace(b"-", b"+") + b"\n" + text  # base64 has two alphabets
        return [
            f"{where}: {self._names[match[0]]}: ...{text[max(match.start() - 60, 0) : match.start()]!r}"
            for match in self._pattern.finditer(text)
        ]
