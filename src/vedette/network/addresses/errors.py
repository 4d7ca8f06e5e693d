"""What can go wrong with lists of addresses."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidAddressList(Problem):
    """A list of addresses that cannot be read, or goes beyond a limit."""

    code: ClassVar[str] = "network.invalid_address_list"
    status: ClassVar[int] = 422


class AddressListNotFound(Problem):
    """There is no such list, or none is being imported under that id."""

    code: ClassVar[str] = "network.address_list_not_found"
    status: ClassVar[int] = 404
