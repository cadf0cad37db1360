"""The direct door: ask on Kafka. Needs the extra `kafka`: `pip install 'ithaca-otp-client[kafka]'`."""

try:
    from ithaca_otp.direct.client import DirectClient
    from ithaca_otp.direct.notices import Expired, RefusedRequest
    from ithaca_otp.direct.requests import Request
except ModuleNotFoundError as error:
    missing = f"the direct door needs {error.name}: pip install 'ithaca-otp-client[kafka]'"
    raise ModuleNotFoundError(missing, name=error.name) from None

__all__ = ["DirectClient", "Expired", "RefusedRequest", "Request"]
