"""What became of the requests, as people read it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from rich.table import Table

from workers.cli.output import console

if TYPE_CHECKING:
    from pipeline.reports.figures import Figures

SENTENCES: Final = {
    "requested": "codes were asked for",
    "accepted": "were answered 202: durable in Kafka",
    "handed_over": "reached a carrier",
    "delivered": "reached a handset",
    "verified": "were entered and found right",
    "dead": "ended as dead letters",
    "expired": "expired before a hand-over",
    "lost": "were lost",
    "duplicates_excused": "messages were doubled, where the outcome was unknowable",
    "duplicates_unexcused": "messages were doubled without an excuse",
    "mixed": "requests got two different codes",
    "misrouted": "messages went to a wrong number",
    "late": "messages were sent after the code's life",
}


def show_figures(figures: "Figures") -> None:
    """Print the checker's summary."""
    rows = [(str(getattr(figures, name)), sentence) for name, sentence in SENTENCES.items()]
    p50, p99 = figures.accept_to_handover_p50_ms, figures.accept_to_handover_p99_ms
    if p50 is not None and p99 is not None:
        rows.append((f"{p50:.0f} ms", f"from 202 to the carrier, median; {p99:.0f} ms for 99 in 100"))
    show_sentences(rows)


def show_sentences(rows: Iterable[tuple[str, str]]) -> None:
    """Print figures, each with the sentence that it begins."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    for row in rows:
        table.add_row(*row)
    console().print(table)


def all_well(figures: "Figures") -> bool:
    """Tell whether every code that was asked for arrived once, and was found right."""
    never = ("dead", "expired", "lost", "duplicates_unexcused", "phantom", "mixed", "misrouted", "late", "unterminated")
    whole = figures.requested == figures.accepted == figures.delivered == figures.verified
    return whole and figures.requested > 0 and not any(getattr(figures, name) for name in never)
