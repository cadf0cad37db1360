"""What the end of a process is told with."""

import pytest

from workers.embedded.endings import last_words, same

FAILED = '{"level":"error","event":"worker.failed","error_type":"UnicodeDecodeError","error_at":"fetcher.py:1:getall"}'
INFO = '{"level":"info","event":"worker.started","pid":7}'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([INFO, FAILED, "Traceback"], "worker.failed, UnicodeDecodeError, fetcher.py:1:getall"),
        ([FAILED, "error: no topic otp.dead: create the topics first"], "no topic otp.dead: create the topics first"),
        ([INFO, "[]", "{", "a plain line", ""], None),
        ([], None),
    ],
)
def test_the_last_error_of_a_log_is_what_is_said(lines: list[str], said: str | None) -> None:
    assert last_words(lines) == said


def test_two_ends_at_other_offsets_have_the_same_reason() -> None:
    assert same("left out before 12", "left out before 7")
    assert not same("left out before 12", "killed by SIGKILL")
    assert not same("left out before 12", None)
