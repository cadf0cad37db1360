"""Faults to order."""

from dataclasses import fields

import orjson
import pytest

from workers.embedded.carrier.faults import Fault, Garbage, Order, UnknownOrder, options_of, read_orders, show_orders


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_can_be_ordered_and_shown_and_ordered_again(fault: Fault) -> None:
    orders = read_orders(orjson.dumps({fault.value: {"share": 0.5, "prefixes": ["+49"]}}))

    assert orders == {fault: Order(share=0.5, prefixes=("+49",))}
    assert read_orders(orjson.dumps(show_orders(orders))) == orders


def test_the_options_of_a_fault_are_read() -> None:
    orders = read_orders(b'{"garbage": {"kind": "deep", "taken": true}, "throttle": {"retry_after": "17"}}')

    assert orders == {
        Fault.GARBAGE: Order(kind=Garbage.DEEP, taken=True),
        Fault.THROTTLE: Order(retry_after="17"),
    }


def test_every_option_goes_with_some_fault() -> None:
    options = {name for fault in Fault for name in options_of(fault)}

    assert options == {option.name for option in fields(Order)}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"silent-drop": {}}', "there are: silent_drop, receipts_faked, receipts_rejected"),
        (b'{"hang": {"seconds": 3}}', "there are: prefixes, share, taken"),
        (b'{"hang": {"share": 1.5}}', "hang: Expected `float` <= 1"),
        (b'{"hang": {"share": "all"}}', "hang: Expected `float`, got `str`"),
        (b'{"garbage": {"kind": "xml"}}', "garbage: Invalid enum value"),
        (b'{"server_error": {"status": 200}}', "server_error: Expected `int` >= 500"),
        (b'{"hang": 1}', "write {} for none"),
        (b'["hang"]', "not a JSON object of faults"),
        (b"hang", "not JSON"),
    ],
)
def test_an_order_that_cannot_be_followed_says_what_there_is(body: bytes, says: str) -> None:
    with pytest.raises(UnknownOrder) as raised:
        read_orders(body)

    assert says in str(raised.value)
