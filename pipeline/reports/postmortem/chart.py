"""A course as a picture: shares of the traffic stacked, the share delivered of each provider, and marks. Plain SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Final

from pipeline.reports.postmortem.course import Course, Step

WIDTH: Final = 900.0
LEFT: Final = 56.0  # of the plots
RIGHT: Final = 16.0
HEIGHT: Final = 150.0  # of each plot
TOPS: Final = (56.0, 260.0)  # of the plots
BOTTOM: Final = 470.0
TICKS: Final = 6  # along the time
LEGEND: Final = 150.0  # wide, of each provider
PER_ROW: Final = int((WIDTH - LEFT - RIGHT) // LEGEND)
FORM: Final = 'role="img" aria-labelledby="title description" font-family="system-ui, sans-serif" font-size="12"'
# Okabe and Ito's colours, which people with any colour vision can tell apart, in two strengths for light and dark.
LIGHT: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#4a6fa5", "#7a5195", "#666666")
DARK: Final = ("#56b4e9", "#ff9a4d", "#2fd6a3", "#f0a8cf", "#f0e442", "#9dbbe6", "#c39be0", "#b0b0b0")
DASHES: Final = ("none", "7 3", "2 3", "9 3 2 3")  # of the lines: they are told apart without colour, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An instant of note."""

    at: datetime
    name: str


def chart(course: Course, marks: Sequence[Mark]) -> str:
    """Draw it. It has a dark form of its own, and a description for those who do not see it."""
    rows = -(-len(course.providers) // PER_ROW)
    height = BOTTOM + 20 * rows
    title = f"Traffic of {course.places}, {course.since:%Y-%m-%d %H:%M:%S} to {course.until:%H:%M:%S} UTC"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" {FORM}>',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(_described(course, marks))}</desc>',
        f"<style>{_style()}</style>",
        f'<rect class="ground" width="{WIDTH:.0f}" height="{height:.0f}"/>',
        f'<text x="{LEFT}" y="22" class="title">{escape(title)}</text>',
        *_shares(course),
        *_delivered(course),
        *_marks(course, marks),
        *_legend(course),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _style() -> str:
    def paints(colours: Sequence[str]) -> str:
        return "".join(f".f{turn}{{fill:{one}}}.s{turn}{{stroke:{one}}}" for turn, one in enumerate(colours))

    def form(ground: str, ink: str, grid: str, colours: Sequence[str]) -> str:
        texts = f"text{{fill:{ink}}}.note{{stroke:{ground}}}.mark{{stroke:{ink}}}"
        return f".ground{{fill:{ground}}}{texts}.grid{{stroke:{grid}}}{paints(colours)}"

    notes = ".note{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}"  # readable on any colour
    lines = ".line{fill:none;stroke-width:2;stroke-linecap:round}.mark{stroke-dasharray:4 3}"
    drawn = f"{lines}.title,.note{{font-weight:600}}{notes}"
    dark = form("#0d1117", "#e6edf3", "#30363d", DARK)
    return f"{drawn}{form('#ffffff', '#1f2328', '#d0d7de', LIGHT)}@media (prefers-color-scheme: dark){{{dark}}}"


def _described(course: Course, marks: Sequence[Mark]) -> str:
    named = ", ".join(f"{mark.name} at {mark.at:%H:%M:%S}" for mark in marks)
    return (
        f"Above, the share of messages that went through each of {', '.join(course.providers) or 'no provider'}; "
        f"below, the share of them that arrived. Marks: {named or 'none'}."
    )


def _shares(course: Course) -> Iterator[str]:
    yield from _frame(course, TOPS[0], "share of messages")
    for turn, provider in enumerate(course.providers):
        before = course.providers[:turn]
        boxes = "".join(_box(course, step, before, provider) for step in course.steps if step.shares.get(provider))
        yield f'<path class="f{turn % len(LIGHT)}" d="{boxes}"/>'


def _box(course: Course, step: Step, before: Sequence[str], provider: str) -> str:
    low = sum(step.shares.get(name, 0.0) for name in before)
    left, right = _x(course, step.at), _x(course, step.at + course.width)
    bottom, top = _y(TOPS[0], low), _y(TOPS[0], low + step.shares[provider])
    return f"M{left:.1f} {bottom:.1f}V{top:.1f}H{right:.1f}V{bottom:.1f}Z"


def _delivered(course: Course) -> Iterator[str]:
    yield from _frame(course, TOPS[1], "of these delivered")
    for turn, provider in enumerate(course.providers):
        dash = DASHES[turn % len(DASHES)]
        path = _line(course, provider)
        yield f'<path class="line s{turn % len(LIGHT)}" stroke-dasharray="{dash}" d="{path}"/>'


def _line(course: Course, provider: str) -> str:
    """Join neighbours; where nothing is known there is a gap."""
    path, last = [], None
    for step in course.steps:
        if provider in step.delivered:
            x, y = _x(course, step.at + course.width / 2), _y(TOPS[1], step.delivered[provider])
            joined = last is not None and step.at - last <= 2 * course.width
            path.append(f"{'L' if joined else 'M'}{x:.1f} {y:.1f}" + ("" if joined else "h0.1"))
            last = step.at
    return "".join(path)


def _frame(course: Course, top: float, name: str) -> Iterator[str]:
    yield f'<text x="{LEFT}" y="{top - 8}">{name}</text>'
    for share in (0.0, 0.5, 1.0):
        y = _y(top, share)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * 100:.0f} %</text>'
    for turn in range(TICKS + 1):
        at = course.since + (course.until - course.since) * turn / TICKS
        anchor = "start" if turn == 0 else "end" if turn == TICKS else "middle"
        y = top + HEIGHT + 16
        yield f'<text x="{_x(course, at):.1f}" y="{y:.1f}" text-anchor="{anchor}">{at:%H:%M:%S}</text>'


def _marks(course: Course, marks: Sequence[Mark]) -> Iterator[str]:
    for turn, mark in enumerate(marks):
        x = _x(course, mark.at)
        end = TOPS[1] + HEIGHT
        yield f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOPS[0]:.1f}" y2="{end:.1f}"/>'
        left = x > WIDTH - LEGEND
        y = TOPS[0] + 14 + 15 * (turn % 4)
        anchor, at = ("end", x - 4) if left else ("start", x + 4)
        yield f'<text x="{at:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="note">{escape(mark.name)}</text>'


def _legend(course: Course) -> Iterator[str]:
    for turn, provider in enumerate(course.providers):
        row, column = divmod(turn, PER_ROW)
        x, y = LEFT + column * LEGEND, TOPS[1] + HEIGHT + 40 + 20 * row
        paint, dash = turn % len(LIGHT), DASHES[turn % len(DASHES)]
        yield f'<rect class="f{paint}" x="{x}" y="{y - 9}" width="10" height="10"/>'
        yield f'<path class="line s{paint}" stroke-dasharray="{dash}" d="M{x + 14} {y - 4}h24"/>'
        yield f'<text x="{x + 42}" y="{y}">{escape(provider[:16])}</text>'


def _x(course: Course, at: datetime) -> float:
    span = max(course.until - course.since, timedelta(seconds=1))
    part = min(max((at - course.since) / span, 0.0), 1.0)
    return LEFT + (WIDTH - LEFT - RIGHT) * part


def _y(top: float, share: float) -> float:
    return top + HEIGHT * (1 - min(max(share, 0.0), 1.0))
