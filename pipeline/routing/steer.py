"""What operators' orders make of the shares that automation has made."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from pipeline.routing.overrides import Overrides
from pipeline.routing.shares import Candidate, limit

PROBED: Final = 0.05  # of the traffic at least, for a provider that an operator probes


def steer(shares: Mapping[str, float], left: Sequence[Candidate], ordered: Overrides) -> dict[str, float]:
    """Give the shares, 1 together, of those that are left: neither banned nor drained.

    What the others had goes to the best of them, and nothing else is moved.
    """
    if ordered.pinned:
        steered = limit({one.provider: float(one.provider == ordered.pinned) for one in left}, left)
    elif any(share for name, share in shares.items() if name in ordered.out):
        # Each may keep what it has, whatever the stage of its return: these shares are not to be moved.
        held = [replace(one, most=max(one.most, shares.get(one.provider, 0.0))) for one in left]
        steered = limit({one.provider: shares.get(one.provider, 0.0) for one in left}, held)
    else:
        steered = {one.provider: shares.get(one.provider, 0.0) for one in left}
    return _probe(steered, {one.provider: min(PROBED, one.most) for one in left if one.provider in ordered.probed})


def _probe(shares: Mapping[str, float], probes: Mapping[str, float]) -> dict[str, float]:
    """Give those that are probed their share, at the cost of all others in proportion."""
    raised = {name: share for name, share in probes.items() if share > shares[name]}
    rest = sum(share for name, share in shares.items() if name not in raised)
    kept = (1 - sum(raised.values())) / rest if rest else 0.0
    return {name: raised.get(name, share * kept) for name, share in shares.items()}
