"""The state of baselines, and the orders of people."""

from __future__ import annotations

import contextlib

from vedette.sensor.baseline import (
    BaselineProblem,
    KeyClass,
    Saved,
    SavedList,
    State,
    learned_from,
    read_json,
    read_orders,
    read_state,
    write_json,
    write_state,
)

_LIST = SavedList(
    key_class=KeyClass.RANGE, scope="10.0.0.1 > 10.0.0.2 modbus reads 1", state=State.DYNAMIC, first_ns=1, last_ns=9,
    newest_ns=3, slices=2, last_slice=7, ranges=((1, 9), (20, 30)),
)  # fmt: skip
_SAVED = Saved(saved_ns=5, lists=(_LIST,), industrial={"10.0.0.2": True})

SEEDS = [
    write_state(_SAVED),
    write_json(_SAVED),
    b'{"verb":"learn","key_class":"link","scope":"10.0.0.2","key":"10.0.0.9"}\n',
]


def fuzz_one(data: bytes) -> None:
    """Read bytes as a state and as orders; what is read can be used and written again."""
    read_orders(data)
    for read in (read_state, read_json):
        with contextlib.suppress(BaselineProblem):
            saved = read(data)
            assert read_state(write_state(saved)) == saved
            for each in saved.lists:
                learned_from(each)
