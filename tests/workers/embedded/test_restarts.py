import pytest

from workers.embedded.restarts import RestartPolicy


@pytest.mark.parametrize(
    ("last_s", "ready_for_s", "wait_s"),
    [
        (None, 0.0, 1.0),  # the first end
        (1.0, 0.0, 2.0),
        (2.0, 59.9, 4.0),
        (16.0, 0.0, 30.0),  # not 32
        (30.0, 0.0, 30.0),
        (30.0, 60.0, 1.0),  # healthy for a minute: it begins anew
    ],
)
def test_wait_doubles_to_half_a_minute_and_begins_anew_after_health(
    last_s: float | None, ready_for_s: float, wait_s: float
) -> None:
    assert RestartPolicy().wait_s(last_s, ready_for_s) == wait_s
