// Who listens to the networks, and whether it is heard: a silent sensor sees nothing, and says so to nobody.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { serverNow } from '../api/server-clock';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { Code } from '../ui/code';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { bytesInWords, many } from './network-words';

type Sensor = Schemas['SensorView'];

const REFRESH_MS = 5_000;
const SILENT_MS = 5 * 60_000;

/** Say how a sensor fares, the worst first. */
function faring(sensor: Sensor): { words: string; tone: 'good' | 'warn' | 'bad' | 'plain' } {
  if (sensor.state === 'retired') return { words: 'retired', tone: 'plain' };
  if (!sensor.heard_at) return { words: 'never heard', tone: 'bad' };
  if (serverNow() - Date.parse(sensor.heard_at) > SILENT_MS) return { words: 'silent', tone: 'bad' };
  if (sensor.lost > 0 || (sensor.report?.records_lost ?? 0) > 0) return { words: 'lost some', tone: 'warn' };
  if ((sensor.report?.dropped ?? 0) > 0) return { words: 'drops packets', tone: 'warn' };
  return { words: 'heard', tone: 'good' };
}

const COLUMNS: Column<Sensor>[] = [
  { title: 'Sensor', width: 'minmax(110px, 2fr)', cell: (each) => <Foreign text={each.device_id} /> },
  { title: 'Site', width: 'minmax(84px, 1fr)', cell: (each) => <Foreign text={each.site} /> },
  {
    title: 'State',
    width: '124px',
    cell: (each) => {
      const { words, tone } = faring(each);
      return <Badge tone={tone}>{words}</Badge>;
    },
  },
  { title: 'Heard', width: '112px', cell: (each) => <Time at={each.heard_at} /> },
  { title: 'Lost', width: '56px', cell: (each) => <span className="number">{each.lost.toLocaleString('en')}</span> },
];

export default function Sensors() {
  const [parameters, change] = useQueryState();
  const found = useQuery({
    queryKey: ['sensors'],
    queryFn: () => take(api.GET('/v1/sensors', { params: { query: { limit: 500 } } })),
    refetchInterval: REFRESH_MS,
  });
  const items = found.data?.items ?? [];
  const chosen = items.find((each) => each.device_id === parameters.get('id')) ?? items[0];
  const active = items.filter((each) => each.state === 'active');
  const troubled = active.filter((each) => faring(each).tone !== 'good').length;
  return (
    <Page
      title="Sensors"
      about={found.data && `${many(active.length, 'sensor')}${troubled ? `, ${troubled} to be looked at` : ''}`}
      actions={
        <>
          <Register />
          <CopyAs way={{ cli: ['sensor', 'list'], path: '/v1/sensors' }} />
        </>
      }
    >
      <ProblemNote error={found.error} />
      <div className="split">
        <Table
          label="Sensors"
          columns={COLUMNS}
          items={items}
          keyOf={(each) => each.device_id}
          isLoading={found.isLoading}
          onCurrent={(each) => change({ id: each.device_id })}
          current={chosen?.device_id}
          empty="No device is heard as a sensor. Set one up as shown beside."
        />
        <div className="explanation">
          {chosen && <Detail sensor={chosen} />}
          <Install />
        </div>
      </div>
    </Page>
  );
}

