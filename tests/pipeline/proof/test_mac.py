"""HMAC-SHA-256 with a kept state."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from pipeline.proof.mac import hmac_sha256
from pipeline.settings import Secret


@given(st.binary(max_size=100), st.lists(st.binary(max_size=200), min_size=2, max_size=2))
def test_mac_is_the_standard_librarys_whatever_was_hashed_before(key: bytes, messages: list[bytes]) -> None:
    ours = [hmac_sha256(Secret(key), message) for message in messages]

    assert ours == [hmac.digest(key, message, "sha256") for message in messages]
