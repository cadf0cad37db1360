"""`ithaca providers`, and what docs/ says of adapters."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.errors import Misconfigured, ProviderError, Refused, RouteRefused, Throttled, Unavailable
from pipeline.records import Receipt, ReceiptState
from pipeline.settings import ProviderSettings, Secret
from pipeline.settings.parse import parse
from providers import ADAPTERS
from providers.seam import Finding
from tests.samples import NOW
from workers.cli.providers import _remedy
from workers.cli.trial import _step, message, request_of

TABLE = Path(__file__).parents[3] / "docs" / "reference" / "providers.md"
NUMBER = "+447700900123"


@pytest.mark.parametrize("name", ADAPTERS)
def test_page_of_providers_says_what_an_adapter_can_do(name: str) -> None:
    can = ADAPTERS[name].capabilities

    row = f"| `{name}` | {can.validity} | {can.receipts} | {can.proof} | {can.check} | {can.rotation} |"
    assert row in TABLE.read_text(), f"docs/reference/providers.md: this row is missing or says something else:\n{row}"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (RouteRefused("21408"), "register this sender"),
        (Misconfigured("20003"), "credential"),
        (Throttled("20429"), "later"),
        (Refused("brand_new_word"), "pages"),
        (Unavailable("dns_failed"), "base_url"),
        (None, ""),
    ],
)
def test_remedy_is_that_of_the_most_specific_error(error: ProviderError | None, remedy: str) -> None:
    assert remedy in _remedy(Finding(what="credential", detail="", error=error))


def test_message_of_a_trial_holds_no_code_and_its_token_is_ours() -> None:
    sms = message(parse(), "carrier-a", NUMBER)

    assert not any(sign.isdigit() for sign in sms.text)
    assert sms.callback_url.endswith(f"/receipts/carrier-a/{sms.reference}")
    assert (sms.country, sms.attempt_id) == ("GB", f"{sms.reference.split('.')[1]}.1")


@pytest.mark.parametrize("state", ReceiptState)
def test_only_a_receipt_of_delivery_says_that_a_message_was_delivered(state: ReceiptState) -> None:
    receipt = Receipt(
        request_id="request-0123456789",
        number=1,
        provider="one",
        country="GB",
        state=state,
        raw="word",
        sent_at=NOW,
        received_at=NOW,
        config="c",
    )

    assert _step(receipt, 1.0).delivered is (state is ReceiptState.DELIVERED)


def test_secrets_of_a_request_that_is_shown_are_blanked() -> None:
    settings = parse()
    credential = settings.providers["carrier-a"].credential
    assert credential

    request = request_of(settings, "carrier-a", message(settings, "carrier-a", NUMBER))

    assert request.headers["Authorization"] == "Bearer ***"
    assert credential.reveal().decode() not in f"{request.url} {request.headers} {request.body!r}"


def test_secret_in_a_form_is_blanked_as_it_is_written_there() -> None:
    secret = "S3cret+/=x"
    account = ProviderSettings(
        adapter="vonage-sms",
        credential=Secret(secret.encode()),
        options={"api_key": "k"},
        senders={"*": "Ithaca"},
    )
    settings = replace(parse(), providers={"one": account})

    body = request_of(settings, "one", message(settings, "one", NUMBER)).body.decode()

    assert "api_secret=%2A%2A%2A" in body or "api_secret=***" in body
    assert not any(spelt in body for spelt in (secret, quote(secret, safe="")))
