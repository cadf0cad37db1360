"""The policies by name."""

from collections.abc import Callable, Mapping
from typing import Final

from bench.simulator.policies.base import Policy
from bench.simulator.policies.breaker import Breakers
from bench.simulator.policies.ewma import Ewma
from bench.simulator.policies.ithaca import Ithaca
from bench.simulator.policies.last_125 import Last125
from bench.simulator.policies.notify import Notify
from bench.simulator.policies.simple import Oracle, Static
from bench.simulator.truth import Truth

POLICIES: Final[Mapping[str, Callable[[Truth], Policy]]] = {
    "ithaca": Ithaca,
    "last_125": Last125,
    "ewma": Ewma,
    "breaker": Breakers,
    "static": Static,
    "notify": Notify,
    "oracle": Oracle,
}
