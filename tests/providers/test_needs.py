"""What the settings of an account with each provider must be, before a process starts."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from pipeline.errors import RouteRefused, SettingsError
from pipeline.settings import Secret
from pipeline.settings.parse import Document, parse
from pipeline.settings.references import Found
from providers.seam import Sms
from tests.providers.contract import CONTRACTED, an_sms, sample, unopened

NEEDS = {name: adapter.needs for name, adapter in CONTRACTED.items()}
NUMBER = {"*": "+15550100"}
LETTERS = {"*": "Ithaca"}
POOL = {"*": "a-pool"}


def problems(adapter: str, **changes: Any) -> str:
    """Read the settings of one account, and give what is said against them."""
    given = sample(adapter).settings
    keys = given.webhook_keys
    account = {
        "adapter": adapter,
        "base_url": "https://provider.test",
        "credential": "env:SECRET",
        "webhook_keys": {kid: f"env:{kid}" for kid in keys},
        "options": dict(given.options),
        "senders": NUMBER,
        **changes,
    }
    document = Document(values={"providers": {"one": account}, "routes": {"*": {"one": 100}}})
    known: Mapping[str, Secret | None] = {"SECRET": given.credential, **keys}
    try:
        parse(document, adapters=NEEDS, find=lambda _, name: Found(data=(known[name] or Secret(b"")).reveal()))
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("adapter", CONTRACTED)
def test_an_account_with_a_number_to_send_from_is_good(adapter: str) -> None:
    assert problems(adapter) == ""


@pytest.mark.parametrize("adapter", CONTRACTED)
def test_what_an_adapter_would_stop_at_each_message_is_refused_at_the_start(adapter: str) -> None:
    """With each kind of sender and pool: one or the other, so that no code dies of a setting."""
    for senders in ({}, NUMBER, LETTERS):
        for pools in ({}, POOL) if NEEDS[adapter].sender.pool else ({},):
            said = problems(adapter, senders=senders, pools=pools)
            sms = changed(an_sms(), sender=senders.get("*"), pool=pools.get("*"))

            assert bool(said) is not _goes_out(adapter, sms), (senders, pools, said)


def _goes_out(adapter: str, sms: Sms) -> bool:
    try:
        unopened(adapter).build_request(sms)
    except RouteRefused:
        return False
    return True


@pytest.mark.parametrize("adapter", [name for name, needs in NEEDS.items() if not needs.sender.pool])
def test_pools_that_nobody_would_look_at_are_refused(adapter: str) -> None:
    assert "providers.one.pools are of no use" in problems(adapter, pools=POOL)
    assert b"a-pool" not in unopened(adapter).build_request(changed(an_sms(), pool="a-pool")).body


@pytest.mark.parametrize("adapter", [name for name, needs in NEEDS.items() if needs.sender.pool])
def test_pools_that_an_adapter_knows_are_sent(adapter: str) -> None:
    assert problems(adapter, pools=POOL) == ""
    assert b"a-pool" in unopened(adapter).build_request(changed(an_sms(), pool="a-pool")).body


@pytest.mark.parametrize(
    ("sender", "good"), [("My Shop", False), ("A&B", False), ("My_Shop-1", True), ("My+Shop", True), ("Shop", True)]
)
def test_senders_that_aws_refuses_are_refused_at_the_start(sender: str, *, good: bool) -> None:
    said = problems("aws", senders={"GB": sender})

    assert ("providers.one.senders.GB has a sign that aws refuses" in said) is not good


def test_letters_at_telnyx_need_a_profile_for_that_country() -> None:
    assert "takes beside a pool alone" in problems("telnyx", senders={"GB": "Ithaca"}, pools={"DE": "a-pool"})
    assert problems("telnyx", senders={"GB": "Ithaca"}, pools={"GB": "a-pool"}) == ""


@pytest.mark.parametrize(
    ("adapter", "option"),
    [(name, option) for name, needs in NEEDS.items() for option in needs.forms],
)
@pytest.mark.parametrize("value", ["eu.x/y?", "a b", "a/../b#", "user@", "\u00fc", "e u"])
def test_an_option_that_would_make_another_address_is_refused_at_the_start(
    adapter: str, option: str, value: str
) -> None:
    options = {**sample(adapter).settings.options, option: value}

    assert f"providers.one.options.{option} has a sign" in problems(adapter, options=options), value


@pytest.mark.parametrize("adapter", CONTRACTED)
def test_what_goes_into_an_address_has_a_form(adapter: str) -> None:
    """Every option that turns up in the address of a request as it is."""
    given, needs = sample(adapter).settings, NEEDS[adapter]
    settings = replace(given, base_url="https://provider.test") if needs.base_url else given
    for option in {*needs.required, *needs.optional} - needs.forms.keys():
        options = {**settings.options, option: "x/../?y#z"}
        try:
            account = CONTRACTED[adapter]("one", replace(settings, options=options))
        except SettingsError:
            continue
        urls = [request.url for request in account.checks().values()]
        assert not re.search("x/../[?]y", " ".join([*urls, account.base_url])), f"give {option} a form in needs.forms"
