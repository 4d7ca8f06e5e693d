"""Every operation of the API says which action it is; what the table does not know is refused to everybody."""

from __future__ import annotations

from typing import Any

from vedette.api import build_openapi
from vedette.api.operation_actions import OPERATIONS, About
from vedette.api.service.actions import ACTIONS
from vedette.api.service.registry_operations import RegistryOperations
from vedette.api.service.twin_operations import TwinOperations, not_offered

_PREFIX = "/v1"


def _operations() -> set[str]:
    paths = build_openapi()["paths"]
    return {f"{method.upper()} {path}" for path, item in paths.items() for method in item if path.startswith(_PREFIX)}


def test_every_operation_has_an_action() -> None:
    missing = sorted(_operations() - set(OPERATIONS))
    assert not missing, f"add a line in src/vedette/api/operation_actions.py for: {missing}"


def test_the_table_names_no_operation_that_is_gone() -> None:
    assert not sorted(set(OPERATIONS) - _operations())


def test_an_operation_on_a_device_is_judged_by_where_the_device_is() -> None:
    wrong = [
        name
        for name, operation in OPERATIONS.items()
        if "/devices/{device_id}" in name and operation.about is not About.DEVICE
    ]
    assert not wrong


def test_every_operation_of_the_service_door_has_an_action() -> None:
    nothing: Any = None
    anything: Any = _Anything()  # only what the operations are is asked for
    twins = TwinOperations(anything, twins=nothing, methods=nothing, queries=nothing, feedback=nothing, guard=nothing)
    operations = [*twins.build(), *RegistryOperations(anything, nothing).build(), *not_offered()]
    assert {f"{each.method} {each.path}" for each in operations} == set(ACTIONS)


class _Anything:
    def __getattr__(self, name: str) -> None:
        return None
