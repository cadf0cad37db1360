"""The way out: straight, or through the forward proxy that the environment names."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult

from pipeline.errors import SettingsError
from pipeline.settings.names import loopback, split_url

_SCHEME: Final = "http"  # of a proxy; what travels through it to an https:// address is encrypted from end to end


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """Give the forward proxy through which an address is reached, or none for a straight way.

    `proxies` is what the variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY say, as `urllib.request.getproxies_environment`
    reads them. This machine itself is never reached through a proxy. Raises SettingsError when that is no HTTP proxy.
    """
    parts = split_url(url)
    named = proxies.get(parts.scheme, "").strip() if parts else ""
    if not parts or not named or _is_near(parts.hostname or "") or _is_excepted(parts, proxies.get("no", "")):
        return None
    proxy = named if "://" in named else f"{_SCHEME}://{named}"
    where = split_url(proxy)
    if where is None or where.scheme != _SCHEME:
        raise SettingsError(  # without the value, which may hold a password
            f"{parts.scheme.upper()}_PROXY: is not the address of an HTTP proxy; write http://host:port,"
            f" or name {parts.hostname} in NO_PROXY"
        )
    return proxy


def _is_near(host: str) -> bool:
    return loopback(host) or host.endswith(".localhost")


def _is_excepted(parts: SplitResult, excepted: str) -> bool:
    """Tell whether NO_PROXY names a host: `*`, the host, or a domain that it belongs to, with or without its port."""
    host = (parts.hostname or "").lower()
    for entry in excepted.lower().split(","):
        name, _, port = entry.strip().lstrip(".").partition(":")
        fits = host == name or host.endswith(f".{name}") if name else False
        if name == "*" or (fits and port in {"", str(parts.port)}):
            return True
    return False
