"""What the measurements count."""

from pathlib import Path

from bench.arrivals import Arrivals
from bench.kill import finished_beyond
from bench.memory import Size, growth
from pipeline.consuming.offsets import Offsets

SIZE = Size(warm_s=10.0, seconds=30.0, window_s=10.0)


def test_finished_offsets_beyond_the_position_are_counted_from_the_commit() -> None:
    offsets = Offsets()
    for offset in range(100, 110):
        offsets.take(offset)
    for offset in (100, 101, 104, 105, 109):
        offsets.finish(offset)
    commit = offsets.commit()

    assert commit is not None
    assert commit.position == 102
    assert finished_beyond(commit, end=120) == 3


def test_arrivals_are_those_of_a_tag_after_the_mark_each_counted_once(tmp_path: Path) -> None:
    journal = tmp_path / "carrier.jsonl"
    journal.write_text('{"row": "request", "request_id": "d1-before", "monotonic": 1.0}\n')
    arrivals = Arrivals(journal)
    rows = (
        '{"row": "request", "request_id": "d1-two", "monotonic": 7.0}',
        '{"row": "request", "request_id": "d1-one", "monotonic": 5.0}',
        '{"row": "request", "request_id": "d1-one", "monotonic": 9.0}',
        '{"row": "request", "request_id": "d2-other", "monotonic": 6.0}',
        '{"row": "receipt", "request_id": "d1-three", "monotonic": 6.0}',
    )
    with journal.open("a") as more:
        more.write("".join(f"{row}\n" for row in rows))

    assert arrivals.count() == 5
    assert arrivals.instants("d1") == [5.0, 7.0]


def test_growth_is_counted_after_the_warm_up() -> None:
    series = [(float(at), 500.0 if at < 10 else 100.0 + at) for at in range(41)]

    assert growth(series, SIZE) == {"first": 115.0, "last": 135.0, "per_minute": 60.0}
