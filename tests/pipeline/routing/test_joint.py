"""When all providers fail together."""

from pipeline.records import Mode
from tests.pipeline.routing.worlds import SILENT, WELL, Behaves, Behaviour, World

FAULT, OVER = 240, 330


def all_between(start: int, end: int) -> Behaves:
    def behaves(_provider: str, _country: str, second: int) -> Behaviour:
        return SILENT if start <= second < end else WELL

    return behaves


def but(provider: str, behaves: Behaves) -> Behaves:
    """Let all behave so but one, which is well."""
    return lambda name, country, second: WELL if name == provider else behaves(name, country, second)


def mode(world: World) -> Mode:
    return world.router.tables["GB"].mode


def test_when_all_deliver_again_nothing_is_moved_and_automation_goes_on() -> None:
    world = World(behaves=all_between(FAULT, OVER), rates={"GB": 10, "US": 10}).run(OVER)
    assert mode(world) is Mode.ALL_BAD
    leads = world.leader("GB"), world.leader("US")
    world.run(OVER + 120)
    assert (world.leader("GB"), world.leader("US")) == leads
    assert mode(world) is Mode.AUTOMATIC


def test_while_one_delivers_it_gets_the_traffic() -> None:
    world = World(behaves=but("c", all_between(FAULT, OVER)), rates={"GB": 10, "US": 10}).run(OVER)
    assert (world.leader("GB"), world.leader("US")) == ("c", "c")


def test_one_that_recovers_before_the_others_gets_the_traffic() -> None:
    early = but("c", all_between(FAULT, OVER + 200))

    def behaves(provider: str, country: str, second: int) -> Behaviour:
        return SILENT if FAULT <= second < OVER else early(provider, country, second)

    world = World(behaves=behaves, rates={"GB": 10, "US": 10}).run(OVER + 90)
    assert (world.leader("GB"), world.leader("US")) == ("c", "c")


def test_a_provider_that_has_long_lost_a_part_is_better_than_one_that_loses_all() -> None:
    def behaves(provider: str, _country: str, second: int) -> Behaviour:
        if provider == "a":
            return SILENT if second >= FAULT else WELL
        return Behaviour(delivered=0.5) if second >= FAULT - 120 else WELL

    world = World(behaves=behaves, shares={"a": 60, "b": 40}).run(FAULT)
    assert world.leader() == "a"
    assert world.run(FAULT + 60).leader() == "b"
