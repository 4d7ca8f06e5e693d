// What changed between two moments: snapshots of the inventory are taken each day, and when somebody asks.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { AssetLink } from './network-parts';
import { many, plain, serviceOf } from './network-words';

type Snapshot = Schemas['SnapshotView'];
type Changes = Schemas['ChangesView'];

const MOST = 200;
const SHOWN = 200;
const MOMENT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

function nameOf(each: Snapshot): string {
  return `${MOMENT.format(Date.parse(each.taken_at))}${each.note ? ` – ${each.note}` : each.is_kept ? '' : ' – of the day'}`;
}

export default function InventoryChanges() {
  const [parameters, change] = useQueryState();
  const snapshots = useQuery({
    queryKey: ['inventory-snapshots'],
    queryFn: () => take(api.GET('/v1/inventory-snapshots', { params: { query: { limit: MOST } } })),
  });
  const items = snapshots.data?.items ?? [];
  const since = parameters.get('since') ?? items[0]?.snapshot_id ?? '';
  const until = parameters.get('until') ?? '';
  const changes = useQuery({
    queryKey: ['inventory-changes', since, until],
    queryFn: () => take(api.GET('/v1/inventory-changes', { params: { query: { since, until } } })),
    enabled: since !== '',
  });
  return (
    <Page
      title="What changed"
      about={snapshots.data && `${items.length === MOST ? 'the last ' : ''}${many(items.length, 'snapshot')}`}
      actions={
        <>
          <Make />
          <CopyAs
            way={{
              cli: ['snapshot', 'changes'],
              names: [since || 'SNAPSHOT'],
              options: until ? ['--until', until] : [],
              path: link('/v1/inventory-changes', { since, until }),
            }}
          />
        </>
      }
    >
      <ProblemNote error={snapshots.error ?? changes.error} />
      {items.length === 0 ? (
        <Empty>
          {snapshots.isPending
            ? 'Looking…'
            : 'There is no snapshot yet. One is taken every day once a sensor has seen something; make one now to see what changes from here on.'}
        </Empty>
      ) : (
        <div className="row-of">
          <Moment label="From" value={since} items={items} onChange={(id) => change({ since: id }, true)} />
          <Moment label="To" value={until} items={items} onChange={(id) => change({ until: id }, true)} hasNow />
        </div>
      )}
      {changes.data && <Told changes={changes.data} />}
      <Snapshots items={items} />
    </Page>
  );
}

