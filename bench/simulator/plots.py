"""The figures as pictures. Needs matplotlib, which only this file knows."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bench.simulator.meter import SHARP
from bench.simulator.policies.base import Shares
from bench.simulator.summary import OURS
from bench.simulator.truth import Truth
from bench.simulator.worlds import World

mpl.use("Agg")

DPI: Final = 110
WIDE: Final = (11.0, 4.2)
TALL: Final = (11.0, 6.4)
OUR_COLOUR: Final = "#1f6f8b"
OTHER_COLOUR: Final = "#b8bec4"
PROVIDER_COLOURS: Final = ("#1f6f8b", "#e07a3f", "#6a994e", "#8d6cab", "#c9a227", "#b23a48", "#5c6b73", "#3d9a8b")
WORKING_COLOUR: Final = "#eef1f3"
SHARP_COLOUR: Final = "#b23a48"
BROWN_COLOUR: Final = "#e9b384"


def bars(policies: Mapping[str, Mapping[str, Any]], title: str, path: Path) -> None:
    """Draw what each policy loses, with standard errors."""
    names = sorted(policies, key=lambda name: policies[name]["lost_per_1000"])
    lost = [policies[name]["lost_per_1000"] for name in names]
    errors = [policies[name]["lost_per_1000_error"] or 0.0 for name in names]
    figure = Figure(figsize=WIDE, layout="constrained")
    axes = figure.subplots()
    colours = [OUR_COLOUR if name == OURS else OTHER_COLOUR for name in names]
    drawn = axes.barh(names, lost, xerr=errors, color=colours, error_kw={"ecolor": "#444444", "capsize": 3})
    axes.bar_label(drawn, [f"{value:.1f}" for value in lost], padding=6)
    axes.set_xlabel("lost deliveries per 1,000 messages, against an oracle")
    axes.set_xlim(0, 1.12 * max(*lost, 1.0))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, loc="left")
    figure.savefig(path, dpi=DPI)


def course(world: World, truth: Truth, shares: Sequence[Shares], title: str, path: Path) -> None:
    """Draw the shares of the first country over time, under what each provider really did."""
    figure = Figure(figsize=TALL, layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(1, 2))
    for row, provider in enumerate(truth.providers):
        for start, length, colour in _states(world, truth, provider):
            above.broken_barh([(start / 60, length / 60)], (row - 0.4, 0.8), facecolors=colour)
    labels = [f"{name} ({truth.base[name]:.0%})" for name in truth.providers]
    above.set_yticks(range(len(labels)), labels)
    for label, colour in zip(above.get_yticklabels(), PROVIDER_COLOURS, strict=False):
        label.set(color=colour, fontweight="bold")
    above.invert_yaxis()
    above.set_title(title, loc="left")
    above.legend(handles=list(_legend()), loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False)
    minutes = [second / 60 for second in range(len(shares))]
    stacks = [[split.get(name, 0.0) for split in shares] for name in truth.providers]
    below.stackplot(minutes, stacks, colors=PROVIDER_COLOURS, step="post")
    below.set(xlabel="minutes", ylabel="share of the messages", ylim=(0, 1), xlim=(0, len(shares) / 60))
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=DPI)


def _states(world: World, truth: Truth, provider: str) -> Iterator[tuple[int, int, str]]:
    yield 0, world.seconds, WORKING_COLOUR
    for fault in truth.faults:
        if provider in fault.providers and truth.countries[0] in fault.countries:
            colour = SHARP_COLOUR if fault.kind.delivers < SHARP else BROWN_COLOUR
            yield fault.start, min(fault.end, world.seconds) - fault.start, colour


def _legend() -> Iterator[Patch]:
    yield Patch(facecolor=WORKING_COLOUR, label="works")
    yield Patch(facecolor=BROWN_COLOUR, label="brown-out")
    yield Patch(facecolor=SHARP_COLOUR, label="delivers almost nothing")
