"""What the fields of records are made of: their patterns, ranges and units."""

from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec

VERSION: Final = 1
LONGEST_LIFE: Final = timedelta(seconds=600)  # of a code: NIST SP 800-63B-4 and OWASP ASVS 5.0 allow 10 minutes

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{16,64}$(?!\n)", description="URL-safe, unguessable, unique")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
Word = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$(?!\n)")]
Country = Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|001)$(?!\n)", description="ISO 3166-1 alpha-2")]
Locale = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$(?!\n)",
        max_length=35,  # RFC 5646, section 4.4.1: the longest that means anything; it often comes from a browser
        description="BCP 47",
    ),
]
Instant = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339 with offset")]
Sealed = Annotated[str, msgspec.Meta(max_length=2048, description="compact JWE, `dir` with `A256GCM` (RFC 7516)")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Number = Annotated[int, msgspec.Meta(ge=1, le=1000, description="of the attempt: 1 for the first of a request")]
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
