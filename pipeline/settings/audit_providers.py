"""Providers, and the shares of traffic that each gets."""

from collections.abc import Collection, Iterator
from typing import Final

from pipeline.settings.audit_servers import audit_base_url
from pipeline.settings.model import ProviderSettings, Settings
from pipeline.settings.names import audit_country, audit_name
from pipeline.settings.problems import Path, Problem, dotted, meant

_WHOLE: Final = 100.0  # percent
_TOLERANCE: Final = 0.01


def audit_providers(settings: Settings, adapters: Collection[str]) -> Iterator[Problem]:
    """Check every provider."""
    for name, provider in settings.providers.items():
        path = ("providers", name)
        yield from audit_name(path)
        if provider.adapter not in adapters:
            text = f'is "{provider.adapter[:40]}", which is no adapter; {meant(provider.adapter, sorted(adapters))}'
            yield Problem(path=(*path, "adapter"), text=text)
        yield from audit_base_url(settings, (*path, "base_url"), provider.base_url)
        yield from _audit_in_flight(settings, path, provider)
        for country in provider.senders:
            yield from audit_country((*path, "senders", country))


def _audit_in_flight(settings: Settings, path: Path, provider: ProviderSettings) -> Iterator[Problem]:
    """Refuse a limit that somebody wrote and that can never be reached; the default may be above."""
    key, whole = (*path, "in_flight"), settings.dispatch.in_flight
    if provider.in_flight > whole and dotted(key) in settings.origins:
        text = f"is {provider.in_flight}, above dispatch.in_flight ({whole}); lower it, or raise the other"
        yield Problem(path=key, text=text)


def audit_routes(settings: Settings) -> Iterator[Problem]:
    """Check that shares are of configured providers and sum to 100 percent."""
    if not settings.providers:
        yield Problem(path=("providers",), text="is empty, so nothing could be sent; write [providers.<name>]")
    if "*" not in settings.routes:
        yield Problem(path=("routes", "*"), text='is missing; write shares for all other countries, [routes."*"]')
    for country, shares in settings.routes.items():
        path = ("routes", country)
        yield from audit_country(path)
        total = sum(shares.values())
        if abs(total - _WHOLE) > _TOLERANCE:
            yield Problem(path=path, text=f"has shares that sum to {total:g}; make it 100 percent")
        for name in sorted(shares.keys() - settings.providers.keys()):
            text = f"is a share for a provider that is not configured; {meant(name, sorted(settings.providers))}"
            yield Problem(path=(*path, name), text=text)
