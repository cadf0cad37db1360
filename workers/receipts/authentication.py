"""Whose a callback is: that it comes from its provider, and which attempts of ours its receipts belong to."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from aiohttp import web

from pipeline.errors import DeadReason, InvalidMessage, ProviderError
from pipeline.proof.callback_token import CallbackToken, fits, verify
from providers.seam import Callback, Provider, ProviderReceipt
from workers.receipts.counter import CallbackCounter
from workers.state.receipts import ReceiptVerdict
from workers.web.parts import Parts
from workers.web.problems import Problem, read_body

# What refuses a callback, in the provider's eyes; all else is a callback that cannot be read.
REFUSALS: Final[Mapping[DeadReason, HTTPStatus]] = {
    DeadReason.SEAL_BROKEN: HTTPStatus.UNAUTHORIZED,  # forged: our token or the provider's signature
    DeadReason.EXPIRED: HTTPStatus.GONE,  # the token is over
}


class Authenticator:
    """Proves callbacks with their providers' signatures and our tokens."""

    def __init__(self, parts: Parts, providers: Mapping[str, Provider], counter: CallbackCounter) -> None:
        self._public_url = parts.settings.receipts.public_url
        self._keys = parts.settings.keys.tokens
        self._providers = providers
        self._clock = parts.clock
        self._counter = counter

    async def read(self, request: web.Request) -> list[tuple[CallbackToken, ProviderReceipt]]:
        """Prove that a callback comes from its provider and belongs to attempts of ours. Raises Problem."""
        try:
            provider, text = self._owner(request)
            callback = Callback(
                method=request.method,
                url=self._public_url + request.raw_path,
                headers=request.headers,
                body=await read_body(request),
                received_at=self._clock.now().timestamp(),
            )
            return self._ours(provider, await provider.receive(callback), text)
        except InvalidMessage as error:
            self._counter.count(f"refused_{error.reason}")
            raise Problem(REFUSALS.get(error.reason, HTTPStatus.BAD_REQUEST), error.detail) from None
        except ProviderError:
            self._counter.count("proof_unavailable")
            detail = "what proves this callback cannot be had now: repeat it"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail) from None

    def _ours(
        self, provider: Provider, receipts: Sequence[ProviderReceipt], text: str | None
    ) -> list[tuple[CallbackToken, ProviderReceipt]]:
        """Give the receipts of attempts of ours. Of several, one that is wrong is counted, and the others are taken.

        Raises InvalidMessage where nothing is right. Else the answer is 200: a repeat would bring the same again.
        """
        found, wrong = [], []
        for receipt in receipts:
            try:
                token = self._token(provider, receipt, text)
            except InvalidMessage as error:
                wrong.append(error)
            else:
                found += [(token, receipt)] if token else []
        if wrong and not found:
            raise wrong[0]
        self._counter.count(*(f"refused_{one.reason}" for one in wrong))
        return found

    def _owner(self, request: web.Request) -> tuple[Provider, str | None]:
        """Give the provider that is called, and the token in the URL, where there is one."""
        text = request.match_info.get("token")
        provider = self._providers.get(request.match_info["provider"])
        if provider is None or (text and verify(text, self._keys, self._clock.now()).provider != provider.name):
            raise InvalidMessage(DeadReason.SEAL_BROKEN, "the callback token is another provider's")
        return provider, text

    def _token(self, provider: Provider, receipt: ProviderReceipt, text: str | None) -> CallbackToken | None:
        """Give the token that a receipt belongs to. None: a genuine receipt of a message that was never ours.

        Where the provider has signed a reference too, it must be of the same attempt as the URL.
        """
        if text is None:
            return self._foreign(provider, receipt.reference or "")
        if not fits(receipt.reference, text):
            raise InvalidMessage(DeadReason.SEAL_BROKEN, "the callback is of another attempt than its address")
        return verify(text, self._keys, self._clock.now())

    def _foreign(self, provider: Provider, reference: str) -> CallbackToken | None:
        try:
            token = verify(reference, self._keys, self._clock.now())
        except InvalidMessage:
            token = None
        if token is None or token.provider != provider.name:
            self._counter.count(ReceiptVerdict.STRANGER)
            return None
        return token
