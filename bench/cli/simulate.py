"""`ithaca simulate`: what the decision is worth, in virtual time, beside other policies."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bench.cli.lines import table_of
from workers.cli.output import JsonOption, console, write_json

if TYPE_CHECKING:
    from bench.simulator.cell import Outcome
    from bench.simulator.summary import Figures
    from bench.simulator.worlds import World

COLUMNS: Final = (
    ("lost per 1,000", "lost_per_1000"),
    ("detect p50 s", "detect_p50_s"),
    ("p95 s", "detect_p95_s"),
    ("missed", "detect_missed"),
    ("drain p50 s", "drain_p50_s"),
    ("brown-out p50 s", "brown_p50_s"),
    ("lost calm", "calm_lost_per_1000"),
    ("moves/calm h", "moves_per_calm_hour"),
    ("reversals/h", "reversals_per_hour"),
    ("undelivered", "undelivered_per_1000"),
    ("sent again", "sent_again_per_1000"),
)

app = typer.Typer()

WorldOption = Annotated[str, typer.Option("--world", help="Which world: a wrong name lists them.")]
RateOption = Annotated[float | None, typer.Option("--rate", min=0.01, help="Messages a second in each country.")]
ProvidersOption = Annotated[int | None, typer.Option("--providers", min=1, max=16, help="How many there are.")]
SeedsOption = Annotated[int, typer.Option("--seeds", min=1, help="How many runs, each with luck of its own.")]
FirstOption = Annotated[int, typer.Option("--first-seed", min=0, help="The first of them.")]
PoliciesOption = Annotated[
    str | None, typer.Option("--policies", help="Names with commas between them; all if left out.")
]
PlotsOption = Annotated[Path | None, typer.Option("--plots", help="Draw the figures into this folder, as PNG.")]
MinutesOption = Annotated[float | None, typer.Option("--minutes", min=2, help="Virtual time of each run.")]


@app.command()
def simulate(
    *,
    world: WorldOption = "standard",
    rate: RateOption = None,
    providers: ProvidersOption = None,
    seeds: SeedsOption = 30,
    first_seed: FirstOption = 1,
    policies: PoliciesOption = None,
    minutes: MinutesOption = None,
    plots: PlotsOption = None,
    json_to: JsonOption = None,
) -> None:
    """Simulate providers that fail, and what each policy loses: the real decision beside others, on all cores."""
    from bench.simulator.policies import POLICIES
    from bench.simulator.summary import lines, summary
    from bench.simulator.worlds import WORLDS
    from bench.simulator.worlds import world as world_of

    name = _known("--world", world, WORLDS)
    chosen = world_of(name, rate=rate, providers=providers, minutes=minutes)
    asked = [_known("--policies", policy, POLICIES) for policy in policies.split(",")] if policies else list(POLICIES)
    if plots:
        _need_matplotlib()
    by_policy = summary(_simulate(chosen, range(first_seed, first_seed + seeds), asked))
    console().print(_table(by_policy, f"{name}: {chosen.what}"))
    if targets := list(lines(by_policy, name, chosen.rate)):
        console().print(table_of(targets, figure="ithaca", target="target"))
    if plots:
        _draw(plots, name, chosen, by_policy, first_seed)
    write_json(json_to, {**_asked(name, chosen, seeds), "policies": by_policy})


def _need_matplotlib() -> None:
    """Refuse to draw without it before anything is simulated, not after."""
    try:
        import_module("matplotlib")
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise typer.BadParameter("needs matplotlib: pip install 'ithaca-otp[plots]'", param_hint="--plots") from None


def _draw(folder: Path, name: str, world: "World", policies: "Mapping[str, Figures]", seed: int) -> None:
    """Draw what all policies lose, and one run of the first of them."""
    from bench.simulator import plots
    from bench.simulator.cell import course

    folder.mkdir(parents=True, exist_ok=True)
    plots.bars(policies, f"{name}: {world.what}", folder / f"{name}-lost.png")
    policy = next(iter(policies))
    truth, shares = course(world, seed, policy)
    plots.course(world, truth, shares, f"{name}, seed {seed}: {policy}", folder / f"{name}-{policy}.png")


def _known(option: str, text: str, known: Mapping[str, Any]) -> str:
    name = text.strip()
    if name not in known:
        raise typer.BadParameter(f"{name!r} is not there; there are: {', '.join(known)}", param_hint=option)
    return name


def _simulate(world: "World", seeds: Sequence[int], policies: Sequence[str]) -> "list[dict[str, Outcome]]":
    from bench.simulator.cell import outcomes

    with _progress() as progress:
        return list(progress.track(outcomes(world, seeds, policies), total=len(seeds), description="seeds"))


def _asked(name: str, world: "World", seeds: int) -> dict[str, Any]:
    from bench.ground import machine

    return {
        "world": name,
        "rate": world.rate,
        "providers": world.providers,
        "countries": len(world.countries),
        "seconds": world.seconds,
        "seeds": seeds,
        **machine(),
    }


def _table(policies: "Mapping[str, Figures]", title: str) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    table.add_column()
    for head, _ in COLUMNS:
        table.add_column(head, justify="right")
    for name, figures in policies.items():
        table.add_row(name, *(_shown(figures, key) for _, key in COLUMNS))
    return table


def _shown(figures: "Figures", key: str) -> str:
    """Give a figure, with its standard error where it has one."""
    value, error = figures[key], figures.get(f"{key}_error")
    if value is None:
        return "-"
    return f"{value:.4g}" if error is None else f"{value:.1f} +- {error:.1f}"


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console(),
    )
