"""SMS providers: one file each, and the table of all of them."""

from collections.abc import Mapping
from typing import Final

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
