"""The pauses between repeats."""

import pytest

from ithaca_otp.repeating import pause_s


@pytest.mark.parametrize(
    ("attempt", "wanted_s", "jitter", "seconds"),
    [
        (1, None, 0.0, 0.1),
        (2, None, 0.0, 0.2),
        (4, None, 0.0, 0.8),
        (5, None, 0.0, 0.8),
        (10_000, None, 0.0, 0.8),
        (4, None, 1.0, 0.4),  # half of it is left to chance
        (1, 5.0, 1.0, 5.0),
        (4, 0.0, 0.0, 0.8),  # at once is no reason to hurry
    ],
)
def test_pause_grows_to_a_limit_and_is_never_shorter_than_the_server_wants(
    attempt: int, wanted_s: float | None, jitter: float, seconds: float
) -> None:
    assert pause_s(attempt, wanted_s, jitter) == pytest.approx(seconds)
