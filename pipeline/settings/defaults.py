"""A complete development system, without a file and without a secret. Production knows none of this."""

from typing import Any, Final

from pipeline.settings.needs import Needs

SIMULATED: Final = {"carrier": Needs(credential="the bearer token of this carrier", base_url=True)}
CARRIERS: Final = {"carrier-a": 50, "carrier-b": 30, "carrier-c": 20}  # share of traffic in percent

DEVELOPMENT: Final[dict[str, Any]] = {
    "keys": {
        "codes": {"dev": "dev:codes"},
        "numbers": {"dev": "dev:numbers"},
        "tokens": {"dev": "dev:tokens"},
    },
    "callers": {
        "demo": {
            "api_key": "dev:demo",  # the bearer key is the text dev-demo
            "seal_keys": {"demo-1": "dev:seal-demo"},
            "brand": "Ithaca demo",
            "domain": "example.com",
        },
    },
    "operators": {
        "dev": {"key": "dev:operator", "role": "operator"},  # the key is the text dev-operator
        "guest": {"key": "dev:viewer", "role": "viewer"},
    },
    "providers": {
        name: {
            "adapter": "carrier",
            "base_url": f"http://127.0.0.1:8090/{name}",  # `ithaca up` sets the port that it found
            "credential": f"dev:{name}",
        }
        for name in CARRIERS
    },
    "routes": {"*": CARRIERS},
}
