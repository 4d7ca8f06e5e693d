// One module of a device: an identity of its own, with its own twin, methods and telemetry.
import { useQuery } from '@tanstack/react-query';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { AccessOf } from './device-access';
import { Live } from './device-live';
import { Talk } from './device-talk';
import { pathOf, TwinOf } from './device-twin';

type Module = Schemas['ModuleView'];

const TABS = [
  { id: 'identity', title: 'Identity' },
  { id: 'twin', title: 'Twin' },
  { id: 'live', title: 'Live' },
  { id: 'talk', title: 'Methods' },
  { id: 'access', title: 'Access' },
] as const;

export function ModulePage({ device, module }: { device: string; module: string }) {
  const [parameters, change] = useQueryState();
  const path = { path: { device_id: device, module_id: module } };
  const found = useQuery({
    queryKey: ['module', device, module],
    queryFn: () => take(api.GET('/v1/devices/{device_id}/modules/{module_id}', { params: path })),
    refetchInterval: 3_000,
  });
  const data = found.data;
  const tab = TABS.find((each) => each.id === parameters.get('tab'))?.id ?? 'identity';
  return (
    <Page
      title={
        <>
          <Link href={`/devices/${encodeURIComponent(device)}`}>
            <Foreign text={device} />
          </Link>{' '}
          / <Foreign text={module} />
        </>
      }
      about={data && <State module={data} />}
      actions={
        <>
          {data &&
            (data.is_enabled ? (
              <Act
                label="Disable"
                kind="danger"
                needsReason
                title={`Disable ${device}/${module}?`}
                act={(reason) =>
                  take(api.POST('/v1/devices/{device_id}/modules/{module_id}/disable', { params: path, body: { reason } }))
                }
              >
                <p>Its connection is cut within a fraction of a second; the device and its other modules go on.</p>
              </Act>
            ) : (
              <Act
                label="Enable"
                kind="primary"
                title={`Enable ${device}/${module}?`}
                act={(reason) =>
                  take(api.POST('/v1/devices/{device_id}/modules/{module_id}/enable', { params: path, body: { reason } }))
                }
              >
                <p>It comes back by itself.</p>
              </Act>
            ))}
          <CopyAs way={{ cli: ['module', 'show'], names: [device, module], path: pathOf({ device, module }) }} />
        </>
      }
    >
      <ProblemNote error={found.error} />
      {!data && !found.error && <Empty>Looking it up…</Empty>}
      {data && (
        <Tabs className="tabs" selectedKey={tab} onSelectionChange={(to) => change({ tab: String(to) })}>
          <TabList aria-label="Parts of the module" items={TABS}>
            {(each) => <Tab id={each.id}>{each.title}</Tab>}
          </TabList>
          <TabPanel id="identity">
            <Facts module={data} />
          </TabPanel>
          <TabPanel id="twin">
            <TwinOf device={device} module={module} />
          </TabPanel>
          <TabPanel id="live">
            <Live device={device} module={module} />
          </TabPanel>
          <TabPanel id="talk">
            <Talk device={device} module={module} isConnected={data.presence?.is_connected === true} />
          </TabPanel>
          <TabPanel id="access">
            <AccessOf device={device} module={module} />
          </TabPanel>
        </Tabs>
      )}
    </Page>
  );
}

function State({ module }: { module: Module }) {
  return (
    <span className="row-of">
      <Badge tone={module.presence?.is_connected ? 'good' : 'plain'}>
        {module.presence?.is_connected ? 'connected' : 'not connected'} {module.presence && <Time at={module.presence.since} />}
      </Badge>
      {!module.is_enabled && <Badge tone="bad">disabled</Badge>}
      {module.is_flagged && <Badge tone="warn">weak credential</Badge>}
    </span>
  );
}

function Facts({ module }: { module: Module }) {
  const { authentication, presence } = module;
  return (
    <div className="columns">
      <Card title="How it is known">
        <dl className="facts">
          <dt>By</dt>
          <dd>{(authentication.type ?? 'issued').replaceAll('_', ' ')}</dd>
          {authentication.primary_thumbprint && (
            <>
              <dt>Thumbprint</dt>
              <dd>
                <Foreign text={authentication.primary_thumbprint} mono />
              </dd>
            </>
          )}
          <dt>Generation</dt>
          <dd>
            <Foreign text={module.generation_id} mono />
          </dd>
          <dt>Managed by</dt>
          <dd>
            <Foreign text={module.managed_by} />
          </dd>
          <dt>Created</dt>
          <dd>
            <Time at={module.created_at} />
          </dd>
        </dl>
      </Card>
      <Card title="Where it is">
        <dl className="facts">
          <dt>Client</dt>
          <dd>
            <Foreign text={presence?.client} /> {presence?.protocol}
          </dd>
          <dt>From</dt>
          <dd>
            <Foreign text={presence?.remote_address} mono />
          </dd>
          <dt>Last connected</dt>
          <dd>
            <Time at={module.last_connected_at} />
          </dd>
        </dl>
      </Card>
    </div>
  );
}
