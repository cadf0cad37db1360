"""SMS providers: one file each, and the table of all of them."""

from collections.abc import Mapping
from typing import Final

from pipeline.settings import Settings
from providers.aws import AwsProvider
from providers.base import HttpProvider
from providers.carrier import CarrierProvider
from providers.infobip import InfobipProvider
from providers.messagebird import MessageBirdProvider
from providers.plivo import PlivoProvider
from providers.sinch import SinchProvider
from providers.telnyx import TelnyxProvider
from providers.twilio import TwilioProvider
from providers.vonage import VonageProvider
from providers.vonage_sms import VonageSmsProvider

ADAPTERS: Final[Mapping[str, type[HttpProvider]]] = {
    CarrierProvider.adapter: CarrierProvider,
    TwilioProvider.adapter: TwilioProvider,
    InfobipProvider.adapter: InfobipProvider,
    TelnyxProvider.adapter: TelnyxProvider,
    AwsProvider.adapter: AwsProvider,
    PlivoProvider.adapter: PlivoProvider,
    SinchProvider.adapter: SinchProvider,
    MessageBirdProvider.adapter: MessageBirdProvider,
    VonageProvider.adapter: VonageProvider,
    VonageSmsProvider.adapter: VonageSmsProvider,
}


def provider_of(settings: Settings, name: str) -> HttpProvider:
    """Give the provider behind one account in the settings. Raises SettingsError where a value cannot be used."""
    chosen = settings.providers[name]
    return ADAPTERS[chosen.adapter](name, chosen)


def providers_of(settings: Settings) -> dict[str, HttpProvider]:
    """Give the providers behind all accounts in the settings, by the names of the accounts. Raises SettingsError."""
    return {name: provider_of(settings, name) for name in settings.providers}
