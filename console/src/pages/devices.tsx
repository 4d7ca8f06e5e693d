import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Form, Input, Label, TextField } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Foreign, Page, ProblemNote, Time } from '../ui/ui';

type Device = Schemas['DeviceView'];

const PAGE = 200;

const COLUMNS: Column<Device>[] = [
  {
    title: 'Device',
    width: 'minmax(180px, 2fr)',
    cell: (device) => (
      <Link href={`/devices/${encodeURIComponent(device.device_id)}`} tabIndex={-1}>
        <Foreign text={device.device_id} />
      </Link>
    ),
  },
  {
    title: 'State',
    width: '120px',
    cell: (device) =>
      device.is_blocked ? (
        <Badge tone="bad">blocked</Badge>
      ) : device.is_enabled ? (
        <Badge tone="good">enabled</Badge>
      ) : (
        <Badge tone="bad">disabled</Badge>
      ),
  },
  { title: 'Lifecycle', width: '110px', cell: (device) => device.lifecycle },
  { title: 'Site', width: 'minmax(90px, 1fr)', cell: (device) => <Foreign text={device.site} /> },
  { title: 'Zone', width: 'minmax(90px, 1fr)', cell: (device) => <Foreign text={device.zone} /> },
  { title: 'Last connected', width: '140px', cell: (device) => <Time at={device.last_connected_at} /> },
];

export default function Devices() {
  const [parameters, change] = useQueryState();
  const [, navigate] = useLocation();
  const site = parameters.get('site') ?? '';
  const [draft, setDraft] = useState(site);
  const list = useInfiniteQuery({
    queryKey: ['devices', site],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      take(api.GET('/v1/devices', { params: { query: { limit: PAGE, after: pageParam, site: site || undefined } } })),
    getNextPageParam: (page) => page.next || undefined,
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Devices"
      about={`${items.length}${list.hasNextPage ? '+' : ''} shown`}
      actions={<CopyAs way={{ cli: ['device', 'list', ...(site ? ['--site', site] : [])], path: `/v1/devices?limit=${PAGE}` }} />}
    >
      <Form
        className="row-of"
        onSubmit={(event) => {
          event.preventDefault();
          change({ site: draft });
        }}
      >
        <TextField className="field" value={draft} onChange={setDraft}>
          <Label>Site</Label>
          <Input className="input" />
        </TextField>
        <Button type="submit">Filter</Button>
      </Form>
      <ProblemNote error={list.error} />
      <Table
        label="Devices"
        columns={COLUMNS}
        items={items}
        keyOf={(device) => device.device_id}
        hasMore={list.hasNextPage}
        isLoading={list.isFetching}
        onMore={() => void list.fetchNextPage()}
        onOpen={(device) => navigate(`/devices/${encodeURIComponent(device.device_id)}`)}
        empty="No device matches. Let some in: open an enrollment, or add one."
      />
    </Page>
  );
}
