// The network map: every asset at its place, who talks with whom, and the same as a table.
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useRef, useState } from 'react';
import { Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { api, take } from '../api/client';
import { useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { save } from '../ui/save';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Empty, Foreign, Page, ProblemNote } from '../ui/ui';
import { MapCanvas, type MapHandle } from './map-canvas';
import { edgesAsCsv, inOrder, nodesAsCsv } from './map-files';
import { Filters } from './map-filters';
import { isNarrowed, LIMIT_MOST, mapOptions, mapPath, type MapQuery, mapQueryIn } from './map-query';
import { type NetworkMap, Scene, type Thing } from './map-scene';
import { Chosen, Legend } from './map-side';
import { plain } from './network-words';
import './map.css';

const LOOK_MS = 10_000;
const STEP = 1.25;
const COLUMNS: Column<Thing>[] = [
  { title: 'Name', width: 'minmax(90px, 1fr)', cell: (each) => <Foreign text={each.label} /> },
  { title: 'Role', width: 'minmax(84px, 120px)', cell: ({ node, group }) => (group ? `${group.assets} assets` : <Foreign text={plain(node?.role ?? '')} />) },
  { title: 'Level', width: '44px', cell: ({ node }) => node?.level || '–' },
  { title: 'Alerts', width: '58px', cell: ({ alerts }) => (alerts ? <Badge tone="bad">{alerts}</Badge> : <span className="number">0</span>) },
  { title: 'Peers', width: '44px', cell: ({ edges }) => <span className="number">{edges.length}</span> },
];
const FRESH: Record<string, string> = { site: '', zone: '', level: '', protocol: '', since: '', until: '', alerts: '', focus: '', hops: '', id: '' };

/** Read the map; one that is known already is not sent again. */
function useMap(query: MapQuery) {
  const queries = useQueryClient();
  const queryKey = ['network-map', query];
  return useQuery({
    queryKey,
    queryFn: async () => {
      const known = queries.getQueryData<{ map: NetworkMap; etag: string }>(queryKey);
      const request = api.GET('/v1/network-map', { params: { query }, headers: known ? { 'If-None-Match': known.etag } : {} });
      const { response } = await request.catch(() => ({ response: null }));
      if (known && response?.status === 304) return known;
      return { map: await take(request), etag: response?.headers.get('ETag') ?? '' };
    },
    structuralSharing: false,
    placeholderData: keepPreviousData,
    refetchInterval: LOOK_MS,
  });
}

export default function NetworkMapPage() {
  const [parameters, change] = useQueryState();
  const query = useMemo(() => mapQueryIn(parameters), [parameters]);
  const [text, setText] = useState('');
  const [, navigate] = useLocation();
  const read = useMap(query);
  const map = read.data?.map;
  const scene = useMemo(() => (map ? new Scene(map) : null), [map]);
  const things = useMemo(() => inOrder(scene?.things ?? []), [scene]);
  const found = useMemo(() => scene?.search(text) ?? new Set<string>(), [scene, text]);
  const handle = useRef<MapHandle>(null);
  const id = parameters.get('id') ?? '';
  const chosen = scene?.find(id);
  const choose = (thing: Thing | undefined) => change({ id: thing?.id ?? '' });
  const open = (thing: Thing) => {
    const opened = (parameters.get('open') ?? '').split(',').filter((each) => each && each !== thing.id);
    if (thing.group) change({ open: [...opened, thing.id].join(','), id: '' });
    else if (thing.node?.asset_id) navigate(`/assets/${encodeURIComponent(thing.node.asset_id)}`);
  };
  const isEmpty = map !== undefined && map.assets === 0;
  return (
    <Page
      title="Network map"
      about={map && told(map)}
      actions={
        <>
          <span className="map-zoom">
            <Button aria-label="Nearer" onPress={() => handle.current?.zoom(STEP)}>+</Button>
            <Button aria-label="Farther" onPress={() => handle.current?.zoom(1 / STEP)}>−</Button>
            <Button onPress={() => handle.current?.fit()}>Everything</Button>
          </span>
          {scene && <Export scene={scene} handle={handle} />}
          <CopyAs way={{ cli: ['link', 'map'], options: mapOptions(query), path: mapPath(query) }} />
        </>
      }
    >
      <ProblemNote error={read.error} />
      <Filters map={map} query={query} text={text} onText={setText} change={change} />
      {query.focus && <Around query={query} scene={scene} change={change} />}
      {map && map.closed > 0 && !query.is_closed && (
        <p className="note">
          More than {map.limit.toLocaleString('en')} assets: {map.closed} groups are closed. Double-click one, or choose it and press Enter, to
          see its assets; nothing moves by that.{' '}
          {map.limit < LIMIT_MOST && (
            <Button kind="quiet" onPress={() => change({ limit: String(LIMIT_MOST) })}>
              Show up to {LIMIT_MOST.toLocaleString('en')}
            </Button>
          )}
        </p>
      )}
      {read.isPending && <Empty>Drawing the map…</Empty>}
      {isEmpty && (isNarrowed(query) ? <NothingFits onClear={() => change(FRESH)} /> : <NoSensor />)}
      {scene && !isEmpty && (
        <div className="map-split">
          <div className="map-stage">
            <MapCanvas scene={scene} place={placeOf(query)} chosen={id} found={found} onChoose={choose} onOpen={open} handle={handle} />
            <Legend />
          </div>
          <div className="map-side">
            {chosen && <Chosen thing={chosen} scene={scene} onOpen={() => open(chosen)} onFocus={(focus) => change({ focus, open: '' }, true)} onChoose={choose} />}
            <Table
              label="Everything on the map"
              columns={COLUMNS}
              items={text ? things.filter((each) => found.has(each.id)) : things}
              keyOf={keyOf}
              current={id}
              onCurrent={choose}
              onOpen={open}
              empty={text ? 'Nothing on the map is called that.' : 'Nothing is on the map.'}
            />
          </div>
        </div>
      )}
    </Page>
  );
}

function keyOf(thing: Thing): string {
  return thing.id;
}

/** What makes it another map, rather than the same one read anew: it is shown as a whole. */
function placeOf({ grouping, site, focus, hops, zone, level, protocol, is_alerting: alerting }: MapQuery): string {
  return JSON.stringify([grouping, site, focus, hops, zone, level, protocol, alerting]);
}

function told(map: NetworkMap): string {
  const parts = [`${map.assets.toLocaleString('en')} assets`, `${map.edges.length.toLocaleString('en')} ${map.edges.length === 1 ? 'line' : 'lines'}`];
  if (map.edges_left_out) parts.push(`${map.edges_left_out.toLocaleString('en')} that matter least left out`);
  return parts.join(', ');
}

function Around({ query, scene, change }: { query: MapQuery; scene: Scene | null; change: (changes: Record<string, string>) => void }) {
  const thing = scene?.find(query.focus ?? '');
  return (
    <div className="row-of">
      <span>
        Only around <Foreign text={thing?.label ?? query.focus} />
      </span>
      <label className="row-of">
        <span className="label">Steps</span>
        <select className="input" value={query.hops ?? 1} onChange={(event) => change({ hops: event.target.value })}>
          {[1, 2, 3, 4].map((hops) => (
            <option key={hops} value={hops}>
              {hops}
            </option>
          ))}
        </select>
      </label>
      <Button onPress={() => change({ focus: '', hops: '' })}>Show everything</Button>
    </div>
  );
}

function Export({ scene, handle }: { scene: Scene; handle: { current: MapHandle | null } }) {
  const act = async (key: string) => {
    if (key === 'edges') save('network-map-links.csv', 'text/csv', edgesAsCsv(scene.lines));
    else if (key === 'nodes') save('network-map-assets.csv', 'text/csv', nodesAsCsv(scene));
    else if (key === 'json') save('network-map.json', 'application/json', JSON.stringify(scene.map, null, 2));
    else {
      const image = await handle.current?.picture();
      if (image) save('network-map.png', 'image/png', image);
    }
  };
  return (
    <MenuTrigger>
      <Button>Export</Button>
      <Popover className="popover" placement="bottom end">
        <Menu className="menu" aria-label="Export" onAction={(key) => void act(String(key))}>
          <MenuItem id="png">What is seen, as PNG</MenuItem>
          <MenuItem id="edges">Who talks with whom, as CSV</MenuItem>
          <MenuItem id="nodes">Assets, as CSV</MenuItem>
          <MenuItem id="json">Everything, as JSON</MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function NothingFits({ onClear }: { onClear: () => void }) {
  return (
    <Empty>
      <p>No asset fits these filters.</p>
      <Button kind="primary" onPress={onClear}>
        Show everything
      </Button>
    </Empty>
  );
}

function NoSensor() {
  return (
    <Empty>
      <p>The map is empty: no sensor has told of an asset yet.</p>
      <p>
        A sensor listens at a mirror port and sends nothing itself. <Link href="/sensors">Register one</Link>, or on a machine with a capture:
      </p>
      <pre className="code">vedette sensor register DEVICE --site NAME</pre>
    </Empty>
  );
}
