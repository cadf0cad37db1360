"""Providers, and the shares of traffic that each gets."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pipeline.settings.audit_senders import audit_senders
from pipeline.settings.audit_servers import audit_base_url
from pipeline.settings.model import ProviderSettings, Settings
from pipeline.settings.needs import Needs
from pipeline.settings.problems import Path, Problem, dotted, meant

_WHOLE: Final = 100.0  # percent
_TOLERANCE: Final = 0.01


def audit_providers(settings: Settings, adapters: Mapping[str, Needs]) -> Iterator[Problem]:
    """Check every provider."""
    for name, provider in settings.providers.items():
        path = ("providers", name)
        if provider.adapter not in adapters:
            text = f'is "{provider.adapter[:40]}", which is no adapter; {meant(provider.adapter, sorted(adapters))}'
            yield Problem(path=(*path, "adapter"), text=text)
        else:
            yield from _audit_needs(path, provider, adapters[provider.adapter])
            yield from audit_senders(path, provider, adapters[provider.adapter].sender)
        if provider.base_url:
            yield from audit_base_url(settings, (*path, "base_url"), provider.base_url)
        yield from _audit_in_flight(settings, path, provider)


def _audit_needs(path: Path, provider: ProviderSettings, needs: Needs) -> Iterator[Problem]:
    if needs.base_url and not provider.base_url:
        yield Problem(path=(*path, "base_url"), text="is missing; write it, https://host/path")
    if provider.credential is None:
        yield Problem(path=(*path, "credential"), text=f'is missing; write {needs.credential}, as "env:NAME"')
    if needs.webhook_keys and not provider.webhook_keys:
        text = f'is missing; write {needs.webhook_keys}, such as k1 = "env:NAME"'
        yield Problem(path=(*path, "webhook_keys"), text=text)
    if provider.webhook_keys and not (needs.webhook_keys or needs.optional_webhook_keys):
        text = f"are of no use to the adapter {provider.adapter}; take them out"
        yield Problem(path=(*path, "webhook_keys"), text=text)
    for name in sorted(name for name in needs.required if not provider.options.get(name, "").strip()):
        yield Problem(path=(*path, "options", name), text=f"is missing; write {needs.required[name]}")
    yield from _audit_forms(path, provider, needs)
    known = sorted({*needs.required, *needs.optional})
    for name in provider.options.keys() - set(known):
        text = f"is no option of the adapter {provider.adapter}; {meant(name, known)}"
        yield Problem(path=(*path, "options", name), text=text)


def _audit_forms(path: Path, provider: ProviderSettings, needs: Needs) -> Iterator[Problem]:
    """Refuse what would make another address of the provider's, or what it would refuse in each message."""
    described = {**needs.required, **needs.optional}
    given = {name: value for name in needs.forms if (value := provider.options.get(name, "")).strip()}
    for name in sorted(name for name, value in given.items() if not re.fullmatch(needs.forms[name], value)):
        text = f"has a sign or a form that cannot be right; write {described[name]}"
        yield Problem(path=(*path, "options", name), text=text)


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
        total = sum(shares.values())
        if abs(total - _WHOLE) > _TOLERANCE:
            yield Problem(path=path, text=f"has shares that sum to {total:g}; make it 100 percent")
        for name in sorted(shares.keys() - settings.providers.keys()):
            text = f"is a share for a provider that is not configured; {meant(name, sorted(settings.providers))}"
            yield Problem(path=(*path, name), text=text)