function Moment({ label, value, items, onChange, hasNow = false }: {
  label: string;
  value: string;
  items: Snapshot[];
  onChange: (id: string) => void;
  hasNow?: boolean;
}) {
  return (
    <label className="field">
      <span className="label">{label}</span>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        {hasNow && <option value="">now</option>}
        {items.map((each) => (
          <option key={each.snapshot_id} value={each.snapshot_id}>
            {nameOf(each)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Make() {
  const [note, setNote] = useState('');
  return (
    <Act
      label="Take a snapshot…"
      title="Take a snapshot of the inventory?"
      hasReason={false}
      act={() => take(api.POST('/v1/inventory-snapshots', { body: { note: note.trim() } }))}
      onDone={() => setNote('')}
    >
      <p>It is kept until somebody deletes it: good before works in the plant, to see afterwards what they changed.</p>
      <TextField className="field" value={note} onChange={setNote} autoFocus>
        <Label>What for (optional)</Label>
        <Input className="input" maxLength={1024} placeholder="before the works on line 3" />
      </TextField>
    </Act>
  );
}

function Told({ changes }: { changes: Changes }) {
  const { added, removed, changed, links } = changes;
  const byAsset = new Map<string, Changes['changed']>();
  for (const each of changed) byAsset.set(each.asset_id, [...(byAsset.get(each.asset_id) ?? []), each]);
  const isNothing = added.length + removed.length + changed.length + changes.links_count === 0;
  if (isNothing) return <Empty>Nothing changed between these moments.</Empty>;
  return (
    <div className="columns">
      <Card title={many(added.length, 'new asset')}>
        <Pictures items={added} tone="warn" word="new" />
      </Card>
      <Card title={`${byAsset.size} different`}>
        {byAsset.size === 0 && <Empty>None.</Empty>}
        <ul className="plain">
          {[...byAsset].slice(0, SHOWN).map(([id, each]) => (
            <li key={id} className="line">
              <span>
                <AssetLink id={id} text={each[0]?.label ?? id} />
                {each.map((value) => (
                  <div key={value.attribute}>
                    {plain(value.attribute)}: <Foreign text={value.before} /> → <Foreign text={value.after} />
                  </div>
                ))}
              </span>
            </li>
          ))}
        </ul>
      </Card>
      <Card title={many(changes.links_count, 'new link')}>
        {links.length === 0 && <Empty>None.</Empty>}
        <ul className="plain">
          {links.slice(0, SHOWN).map((each) => (
            <li key={each.link_id} className="line">
              <span>
                <AssetLink id={each.client_asset_id} text={each.client} /> → <AssetLink id={each.server_asset_id} text={each.server} />{' '}
                <Foreign text={`${serviceOf(each)} ${each.protocol}`} mono /> {each.is_external && <Badge tone="warn">outside</Badge>}
              </span>
            </li>
          ))}
        </ul>
        {changes.links_count > links.length && <p className="muted">The first {links.length} are shown.</p>}
      </Card>
      <Card title={`${removed.length} gone`}>
        <Pictures items={removed} tone="plain" word="gone" />
      </Card>
    </div>
  );
}

function Pictures({ items, tone, word }: { items: Changes['added']; tone: 'warn' | 'plain'; word: string }) {
  if (items.length === 0) return <Empty>None.</Empty>;
  return (
    <ul className="plain">
      {items.slice(0, SHOWN).map((each) => (
        <li key={each.asset_id} className="line">
          <span>
            <AssetLink id={word === 'gone' ? '' : each.asset_id} text={each.label} />{' '}
            <Foreign text={[each.values.vendor, each.values.model, each.values.device_type].filter(Boolean).join(' ')} />
          </span>
          <Badge tone={tone}>{word}</Badge>
        </li>
      ))}
      {items.length > SHOWN && <li className="muted">and {items.length - SHOWN} more</li>}
    </ul>
  );
}

function Snapshots({ items }: { items: Snapshot[] }) {
  const queries = useQueryClient();
  const [parameters, change] = useQueryState();
  // What is compared must not be asked for again once it is gone.
  const forget = (snapshot_id: string) => {
    queries.setQueryData<{ items: Snapshot[] }>(['inventory-snapshots'], (known) =>
      known && { ...known, items: known.items.filter((each) => each.snapshot_id !== snapshot_id) },
    );
    for (const end of ['since', 'until']) if (parameters.get(end) === snapshot_id) change({ [end]: '' });
  };
  if (items.length === 0) return null;
  return (
    <Card title="Snapshots">
      <ul className="plain">
        {items.map((each) => (
          <li key={each.snapshot_id} className="line">
            <span>
              <Link href={link('/inventory-changes', { since: each.snapshot_id })}>
                <Foreign text={nameOf(each)} />
              </Link>
              <div className="muted">
                <Time at={each.taken_at} /> by <Foreign text={each.taken_by} />
                {each.assets !== null && each.links !== null && `, ${many(each.assets, 'asset')}, ${many(each.links, 'link')}`}
              </div>
            </span>
            <Act
              label="Delete…"
              kind="quiet"
              title="Delete the snapshot?"
              hasReason={false}
              act={() => take(api.DELETE('/v1/inventory-snapshots/{snapshot_id}', { params: { path: { snapshot_id: each.snapshot_id } } }))}
              onDone={() => forget(each.snapshot_id)}
            >
              <p>What it held is gone, and nothing brings it back: {nameOf(each)}.</p>
            </Act>
          </li>
        ))}
      </ul>
    </Card>
  );
}
