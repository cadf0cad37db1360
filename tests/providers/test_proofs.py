"""The contract test fails adapters that are deliberately wrong, and knows each way of telling whose a receipt is."""

import hmac
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from _pytest.outcomes import Failed

from providers.base import HttpProvider
from providers.callbacks import check_signature
from providers.carrier import CarrierProvider
from providers.seam import Callback, ProviderReceipt
from tests.providers.contract import CREDENTIAL, Sample, a_callback, sample
from tests.providers.kinds import Whose
from tests.providers.proofs import check_forged, check_moved

CARRIER = sample("carrier")
BASIC = "Basic " + b64encode(b"user:password").decode()


def _basic(body: bytes) -> Sequence[Callback]:
    return [a_callback(body, {"Authorization": BASIC})]


BARE = replace(CARRIER, genuine=_basic, proof="Authorization", covers_body=False, whose=Whose.TOKEN)


class Bare(CarrierProvider):
    """Basic credentials and our token in the URL: nothing of the callback is signed or repeated."""

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        check_signature("Authorization", callback.headers, [BASIC])
        signed = {"X-Carrier-Signature": hmac.digest(CREDENTIAL, callback.body, "sha256").hex()}
        receipts = super().read_receipts(replace(callback, headers=signed))
        return tuple(replace(receipt, reference=None) for receipt in receipts)


class OfTheUrl(CarrierProvider):
    """Takes the reference from where the callback came to, and so compares the URL with itself."""

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        token = callback.url.rpartition("/")[2]
        return tuple(replace(receipt, reference=token) for receipt in super().read_receipts(callback))


class OfTheUrlInShort(CarrierProvider):
    """The same with the last part alone."""

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        mac = callback.url.rpartition(".")[2]
        return tuple(replace(receipt, reference=mac) for receipt in super().read_receipts(callback))


class Trusting(Bare):
    """Does not look at the proof."""

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        return super().read_receipts(replace(callback, headers={"Authorization": BASIC}))


def _a(kind: type[HttpProvider]) -> HttpProvider:
    return kind("one", CARRIER.settings)


@pytest.mark.parametrize(("kind", "how"), [(CarrierProvider, CARRIER), (Bare, BARE)])
@pytest.mark.parametrize("check", [check_moved, check_forged])
def test_what_is_right_passes(
    check: Callable[[HttpProvider, Sample], None], kind: type[HttpProvider], how: Sample
) -> None:
    check(_a(kind), how)


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        (OfTheUrl, CARRIER),
        (OfTheUrlInShort, CARRIER),
        (Bare, replace(BARE, whose=Whose.REFERENCE)),  # it has no reference to give
        (CarrierProvider, replace(CARRIER, whose=Whose.TOKEN)),  # it has one, and says that it has none
    ],
)
def test_a_reference_that_is_not_what_the_provider_repeats_is_found(kind: type[HttpProvider], how: Sample) -> None:
    with pytest.raises(AssertionError):
        check_moved(_a(kind), how)


def test_a_proof_that_is_said_to_cover_the_url_and_does_not_is_found() -> None:
    with pytest.raises(Failed):
        check_moved(_a(CarrierProvider), replace(CARRIER, whose=Whose.URL))


def test_an_adapter_that_does_not_look_at_the_proof_is_found() -> None:
    with pytest.raises(Failed):
        check_forged(_a(Trusting), BARE)
