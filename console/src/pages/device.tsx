// One device: who it is, what it holds, what it says, what was done with it.
import { useQuery } from '@tanstack/react-query';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { useLocation, useParams } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { Identity } from './device-identity';
import { Live } from './device-live';
import { RecordOf } from './device-record';
import { Talk } from './device-talk';
import { TwinOf } from './device-twin';

type Device = Schemas['DeviceView'];

const TABS = [
  { id: 'identity', title: 'Identity' },
  { id: 'twin', title: 'Twin' },
  { id: 'live', title: 'Live' },
  { id: 'talk', title: 'Methods and commands' },
  { id: 'record', title: 'Record' },
] as const;

export default function DevicePage() {
  const name = decodeURIComponent(useParams<{ device: string }>().device ?? '');
  const [parameters, change] = useQueryState();
  const device = useQuery({
    queryKey: ['device', name],
    queryFn: () => take(api.GET('/v1/devices/{device_id}', { params: { path: { device_id: name } } })),
    refetchInterval: 3_000,
  });
  if (!device.data) {
    return (
      <Page title={<Foreign text={name} />}>
        <ProblemNote error={device.error} />
        {!device.error && <Empty>Looking it up…</Empty>}
      </Page>
    );
  }
  return (
    <Page
      title={<Foreign text={name} />}
      about={<States device={device.data} />}
      actions={
        <>
          <Acts device={device.data} />
          <CopyAs way={{ cli: ['device', 'show', name], path: `/v1/devices/${encodeURIComponent(name)}` }} />
        </>
      }
    >
      <ProblemNote error={device.error} />
      <Tabs
        className="tabs"
        selectedKey={parameters.get('tab') ?? 'identity'}
        onSelectionChange={(tab) => change({ tab: String(tab) })}
      >
        <TabList aria-label="Parts of the device" items={TABS}>
          {(tab) => <Tab id={tab.id}>{tab.title}</Tab>}
        </TabList>
        <TabPanel id="identity">
          <Identity device={device.data} />
        </TabPanel>
        <TabPanel id="twin">
          <TwinOf device={name} />
        </TabPanel>
        <TabPanel id="live">
          <Live device={name} />
        </TabPanel>
        <TabPanel id="talk">
          <Talk device={name} isConnected={device.data.presence?.is_connected === true} />
        </TabPanel>
        <TabPanel id="record">
          <RecordOf device={name} />
        </TabPanel>
      </Tabs>
    </Page>
  );
}

function States({ device }: { device: Device }) {
  const presence = device.presence;
  return (
    <span className="row-of">
      {presence?.is_connected ? (
        <Badge tone="good">
          connected <Time at={presence.since} />
        </Badge>
      ) : (
        <Badge>
          not connected {presence && <Time at={presence.since} />}
        </Badge>
      )}
      {!device.is_enabled && <Badge tone="bad">disabled</Badge>}
      {device.is_blocked && <Badge tone="bad">blocked</Badge>}
      <Badge tone={device.lifecycle === 'active' ? 'info' : device.lifecycle === 'quarantined' ? 'bad' : 'plain'}>
        {device.lifecycle}
      </Badge>
      {device.is_flagged && <Badge tone="warn">weak credential</Badge>}
    </span>
  );
}

function Acts({ device }: { device: Device }) {
  const [, navigate] = useLocation();
  const name = device.device_id;
  const path = { path: { device_id: name } };
  return (
    <>
      {device.is_enabled ? (
        <Act
          label="Disable"
          kind="danger"
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
      <Act
        label="Let it enroll once more"
        needsReason
        title={`Let ${name} enroll once more?`}
        act={(reason) => take(api.POST('/v1/devices/{device_id}/allow-reenrollment', { params: path, body: { reason } }))}
      >
        <p>For a day, once: for a device that was reset, replaced or revoked.</p>
      </Act>
      <Act
        label="Revoke"
        kind="danger"
        needsReason
        title={`Revoke everything ${name} holds?`}
        act={(reason) =>
          take(
            api.POST('/v1/devices/{device_id}/revoke', {
              params: path,
              body: { reason: 'key_compromise', comment: reason },
            }),
          )
        }
      >
        <p>It is cut at once, and its onboarding identity is locked. It cannot be undone; the device has to enroll again.</p>
      </Act>
      <Act
        label="Delete"
        kind="danger"
        title={`Delete ${name}?`}
        act={() => take(api.DELETE('/v1/devices/{device_id}', { params: path }))}
        onDone={() => navigate('/devices')}
      >
        <p>Its certificates end, its name becomes free, its twin is gone. What was done with it stays in the ledger.</p>
      </Act>
    </>
  );
}