function Detail({ sensor }: { sensor: Sensor }) {
  const { words, tone } = faring(sensor);
  const report = sensor.report;
  return (
    <>
      <Card title={<Foreign text={sensor.device_id} />} actions={<Badge tone={tone}>{words}</Badge>}>
        <dl className="facts">
          <dt>Listens at</dt>
          <dd>
            <Link href={link('/assets', { site: sensor.site })}>
              <Foreign text={sensor.site} />
            </Link>{' '}
            <Foreign text={sensor.note} />
          </dd>
          <dt>Last heard</dt>
          <dd>
            <Time at={sensor.heard_at} />
          </dd>
          <dt>Batches</dt>
          <dd>
            {sensor.batches.toLocaleString('en')} taken, {sensor.repeated.toLocaleString('en')} came again, {sensor.lost.toLocaleString('en')}{' '}
            never came
          </dd>
          <dt>Refused</dt>
          <dd>
            {sensor.refused.toLocaleString('en')} {sensor.refused_because && <Foreign text={sensor.refused_because} />}
          </dd>
          <dt>Device</dt>
          <dd>
            <Link href={`/devices/${encodeURIComponent(sensor.device_id)}`}>its identity and certificates</Link>
          </dd>
        </dl>
        {sensor.state === 'active' && (
          <div className="row-of">
            <Act
              label="Retire…"
              kind="danger"
              needsReason
              title={`Hear ${sensor.device_id} no more?`}
              act={(reason) =>
                take(api.POST('/v1/sensors/{device_id}/retire', { params: { path: { device_id: sensor.device_id } }, body: { reason } }))
              }
            >
              <p>What it told stays in the inventory. It stays a device; nothing at its site is watched by it any more.</p>
            </Act>
          </div>
        )}
      </Card>
      <Card title="What it says of itself">
        {!report && <Empty>Nothing yet.</Empty>}
        {report && (
          <dl className="facts">
            <dt>Told</dt>
            <dd>
              <Time at={report.at} />
            </dd>
            <dt>Listens to</dt>
            <dd>
              <Foreign text={report.interface} mono />, version <Foreign text={report.version} />
            </dd>
            <dt>Packets</dt>
            <dd>
              {report.packets.toLocaleString('en')} ({bytesInWords(report.bytes)}), {report.dropped.toLocaleString('en')} dropped before it
              could read them, {report.not_parsed.toLocaleString('en')} not understood
            </dd>
            <dt>Sees</dt>
            <dd>
              {report.assets.toLocaleString('en')} assets, {report.links.toLocaleString('en')} links
            </dd>
            <dt>Waiting</dt>
            <dd>
              {report.records_waiting.toLocaleString('en')} records on its disk, {report.records_lost.toLocaleString('en')} did not fit there
            </dd>
            <dt>Memory</dt>
            <dd>{bytesInWords(report.resident_bytes)}</dd>
          </dl>
        )}
      </Card>
    </>
  );
}

function Register() {
  const [device, setDevice] = useState('');
  const [site, setSite] = useState('');
  const [note, setNote] = useState('');
  return (
    <Act
      label="Register a sensor…"
      kind="primary"
      title="Hear a device as a sensor?"
      hasReason={false}
      isReady={device.trim() !== ''}
      act={() =>
        take(api.POST('/v1/sensors', { body: { device_id: device.trim(), site: site.trim() || null, note: note.trim() } }))
      }
    >
      <p>What it sends fills the inventory of its site: whoever names it vouches for it. It must have enrolled as a device.</p>
      <TextField className="field" value={device} onChange={setDevice} isRequired autoFocus>
        <Label>Device</Label>
        <Input className="input" maxLength={128} spellCheck={false} placeholder="probe-1" />
      </TextField>
      <TextField className="field" value={site} onChange={setSite}>
        <Label>Site (where the registry says it is, if left out)</Label>
        <Input className="input" maxLength={128} />
      </TextField>
      <TextField className="field" value={note} onChange={setNote}>
        <Label>What it listens to (optional)</Label>
        <Input className="input" maxLength={1024} placeholder="mirror port of the press hall" />
      </TextField>
    </Act>
  );
}

function Install() {
  const host = window.location.hostname;
  return (
    <Card title="How to set one up">
      <p>
        On a Linux machine at the mirror port of a switch. It sends nothing there: it only listens, and streams what it saw to this
        platform over another interface.
      </p>
      <Code label="1. Install it" text="pip install vedette" />
      <Code
        label="2. Make its identity; this platform's public/trust-anchor.json says whom to trust"
        text={`vedette sensor enroll probe-1 --config /etc/vedette/sensor.toml --anchor trust-anchor.json --host ${host}`}
      />
      <Code
        label="3. Here: let it in, and hear it as a sensor"
        text={'vedette enrollment create-individual probe-1 --certificate onboarding-certificate.pem\nvedette sensor register probe-1 --site SITE'}
      />
      <Code
        label="4. There: take the certificate, and listen"
        text={'vedette sensor enroll --config /etc/vedette/sensor.toml\nvedette sensor run --config /etc/vedette/sensor.toml -i eth1'}
      />
      <p className="muted">
        A capture from elsewhere can be sent too: <code>vedette sensor read FILE --send-as /etc/vedette/sensor.toml</code>.
      </p>
    </Card>
  );
}
