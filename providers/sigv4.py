"""Signature Version 4 of AWS: who sends a request, proved with a key that never travels.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

Our own, because botocore's signer comes with 14 MB of untyped library for what these lines do; the tests prove them
against it.
"""

import hmac
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlsplit

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Signer:
    """Signs for one access key, region and service. The derived key is kept for its day (UTC)."""

    def __init__(self, key_id: str, secret: bytes, *, region: str, service: str) -> None:
        self._key_id = key_id
        self._secret = secret
        self._region = region
        self._service = service
        self._key = ("", b"")  # the day, and the key of that day

    def sign(self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, now: float) -> dict[str, str]:
        """Give the headers with those of the signature: all of them are signed, and the host.

        `url` has no query and no dot segments (the JSON protocols need none); `now` is in seconds since 1970, and AWS
        wants it right within 5 minutes. Temporary credentials put their token into `X-Amz-Security-Token`.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        host, path = _host_and_path(url)
        signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        signed["host"] = host
        signed["x-amz-date"] = stamp
        names = sorted(signed)
        lines = "".join([f"{name}:{signed[name]}\n" for name in names])
        signed_names = ";".join(names)
        canonical = f"{method}\n{path}\n\n{lines}\n{signed_names}\n{sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(stamp[:8]), to_sign.encode(), "sha256").hex()
        proof = f"{ALGORITHM} Credential={self._key_id}/{scope}, SignedHeaders={signed_names}, Signature={signature}"
        return {**headers, "X-Amz-Date": stamp, "Authorization": proof}

    def _key_of(self, day: str) -> bytes:
        known, key = self._key
        if known != day:
            key = b"AWS4" + self._secret
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (day, key)
        return key


def _host_and_path(url: str) -> tuple[str, str]:
    """Give the host as HTTP clients name it, without the port that goes without saying, and the encoded path."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    if parts.port not in {None, _DEFAULT_PORTS.get(parts.scheme)}:
        host = f"{host}:{parts.port}"
    return host, quote(parts.path or "/", safe="/~")
