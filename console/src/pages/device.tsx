// One device: who it is, what it holds, what it says, what was done with it.
import { useQuery } from '@tanstack/react-query';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { Link } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import { api, type Schemas, take } from '../api/client';
import { useCloneAlerts } from '../api/queries';
import { link, nameIn, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { Badge, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { AccessOf } from './device-access';
import { Acts } from './device-acts';
import { Identity } from './device-identity';
import { Live } from './device-live';
import { ModulePage } from './device-module';
import { RecordOf } from './device-record';
import { Talk } from './device-talk';
import { TwinOf } from './device-twin';

type Device = Schemas['DeviceView'];

const TABS = [
  { id: 'identity', title: 'Identity' },
  { id: 'twin', title: 'Twin' },
  { id: 'live', title: 'Live' },
  { id: 'talk', title: 'Methods and commands' },
  { id: 'access', title: 'Access' },
  { id: 'record', title: 'Record' },
] as const;

export default function DevicePage() {
  const name = nameIn(usePathname());
  const [parameters, change] = useQueryState();
  const module = parameters.get('module') ?? '';
  const device = useQuery({
    queryKey: ['device', name],
    queryFn: () => take(api.GET('/v1/devices/{device_id}', { params: { path: { device_id: name } } })),
    refetchInterval: 3_000,
  });
  if (device.data && module) return <ModulePage key={module} device={name} module={module} />;
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
          <CopyAs way={{ cli: ['device', 'show'], names: [name], path: `/v1/devices/${encodeURIComponent(name)}` }} />
        </>
      }
    >
      <ProblemNote error={device.error} />
      <Copied device={name} />
      <Tabs
        className="tabs"
        selectedKey={TABS.find((each) => each.id === parameters.get('tab'))?.id ?? 'identity'}
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
        <TabPanel id="access">
          <AccessOf device={name} />
        </TabPanel>
        <TabPanel id="record">
          <RecordOf device={name} />
        </TabPanel>
      </Tabs>
    </Page>
  );
}

/** Say on the device's own page that its identity is used twice. */
function Copied({ device }: { device: string }) {
  const alert = (useCloneAlerts().data?.items ?? []).find((each) => each.is_open && each.device_id === device);
  if (!alert) return null;
  return (
    <p className="note bad">
      Two clients use this identity. <Link href={link('/clone-alerts', { id: alert.alert_id })}>See the clone alert</Link>
    </p>
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
