"""Ids and digests of repeated requests."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.proof.idempotency import digest_of, request_id, request_id_for
from pipeline.settings import Secret

KEY, OTHER = Secret(b"k" * 32), Secret(b"o" * 32)
PARTS = st.lists(st.text() | st.integers() | st.none(), max_size=4)


def test_one_key_of_a_caller_gives_one_id() -> None:
    assert request_id_for(KEY, "shop", "order-1") == request_id_for(KEY, "shop", "order-1")
    assert len(request_id_for(KEY, "shop", "order-1")) == 22


def test_callers_keys_and_rings_give_different_ids() -> None:
    ids = {request_id_for(ring, caller, key) for ring in (KEY, OTHER) for caller in ("a", "b") for key in ("1", "2")}

    assert len(ids) == 8


@given(PARTS, PARTS)
def test_digests_are_equal_only_for_equal_bodies(one: list[str | int | None], other: list[str | int | None]) -> None:
    same = [str(part) for part in one] == [str(part) for part in other]

    assert (digest_of(KEY, *one) == digest_of(KEY, *other)) is same


def test_id_is_no_digest_of_the_same_parts() -> None:
    assert request_id_for(KEY, "shop", "1") != digest_of(KEY, "shop", "1")


@given(st.binary(min_size=16, max_size=16))
def test_request_id_is_no_option_of_a_command_line(unguessable: bytes) -> None:
    written = request_id(unguessable)

    assert len(written) == 22
    assert not written.startswith("-")
