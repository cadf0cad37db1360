"""What needs the extra `kafka`, and what does not."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

WITHOUT = "import sys; sys.modules |= dict.fromkeys(['aiokafka', 'cryptography']); "


def _python(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", WITHOUT + code], capture_output=True, text=True, check=False)


def test_http_needs_no_extra() -> None:
    assert _python("import ithaca_otp").returncode == 0


def test_direct_door_without_the_extra_says_how_to_install_it() -> None:
    last_line = _python("import ithaca_otp.direct").stderr.splitlines()[-1]

    assert last_line.endswith("the direct door needs aiokafka: pip install 'ithaca-otp-client[kafka]'")
