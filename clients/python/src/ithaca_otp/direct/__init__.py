"""The direct door: ask on Kafka. Needs the extra `kafka`: `pip install 'ithaca-otp-client[kafka]'`."""

from ithaca_otp.direct.client import DirectClient
from ithaca_otp.direct.notices import Expired, RefusedRequest
from ithaca_otp.direct.requests import Request

__all__ = ["DirectClient", "Expired", "RefusedRequest", "Request"]
