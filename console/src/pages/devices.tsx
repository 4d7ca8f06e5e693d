// All devices, or those that a condition holds for; and acts on many at once.
import { useState } from 'react';
import { ToggleButton } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useCount, useStatus } from '../api/queries';
import { useQueryState } from '../app/url';
import { Condition } from '../ui/condition';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { csvCell, visible } from '../ui/text';
import { Badge, Button, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { FLAGGED, STOPPED } from './attention';
import { Bulk } from './bulk';

type Device = Schemas['DeviceView'];

const PAGE = 200;

const QUICK = [
  { title: 'Connected', condition: "connectionState = 'Connected'" },
  { title: 'Not connected', condition: "connectionState = 'Disconnected'" },
  { title: 'Disabled or blocked', condition: STOPPED },
  { title: 'Quarantined', condition: "lifecycle = 'quarantined'" },
  { title: 'Weak credential', condition: FLAGGED },
];

const COLUMNS: Column<Device>[] = [
  {
    title: 'Device',
    width: 'minmax(110px, 2fr)',
    cell: (device) => (
      <Link href={`/devices/${encodeURIComponent(device.device_id)}`} tabIndex={-1}>
        <Foreign text={device.device_id} />
      </Link>
    ),
  },
  {
    title: 'Connection',
    width: '124px',
    cell: (device) =>
      device.presence?.is_connected ? <Badge tone="good">connected</Badge> : <Badge>not connected</Badge>,
  },
  { title: 'Since', width: '110px', cell: (device) => <Time at={device.presence?.since ?? device.last_connected_at} /> },
  {
    title: 'State',
    width: '136px',
    cell: (device) =>
      device.is_blocked ? (
        <Badge tone="bad">blocked</Badge>
      ) : !device.is_enabled ? (
        <Badge tone="bad">disabled</Badge>
      ) : device.is_flagged ? (
        <Badge tone="warn">weak credential</Badge>
      ) : (
        device.lifecycle
      ),
  },
  { title: 'Site', width: 'minmax(56px, 1fr)', cell: (device) => <Foreign text={device.site} /> },
  { title: 'Zone', width: 'minmax(56px, 1fr)', cell: (device) => <Foreign text={device.zone} /> },
];

export default function Devices() {
  const [parameters, change] = useQueryState();
  const [, navigate] = useLocation();
  const where = parameters.get('where') ?? '';
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const { items, error, isFirst, ...place } = useLongList(['devices', where], (after) =>
    take(api.GET('/v1/devices', { params: { query: { limit: PAGE, after, where: where || undefined } } })),
  );
  // Rows first: to count among a million takes longer than to find the first ones.
  const matching = useCount(where && !isFirst ? where : null);
  const total = useStatus().data?.devices.total;
  const count = where ? matching : total;
  const use = (condition: string) => {
    setSelected(new Set());
    change({ where: condition }, true);
  };
  const select = (key: string, isSelected: boolean) => {
    const next = new Set(selected);
    if (isSelected) next.add(key);
    else next.delete(key);
    setSelected(next);
  };
  return (
    <Page
      title="Devices"
      about={count === undefined ? '' : `${count.toLocaleString('en')}${where ? ' match' : ' registered'}`}
      actions={
        <>
          <Link className="button primary" href="/add-device">
            Add a device
          </Link>
          <Button onPress={() => download(items)} isDisabled={items.length === 0}>
            CSV of what is loaded
          </Button>
          <CopyAs
            way={{
              cli: ['device', 'list'],
              options: where ? ['--where', where] : [],
              path: `/v1/devices${where ? `?where=${encodeURIComponent(where)}` : ''}`,
            }}
          />
        </>
      }
    >
      <Condition key={where} value={where} onUse={use} />
      <div className="row-of chips" role="group" aria-label="Quick filters">
        {QUICK.map(({ title, condition }) => (
          <ToggleButton
            key={title}
            className="chip"
            isSelected={where === condition}
            onChange={(isOn) => use(isOn ? condition : '')}
          >
            {title}
          </ToggleButton>
        ))}
      </div>
      <ProblemNote error={error} />
      <Bulk selected={[...selected]} clear={() => setSelected(new Set())} />
      <Table
        label="Devices"
        columns={COLUMNS}
        items={items}
        keyOf={(device) => device.device_id}
        {...place}
        onOpen={(device) => navigate(`/devices/${encodeURIComponent(device.device_id)}`)}
        selected={selected}
        onSelect={select}
        onSelectAll={(isSelected) => setSelected(new Set(isSelected ? items.map((each) => each.device_id) : []))}
        empty={
          where ? (
            'No device matches.'
          ) : (
            <>
              There is no device yet. <Link href="/add-device">Add one</Link>, or let many in by an{' '}
              <Link href="/enrollments">enrollment</Link>.
            </>
          )
        }
      />
    </Page>
  );
}

function download(items: Device[]): void {
  const rows = [
    ['device_id', 'is_connected', 'is_enabled', 'is_blocked', 'lifecycle', 'site', 'zone', 'last_connected_at'],
    ...items.map((each) => [
      each.device_id,
      String(each.presence?.is_connected ?? false),
      String(each.is_enabled),
      String(each.is_blocked),
      each.lifecycle,
      each.site ?? '',
      each.zone ?? '',
      each.last_connected_at ?? '',
    ]),
  ];
  const text = rows.map((row) => row.map((cell) => csvCell(visible(cell))).join(',')).join('\r\n');
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = 'devices.csv';
  anchor.click();
  URL.revokeObjectURL(url);
}
