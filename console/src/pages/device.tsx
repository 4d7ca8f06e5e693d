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
import { Live, useStart } from './device-live';
import { ModulePage } from './device-module';
import { SeenOnTheNetwork } from './device-network';
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
  { id: 'network', title: 'Network' },
  { id: 'record', title: 'Record' },
] as const;

const USUAL_MS = 3_000;
const LEAVING_MS = 300;
// What cuts a connection is decided a moment before it is gone.
const A_MOMENT_MS = 2_000;

export default function DevicePage() {
  const name = nameIn(usePathname());
  const [parameters, change] = useQueryState();
  const module = parameters.get('module') ?? '';
  useStart(parameters.get('tab') === 'live' && !module ? name : null);
  const device = useQuery({
    queryKey: ['device', name],
    queryFn: () => take(api.GET('/v1/devices/{device_id}', { params: { path: { device_id: name } } })),
    // Whoever has just cut it off wants to see it go.
    refetchInterval: ({ state: { data } }) => (data && isLeaving(data) ? LEAVING_MS : USUAL_MS),
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
      <Refused device={device.data} />
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
        <TabPanel id="network">
          <SeenOnTheNetwork device={name} />
        </TabPanel>
        <TabPanel id="record">
          <RecordOf device={name} />
        </TabPanel>
      </Tabs>
    </Page>
  );
}

/** Tell whether it is kept out and still connected: for a moment. */
function isLeaving(device: Device): boolean {
  const isOut = !device.is_enabled || device.is_blocked || device.lifecycle === 'retired';
  return isOut && device.presence?.is_connected === true;
}

/** Say on the page of a device that cannot get in that it tries, and what is in its way. */
function Refused({ device }: { device: Device }) {
  const name = device.device_id;
  const isOut = device.presence?.is_connected !== true;
  const refusals = useQuery({
    queryKey: ['refusals', 'last', name],
    queryFn: () => take(api.GET('/v1/refusals', { params: { query: { limit: 1, device_id: name } } })),
    enabled: isOut,
    refetchInterval: USUAL_MS,
  });
  const last = refusals.data?.items[0];
  // What was decided about another device that once had the name says nothing here.
  if (!isOut || !last || last.module_id || (last.generation_id && last.generation_id !== device.generation_id)) return null;
  const since = device.presence?.since ?? device.last_connected_at;
  if (since && Date.parse(last.decided_at) < Date.parse(since) - A_MOMENT_MS) return null;
  return (
    <p className="note warn">
      {last.kind === 'cut' ? 'Cut off' : 'Refused'} <Time at={last.decided_at} />: {last.reason.replaceAll('_', ' ')}.{' '}
      <Link href={link('/refusals', { device: name })}>Why, and what to do</Link>
    </p>
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
