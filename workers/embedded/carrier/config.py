"""How the simulated carriers are set up, and how they behave while no fault is ordered."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.settings import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """A healthy carrier. The shares of receipts are those of the world in which the routing was chosen."""

    delivery_share: float = 0.96  # of the messages taken, the rest fail
    latency_median_s: float = 0.08  # of the answer, log-normal
    latency_sigma: float = 0.4  # 0: always the median
    delivery_median_s: float = 0.8  # from the request to the handset, log-normal with sigma 0.5
    receipt_floor_s: float = 2.0  # no receipt comes earlier, so none overtakes its message ...
    receipt_median_s: float = 5.0  # ... and beyond that the delay is log-normal
    receipt_sigma: float = 0.75  # 99 in 100 within 31 s
    unreported_deliveries: float = 0.03  # share of deliveries without a receipt
    unreported_failures: float = 0.5  # share of failures without a receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Our account with one carrier."""

    credential: Secret  # bearer token, and key of the callbacks' signature
    behaviour: Behaviour = Behaviour()


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierConfig:
    """Several carriers in one process: each answers under `/<name>/`."""

    accounts: Mapping[str, Account]
    journal: Path  # folder; what is there already stays
    journal_key: Secret  # of the keyed hashes of codes and numbers
    host: str = "127.0.0.1"
    port: int = 0  # 0: a free one
    seed: int = 1
