"""Every request that the adapters can make, and every answer, against the providers' own descriptions."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace as changed

from pipeline.errors import Misconfigured, ProviderError
from pipeline.message.text import TEXTS
from providers import ADAPTERS
from providers.base import HttpProvider, HttpRequest
from providers.seam import Finding, Sms
from tests.providers.contract import an_sms, sample
from tests.providers.described import PROJECT, SPECS, guarded, missing, mock
from tests.providers.described_fields import described_fields, sent_fields

DESCRIBED: Final = {adapter: spec for adapter in ADAPTERS if (spec := sample(adapter).spec)}
CHECKED: Final = {adapter: specs for adapter in ADAPTERS if (specs := sample(adapter).check_specs)}
RANDOM_ANSWERS: Final = 200
DLT: Final = {"dlt_entity_id": "1201159000000000001", "dlt_template_id": "1207159000000000001", "campaign_id": "C1"}

needs_prism = pytest.mark.skipif(missing() is not None, reason=missing() or "")


def _account(adapter: str, base_url: str) -> HttpProvider:
    return ADAPTERS[adapter]("one", replace(sample(adapter).settings, base_url=base_url))


def _messages(adapter: str) -> Iterator[Sms]:
    """Give every kind of message: language, sender, validity, registration."""
    one = an_sms(within_s=3600.0)
    for text in TEXTS.values():
        yield changed(one, text=text.format(code="123456", brand="Ithaca"))
    senders, pools = ("Ithaca", "+447700900001", "12345"), (None, sample(adapter).pool or "of-another")
    for sender, pool, validity_s in product(senders, pools, (1, 30, 300, 600)):
        yield changed(one, sender=sender, pool=pool, validity_s=validity_s)
    yield changed(one, to="+919876543210", country="IN", registrations=DLT)


def _requested(adapter: str, provider: HttpProvider) -> Iterator[tuple[Sms, HttpRequest]]:
    """Give the messages that the adapter sends at all, with their requests: letters may need a pool."""
    letters_need_pool = ADAPTERS[adapter].needs.sender.letters_in_pool
    for sms in _messages(adapter):
        if sms.pool or not letters_need_pool or sms.sender != "Ithaca":
            yield sms, provider.build_request(sms)


@pytest.mark.processes
@needs_prism
@pytest.mark.parametrize("adapter", DESCRIBED)
async def test_every_request_for_a_message_is_as_described(adapter: str, tmp_path: Path) -> None:
    async with mock(DESCRIBED[adapter], tmp_path) as url, guarded([url]) as guard:
        provider = _account(adapter, guard.url)
        for sms, _ in _requested(adapter, provider):
            assert (await provider.send(sms)).message_id
        await provider.close()

    assert guard.violations == []


@pytest.mark.skipif(not SPECS.is_dir(), reason="needs the providers' descriptions in ../shared/specs")
@pytest.mark.parametrize("adapter", DESCRIBED)
def test_every_field_of_a_request_is_one_that_is_described(adapter: str) -> None:
    """Of a form Prism lets any field pass, also where its description allows no others."""
    requests = [request for _, request in _requested(adapter, _account(adapter, "https://x.test"))]
    sent = {field for request in requests for field in sent_fields(request)}
    described = described_fields(DESCRIBED[adapter], requests[0])

    assert len(described) > len(sent) > 0
    assert sent - described == set()


@pytest.mark.processes
@needs_prism
@pytest.mark.parametrize("adapter", DESCRIBED)
async def test_random_answers_as_described_give_an_id_or_an_error_of_ours(adapter: str, tmp_path: Path) -> None:
    codes = set()
    async with mock(DESCRIBED[adapter], tmp_path) as url, guarded([url], prefer="dynamic=true") as guard:
        provider = _account(adapter, guard.url)
        for _ in range(RANDOM_ANSWERS):
            try:
                codes.add((await provider.send(an_sms(adapter))).message_id)
            except ProviderError as error:
                codes.add(error.code)
        await provider.close()

    assert len(guard.answers) > 10  # they are random
    assert "defect" not in codes


@pytest.mark.processes
@needs_prism
@pytest.mark.parametrize("adapter", CHECKED)
async def test_check_is_as_described_and_tells_a_good_credential_from_a_wrong_one(adapter: str, tmp_path: Path) -> None:
    asked = _account(adapter, "https://x.test").checks()["credential"]
    async with AsyncExitStack() as mocks:
        urls = [await mocks.enter_async_context(mock(spec, tmp_path)) for spec in CHECKED[adapter]]
        # Answers are made up: some of the examples that the descriptions give break them.
        async with guarded(urls, asked.headers["Authorization"], prefer="dynamic=true") as guard:
            good = await _checked(adapter, guard.url)
        async with guarded(urls, "Basic of another account") as other:
            wrong = await _checked(adapter, other.url)

    assert [finding for finding in good if finding.error] == []
    assert guard.violations == []
    assert {type(finding.error) for finding in wrong} == {Misconfigured}


@pytest.mark.processes
@needs_prism
@pytest.mark.parametrize("adapter", CHECKED)
async def test_command_says_which_credential_is_good_and_which_is_not(adapter: str, tmp_path: Path) -> None:
    (tmp_path / "ithaca.toml").write_text(_toml(adapter))
    secret = sample(adapter).settings.credential
    asked = _account(adapter, "https://x.test").checks()["credential"]
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(mock(spec, tmp_path)) for spec in CHECKED[adapter]]
        guard = await stack.enter_async_context(guarded(urls, asked.headers["Authorization"], prefer="dynamic=true"))
        environ = {"BASE_URL": guard.url, **_keys(adapter)}
        good = await _command(tmp_path, {**environ, "SECRET": secret.reveal().decode() if secret else ""})
        wrong = await _command(tmp_path, {**environ, "SECRET": "of-another-account"})
        none = await _command(tmp_path, environ)

    assert (good[0], wrong[0], none[0]) == (0, 1, 2), (good, wrong, none)
    assert "the provider refuses this account" in wrong[1]
    assert "providers.one.credential refers to the variable SECRET, which is not set; set it" in none[1]


def _toml(adapter: str) -> str:
    settings = sample(adapter).settings
    rings = "".join(f'webhook_keys.{kid} = "env:KEY_{kid.upper()}"\n' for kid in settings.webhook_keys)
    options = "".join(f'options.{name} = "{value}"\n' for name, value in settings.options.items())
    account = f'[providers.one]\nadapter = "{adapter}"\ncredential = "env:SECRET"\nsenders."*" = "+15550100"\n'
    return f'{account}{rings}{options}[routes]\n"*" = {{ one = 100 }}\n'


def _keys(adapter: str) -> dict[str, str]:
    keys = sample(adapter).settings.webhook_keys
    return {f"KEY_{kid.upper()}": key.reveal().decode() for kid, key in keys.items()}


async def _command(folder: Path, environ: dict[str, str]) -> tuple[int, str]:
    """Run `ithaca providers check one`; give its exit code and what it said."""
    url = {"ITHACA_PROVIDERS__ONE__BASE_URL": environ["BASE_URL"], "PYTHONPATH": str(PROJECT)}
    ours = {name: value for name, value in environ.items() if name != "BASE_URL"} | url
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "providers", "check", "one"),
        cwd=folder,
        env={"PATH": os.environ["PATH"], **ours},
        stdout=PIPE,
        stderr=STDOUT,
    )
    said, _ = await command.communicate()
    return command.returncode or 0, said.decode()


async def _checked(adapter: str, base_url: str) -> tuple[Finding, ...]:
    provider = _account(adapter, base_url)
    try:
        return await provider.check()
    finally:
        await provider.close()
