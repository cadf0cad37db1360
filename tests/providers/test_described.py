"""Every request that the adapters can make, and every answer, against the providers' own descriptions."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace as changed

from pipeline.errors import Misconfigured, ProviderError
from pipeline.text import TEXTS
from providers import ADAPTERS
from providers.base import HttpProvider
from providers.seam import Finding, Sms
from tests.providers.contract import an_sms, sample
from tests.providers.described import guarded, missing, mock

DESCRIBED: Final = [adapter for adapter in ADAPTERS if sample(adapter).specs]
RANDOM_ANSWERS: Final = 200
DLT: Final = {"dlt_entity_id": "1201159000000000001", "dlt_template_id": "1207159000000000001", "campaign_id": "C1"}

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.parametrize("adapter", DESCRIBED),
]


def _account(adapter: str, base_url: str) -> HttpProvider:
    return ADAPTERS[adapter]("one", replace(sample(adapter).settings, base_url=base_url))


def _messages(adapter: str) -> Iterator[Sms]:
    """Give every kind of message: language, sender, validity, registration."""
    one = an_sms(within_s=3600.0)
    for text in TEXTS.values():
        yield changed(one, text=text.format(code="123456", brand="Ithaca"))
    senders, pools = ("Ithaca", "+447700900001", "12345"), (None, sample(adapter).pool)
    for sender, pool, validity_s in product(senders, pools, (1, 30, 300, 600)):
        yield changed(one, sender=sender, pool=pool, validity_s=validity_s)
    yield changed(one, to="+919876543210", country="IN", registrations=DLT)


async def test_every_request_for_a_message_is_as_described(adapter: str, tmp_path: Path) -> None:
    async with mock(sample(adapter).specs[0], tmp_path) as url, guarded([url]) as guard:
        provider = _account(adapter, guard.url)
        for sms in _messages(adapter):
            assert (await provider.send(sms)).message_id
        await provider.close()

    assert guard.violations == []


async def test_random_answers_as_described_give_an_id_or_an_error_of_ours(adapter: str, tmp_path: Path) -> None:
    codes = set()
    async with mock(sample(adapter).specs[0], tmp_path) as url, guarded([url], prefer="dynamic=true") as guard:
        provider = _account(adapter, guard.url)
        for _ in range(RANDOM_ANSWERS):
            try:
                codes.add((await provider.send(an_sms())).message_id)
            except ProviderError as error:
                codes.add(error.code)
        await provider.close()

    assert len(guard.answers) > 10  # they are random
    assert "defect" not in codes


async def test_check_is_as_described_and_tells_a_good_credential_from_a_wrong_one(adapter: str, tmp_path: Path) -> None:
    asked = _account(adapter, "https://x.test").checks()["credential"]
    async with AsyncExitStack() as mocks:
        urls = [await mocks.enter_async_context(mock(spec, tmp_path)) for spec in sample(adapter).specs]
        # Answers are made up: some of the examples that the descriptions give break them.
        async with guarded(urls, asked.headers["Authorization"], prefer="dynamic=true") as guard:
            good = await _checked(adapter, guard.url)
        async with guarded(urls, "Basic of another account") as other:
            wrong = await _checked(adapter, other.url)

    assert [finding for finding in good if finding.error] == []
    assert guard.violations == []
    assert {type(finding.error) for finding in wrong} == {Misconfigured}


async def _checked(adapter: str, base_url: str) -> tuple[Finding, ...]:
    provider = _account(adapter, base_url)
    try:
        return await provider.check()
    finally:
        await provider.close()
