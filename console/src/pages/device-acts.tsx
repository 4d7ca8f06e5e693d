// What can be done with a device: cut it off and let it in again at hand, what is rarer or cannot be undone in a menu.
import { useState } from 'react';
import { Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { link } from '../app/url';
import { Act, ActModal, type ActProps } from '../ui/act';
import { Button } from '../ui/ui';
import { QuarantineModal } from './quarantine-acts';

type Device = Schemas['DeviceView'];

interface Rare extends ActProps {
  id: string;
  isShown: boolean;
}

export function Acts({ device }: { device: Device }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [, navigate] = useLocation();
  const name = device.device_id;
  const path = { path: { device_id: name } };
  const isQuarantined = device.lifecycle === 'quarantined';
  const isRetired = device.lifecycle === 'retired';
  const rare: Rare[] = [
    {
      id: 'quarantine',
      isShown: !isQuarantined && !isRetired,
      label: 'Quarantine',
      kind: 'danger',
      title: `Quarantine ${name}?`,
      act: async () => undefined,
    },
    {
      id: 'release',
      isShown: isQuarantined,
      label: 'End the quarantine',
      needsReason: true,
      title: `Let ${name} out of quarantine?`,
      children: (
        <p>
          It is at once what it was before, without a re-check. Where something was healed, take the way back on its{' '}
          <Link href={link('/quarantine', { device: name })}>quarantine</Link>.
        </p>
      ),
      act: (reason) => take(api.POST('/v1/devices/{device_id}/quarantine/release', { params: path, body: { reason } })),
    },
    {
      id: 'reenroll',
      isShown: !isRetired,
      label: 'Let it enroll once more',
      needsReason: true,
      title: `Let ${name} enroll once more?`,
      children: <p>For a day, once: for a device that was reset, replaced or revoked.</p>,
      act: (reason) => take(api.POST('/v1/devices/{device_id}/allow-reenrollment', { params: path, body: { reason } })),
    },
    {
      id: 'revoke',
      isShown: true,
      label: 'Revoke',
      kind: 'danger',
      needsReason: true,
      title: `Revoke everything ${name} holds?`,
      children: (
        <p>It is cut at once, and its onboarding identity is locked. It cannot be undone; the device has to enroll again.</p>
      ),
      act: (reason) =>
        take(api.POST('/v1/devices/{device_id}/revoke', { params: path, body: { reason: 'key_compromise', comment: reason } })),
    },
    {
      id: 'retire',
      isShown: !isRetired,
      label: 'Retire',
      kind: 'danger',
      needsReason: true,
      title: `Retire ${name}?`,
      children: <p>Its certificates are revoked and it never comes back under this identity. What was done with it stays on record.</p>,
      act: (reason) => take(api.POST('/v1/devices/{device_id}/retire', { params: path, body: { reason } })),
    },
    {
      id: 'delete',
      isShown: true,
      label: 'Delete',
      kind: 'danger',
      title: `Delete ${name}?`,
      children: <p>Its certificates end, its name becomes free, its twin is gone. What was done with it stays in the ledger.</p>,
      act: (reason) => take(api.DELETE('/v1/devices/{device_id}', { params: { ...path, query: { reason: reason || undefined } } })),
      onDone: () => navigate('/devices'),
    },
  ];
  const shown = rare.filter((each) => each.isShown);
  const open = rare.find((each) => each.id === chosen);
  return (
    <>
      {device.is_enabled ? (
        <Act
          label="Disable"
          kind="danger"
          needsReason
          title={`Disable ${name}?`}
          act={(reason) => take(api.POST('/v1/devices/{device_id}/disable', { params: path, body: { reason } }))}
        >
          <p>Its connection is cut within a fraction of a second and it is refused until it is enabled again. It loses nothing.</p>
        </Act>
      ) : (
        <Act
          label="Enable"
          kind="primary"
          title={`Enable ${name}?`}
          act={(reason) => take(api.POST('/v1/devices/{device_id}/enable', { params: path, body: { reason } }))}
        >
          <p>It comes back by itself.</p>
        </Act>
      )}
      <MenuTrigger>
        <Button>More…</Button>
        <Popover className="popover" placement="bottom end">
          <Menu aria-label="More acts" items={shown} onAction={(id) => setChosen(String(id))}>
            {(each) => (
              <MenuItem id={each.id} className={`menu-item ${each.kind ?? ''}`}>
                {each.label}…
              </MenuItem>
            )}
          </Menu>
        </Popover>
      </MenuTrigger>
      {open?.id === 'quarantine' && (
        <QuarantineModal device={name} isOpen onOpenChange={(isOpen) => !isOpen && setChosen(null)} />
      )}
      {open && open.id !== 'quarantine' && <ActModal {...open} isOpen onOpenChange={(isOpen) => !isOpen && setChosen(null)} />}
    </>
  );
}
