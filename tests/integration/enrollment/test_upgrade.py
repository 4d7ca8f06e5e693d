"""A database of the first release, with devices in it, under this one: nothing is lost, and life goes on."""

from __future__ import annotations

import asyncio
import warnings
from typing import Final

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from identity_house import ACTOR, IdentityHouse, RunningSigner, leaf_sha256, refused

import vedette.store
from vedette.pki import RevocationReason
from vedette.registry import AccessEffect, AccessKind, Authentication, AuthenticationType, NewDevice, QueryService
from vedette.simulation import Factory, Identity
from vedette.store import Store
from vedette.trust import Lifecycle

FIRST: Final = "0001"


@pytest.fixture
def old_url(store_url: str, request: pytest.FixtureRequest) -> str:
    """Name a second database of the same kind, with the tables of the first release."""
    if store_url.startswith("sqlite"):
        url = store_url.replace(".db", "-old.db")
    else:
        url = request.getfixturevalue("postgresql_server").create_database()
    config = Config()
    config.set_main_option("script_location", str(vedette.store.__path__[0]) + "/migrations")
    assert FIRST in {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, FIRST)
    engine.dispose()
    return url


def copy_rows(source_url: str, target_url: str) -> dict[str, int]:
    """Copy what the first release had columns for; returns how many rows each table then holds."""
    source, target = sa.create_engine(source_url), sa.create_engine(target_url)
    old, new = sa.MetaData(), sa.MetaData()
    counts = {}
    with source.connect() as reading, target.begin() as writing, warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # of indexes on expressions
        old.reflect(target)
        new.reflect(source)
        for table in old.sorted_tables:
            if table.name == "alembic_version" or table.name not in new.tables:
                continue
            names = [column.name for column in table.columns]
            rows = reading.execute(sa.select(*(new.tables[table.name].c[name] for name in names))).mappings().all()
            if rows:
                writing.execute(table.insert(), [dict(row) for row in rows])
            counts[table.name] = len(rows)
    source.dispose()
    target.dispose()
    return counts


async def fill(house: IdentityHouse, factory: Factory) -> dict[str, Identity]:
    """Live a while, with what the first release could do."""
    organization = house.organization_id
    await house.open_group(factory)
    identities = {name: factory.make_device(name) for name in ("pump-1", "pump-2", "pump-3")}
    for name, identity in identities.items():
        assert (await house.enroll(identity, name)).status == "assigned"
    await house.use("pump-1")
    await house.devices.update(organization, "pump-1", {"tags": {"site": "north"}, "site": "north"}, actor=ACTOR)
    await house.devices.disable(organization, "pump-2", actor=ACTOR, reason="odd")
    device = await house.devices.get(organization, "pump-3")
    await house.certificates.revoke_all(
        organization_id=organization,
        generation_id=device.generation_id,
        reason=RevocationReason.KEY_COMPROMISE,
        actor=ACTOR,
    )
    pinned = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint="ab" * 32)
    await house.devices.create(organization, NewDevice(device_id="legacy", authentication=pinned), actor=ACTOR)
    await house.devices.create(organization, NewDevice(device_id="gone"), actor=ACTOR)
    await house.devices.delete(organization, "gone", actor=ACTOR)
    await house.lists.add(
        organization,
        AccessEffect.BLOCK,
        AccessKind.CERTIFICATE,
        leaf_sha256(factory.make_device("pump-9")),
        reason="stolen",
        actor=ACTOR,
    )
    return identities


@pytest.mark.anyio
async def test_a_database_of_the_first_release_goes_on_under_this_one(
    house: IdentityHouse, factory: Factory, store_url: str, old_url: str, signer_process: RunningSigner
) -> None:
    clock = house.clock
    identities = await fill(house, factory)
    organization = house.organization_id
    before = {name: await house.devices.get(organization, name) for name in ("pump-1", "pump-2", "pump-3", "legacy")}
    acts = await house.ledger.entries(organization, limit=1000)
    counts = await asyncio.to_thread(copy_rows, store_url, old_url)
    assert min(
        counts[name] for name in ("registry_devices", "pki_certificates", "access_posture_records", "ledger_entries")
    )

    upgraded = await asyncio.to_thread(Store.open, old_url, clock=clock, reserve_bytes=0)
    await asyncio.to_thread(upgraded.migrate)
    key: Ed25519PrivateKey = house.record_signer._key
    again = IdentityHouse(upgraded, signer_process, clock, has_symmetric_keys=True, administrator_key=key)
    try:
        await again.administrator.start()
        assert {name: await again.devices.get(organization, name) for name in before} == before
        assert await again.ledger.entries(organization, limit=1000) == acts
        # Records are believed as they stand, and nothing is written anew that has not changed.
        stored = await house.record("pump-1")
        assert await again.record("pump-1") == stored
        sequence = again.administrator.head().sequence
        await again.administrator.rewrite_all()
        assert again.administrator.head().sequence == sequence
        # What was closed is closed, what was open is open.
        assert refused(await again.enroll(identities["pump-2"], "pump-2")) == ("device_disabled", 200, "disabled")
        assert refused(await again.enroll(identities["pump-3"], "pump-3")) == ("locked", 200, "disabled")
        assert (await again.enroll(factory.make_device("pump-4"), "pump-4")).status == "assigned"
        # What is new has no rows yet, and begins with the first.
        twin = await again.twins.patch(organization, "pump-1", desired={"rate": 5}, actor=ACTOR)
        assert (twin.tags, twin.desired.version) == ({"site": "north"}, 2)
        found = await QueryService(upgraded).run(organization, "SELECT * FROM devices WHERE tags.site = 'north'")
        assert [item["deviceId"] for item in found.items] == ["pump-1"]
        changed = {"authentication": {"type": "symmetric_key"}}
        assert (await again.devices.update_with_keys(organization, "legacy", changed, actor=ACTOR)).keys is not None
        retired = await again.devices.retire(organization, "pump-1", actor=ACTOR, reason="scrapped")
        assert retired.lifecycle is Lifecycle.RETIRED
    finally:
        await again.close()
        await upgraded.close()
