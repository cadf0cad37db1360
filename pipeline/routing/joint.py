"""When all providers fail together it is not the providers, and nothing is moved."""

from collections.abc import Collection, Mapping
from typing import Final

from pipeline.evidence.routes import RouteEvidence
from pipeline.routing.hearing import SILENCE, Hearing, all_since, together
from pipeline.routing.model import RouteModel

TOGETHER_S: Final = 60  # providers that begin to fail within so long may do so for one reason
NOTICED_S: Final = 5  # it takes so long to see that a provider fails
JOINT: Final = 1.5  # log odds from which on the other providers are taken to be broken too
BETTER: Final = 0.2  # of what is usual still arrives through it than through the leader
RECOVERED_S: Final = 4  # that a route must be well to be gone to: by then the leader may be, too
SETTLES_S: Final = 20  # after a common outage, messages of its end still look lost for so long

Routes = Mapping[str, tuple[RouteModel, RouteEvidence]]  # by provider


def failing_since(models: Collection[RouteModel], now: int) -> int | None:
    """Give the second at which those that fail now began to, none when none does. Old trouble is another story."""
    began = [model.unwell_since for model in models if model.unwell_since is not None]
    lately = [second for second in began if now - second < TOGETHER_S]
    return min(lately, default=max(began)) - NOTICED_S if began else None


def all_fail(routes: Routes, leader: str, elsewhere: Mapping[str, Hearing], now: int) -> bool:
    """Tell whether those of which nothing bad is known have been silent, too, since the others began to fail.

    `elsewhere` is what was heard of each provider in all countries since then. Two that fail at once make it likelier
    that all do than one does; one that has long been failing in part is another story, and better than nothing.
    """
    if any(_is_better(model, routes[leader][0], now) for model, _ in routes.values()):
        return False
    sound = {provider: of for provider, of in routes.items() if _is_sound(of[0], now)}
    since = failing_since([model for model, _ in routes.values()], now)
    if not sound or since is None:
        return not sound
    here = together(heard_of(model, evidence, now, since) for model, evidence in sound.values())
    away = together(elsewhere.get(provider, SILENCE) for provider in sound)
    return max(here.says_broken, away.says_broken) > JOINT / (len(routes) - len(sound))


def heard_of(model: RouteModel, evidence: RouteEvidence, now: int, since: int) -> Hearing:
    """Give what was heard of a sound route's messages since then, but for those from before it became sound."""
    return all_since(model, evidence, now, max(since, model.unwell_at))


def _is_sound(model: RouteModel, now: int) -> bool:
    """Tell whether a route is well for some time: when a common outage ends, one is known to be well before another."""
    return model.unwell_since is None and now - model.unwell_at >= RECOVERED_S


def _is_better(model: RouteModel, leader: RouteModel, now: int) -> bool:
    old = model.unwell_since is not None and now - model.unwell_since >= TOGETHER_S
    return old and model.now.effect > leader.now.effect + BETTER


def recovers(leader: RouteModel, evidence: RouteEvidence, failed_at: int, now: int) -> bool:
    """Tell whether the leader delivers again shortly after all failed: then the others are no better, and it stays."""
    heard = all_since(leader, evidence, now, failed_at - NOTICED_S)
    return now - failed_at < SETTLES_S and heard.says_broken < 0
