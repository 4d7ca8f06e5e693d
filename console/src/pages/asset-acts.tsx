// What people say of an asset: that it is known, what it is, that two are one or one is two. All of it can be undone.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Checkbox, CheckboxGroup, Input, Label, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { Act } from '../ui/act';
import { visible } from '../ui/text';
import { Badge, Button, Empty, Foreign, ProblemNote } from '../ui/ui';
import { Search } from './network-parts';
import { labelOf, plain } from './network-words';

type Asset = Schemas['AssetView'];
type Patch = Schemas['AssetPatch'];

const at = (asset_id: string) => ({ path: { asset_id } });
const LEVELS = ['0', '1', '2', '3', '3.5', '4', '5'] as const;
const CRITICALITIES = ['low', 'normal', 'high', 'critical'] as const;
const ROLES = [
  'controller', 'outstation', 'master', 'engineering_station', 'hmi', 'historian', 'io_device', 'drive', 'meter',
  'protection_relay', 'building_controller', 'workstation', 'server', 'network_device', 'printer', 'camera', 'mobile',
]; // prettier-ignore
const OFFERED = 8;

/** Offer to undo what was just done, until something else is. */
function useUndo() {
  const [done, setDone] = useState<{ words: string; undo: () => Promise<unknown> } | null>(null);
  const queries = useQueryClient();
  const undoing = useMutation({
    mutationFn: async () => done?.undo(),
    onSuccess: () => {
      setDone(null);
      return queries.invalidateQueries();
    },
  });
  const note = done && (
    <span className="row-of">
      <span role="status">{visible(done.words)}</span>
      <Button autoFocus isDisabled={undoing.isPending} onPress={() => undoing.mutate()}>
        {undoing.isPending ? 'Undoing…' : 'Undo'}
      </Button>
      <ProblemNote error={undoing.error} />
    </span>
  );
  return { note, offer: (words: string, undo: () => Promise<unknown>) => setDone({ words, undo }) };
}

function patch(asset: Asset, body: Patch) {
  return take(
    api.PATCH('/v1/assets/{asset_id}', {
      params: at(asset.asset_id),
      body,
      headers: { 'Content-Type': 'application/merge-patch+json' },
    }),
  );
}

export function KnownAsset({ asset }: { asset: Asset }) {
  const { note, offer } = useUndo();
  const queries = useQueryClient();
  const saying = useMutation({
    mutationFn: (state: Asset['state']) => patch(asset, { state }),
    onSuccess: (_, state) => {
      offer(`It is ${state}.`, () => patch(asset, { state: asset.state }));
      return queries.invalidateQueries();
    },
  });
  return (
    <>
      {note}
      {!note && asset.state === 'new' && (
        <Button kind="primary" isDisabled={saying.isPending} onPress={() => saying.mutate('acknowledged')}>
          Acknowledge
        </Button>
      )}
      {!note && asset.state === 'ignored' && (
        <Button isDisabled={saying.isPending} onPress={() => saying.mutate('acknowledged')}>
          Show it again
        </Button>
      )}
      <ProblemNote error={saying.error} />
    </>
  );
}

function Choice({ label, value, choices, none, onChange }: {
  label: string;
  value: string;
  choices: readonly string[];
  none?: string;
  onChange: (value: string) => void;
}) {
  const all = value && !choices.includes(value) ? [value, ...choices] : choices;
  return (
    <label className="field">
      <span className="label">{label}</span>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {all.map((each) => (
          <option key={each} value={each}>
            {visible(plain(each))}
          </option>
        ))}
      </select>
    </label>
  );
}

export function EditAsset({ asset }: { asset: Asset }) {
  const { note, offer } = useUndo();
  const before = {
    name: asset.is_name_set ? asset.name : '',
    owner: asset.owner,
    role: asset.is_role_set ? asset.role : '',
    level: asset.is_level_set ? asset.level : '',
    criticality: asset.criticality as string,
    device: asset.management?.by === 'person' ? asset.management.device_id : '',
    note: asset.note,
  };
  const [typed, setTyped] = useState<Partial<typeof before>>({});
  const now = { ...before, ...typed };
  const set = (name: keyof typeof before) => (value: string) => setTyped({ ...typed, [name]: value });
  const bodyOf = (values: typeof before, other: typeof before): Patch => ({
    ...(values.name !== other.name && { name: values.name.trim() || null }),
    ...(values.owner !== other.owner && { owner: values.owner.trim() || null }),
    ...(values.role !== other.role && { role: values.role || null }),
    ...(values.level !== other.level && { level: (values.level || null) as Patch['level'] }),
    ...(values.criticality !== other.criticality && { criticality: values.criticality as Patch['criticality'] }),
    ...(values.device !== other.device && { device_id: values.device.trim() || null }),
    ...(values.note !== other.note && { note: values.note.trim() }),
  });
  const body = bodyOf(now, before);
  const text = (name: 'name' | 'owner' | 'device' | 'note', label: string, most: number, hint = '') => (
    <TextField className="field" value={now[name]} onChange={set(name)} autoFocus={name === 'name'}>
      <Label>{label}</Label>
      <Input className="input" maxLength={most} placeholder={visible(hint)} spellCheck={false} />
    </TextField>
  );
  return (
    <>
      {note}
      <Act
        label="Edit…"
        title={`Say what ${labelOf(asset)} is`}
        hasReason={false}
        isReady={Object.keys(body).length > 0}
        act={async () => {
          await patch(asset, body);
          offer('It is changed.', () => patch(asset, bodyOf(before, now)));
        }}
        onDone={() => setTyped({})}
      >
        <p className="muted">What is left empty is as observed. What a person says outweighs what sensors tell.</p>
        {text('name', 'Name', 128, asset.name)}
        {text('owner', 'Owner: who answers for it', 256)}
        <Choice label="Criticality" value={now.criticality} choices={CRITICALITIES} onChange={set('criticality')} />
        <Choice label="Purdue level" value={now.level} choices={LEVELS} none="as observed" onChange={set('level')} />
        <Choice label="Role" value={now.role} choices={ROLES} none="as observed" onChange={set('role')} />
        {text('device', 'Registered device that it is', 128, asset.management?.device_id ?? 'none')}
        {text('note', 'Note', 1024)}
      </Act>
    </>
  );
}

export function MergeAsset({ asset }: { asset: Asset }) {
  const { note, offer } = useUndo();
  const [text, setText] = useState('');
  const [into, setInto] = useState<Asset | null>(null);
  const found = useQuery({
    queryKey: ['assets', 'to merge', text, asset.site],
    queryFn: () => take(api.GET('/v1/assets', { params: { query: { text, site: asset.site, limit: OFFERED + 1 } } })),
    enabled: text !== '',
  });
  const others = (found.data?.items ?? []).filter((each) => each.asset_id !== asset.asset_id).slice(0, OFFERED);
  return (
    <>
      {note}
      <Act
        label="Merge…"
        title={`Say that ${labelOf(asset)} is the same device as another`}
        startsAtReason={false}
        isReady={into !== null}
        act={async (reason) => {
          if (!into) return;
          await take(api.POST('/v1/assets/{asset_id}/merge', { params: at(asset.asset_id), body: { into: into.asset_id, reason } }));
          offer('They are one.', () =>
            take(api.POST('/v1/assets/{asset_id}/part', { params: at(asset.asset_id), body: { reason: 'undone' } })),
          );
        }}
        onDone={() => {
          setInto(null);
          setText('');
        }}
      >
        <Search value={text} onChange={setText} label="The other one: name, serial number or address" />
        <ProblemNote error={found.error} />
        {text && found.data && others.length === 0 && <Empty>No other asset at this site fits.</Empty>}
        <ul className="plain" aria-label="Assets that fit">
          {others.map((each) => (
            <li key={each.asset_id} className="line">
              <span>
                <Foreign text={labelOf(each)} /> <Foreign text={each.ips[0] ?? each.macs[0]} mono />
              </span>
              <Button kind={into?.asset_id === each.asset_id ? 'primary' : ''} onPress={() => setInto(each)} aria-pressed={into?.asset_id === each.asset_id}>
                {into?.asset_id === each.asset_id ? 'Chosen' : 'Choose'}
              </Button>
            </li>
          ))}
        </ul>
        {into && (
          <div className="note" role="status">
            <p>
              <Foreign text={labelOf(into)} /> stays, with{' '}
              <Foreign text={[...new Set([...into.ips, ...into.macs, ...asset.ips, ...asset.macs])].join(', ')} mono />. What was observed at
              each stays apart, so it can be undone.
            </p>
            <Difference one={asset} other={into} />
          </div>
        )}
      </Act>
    </>
  );
}

/** Values that say that two assets are not the same device. */
function Difference({ one, other }: { one: Asset; other: Asset }) {
  const names = ['vendor', 'model', 'serial', 'device_type', 'operating_system'] as const;
  const unlike = names.filter((name) => one[name] && other[name] && one[name] !== other[name]);
  if (unlike.length === 0) return null;
  return (
    <ul className="plain">
      {unlike.map((name) => (
        <li key={name}>
          <Badge tone="warn">{plain(name)}</Badge> <Foreign text={one[name]} /> here, <Foreign text={other[name]} /> there
        </li>
      ))}
    </ul>
  );
}

export function SplitAsset({ asset }: { asset: Asset }) {
  const { note, offer } = useUndo();
  const [chosen, setChosen] = useState<string[]>([]);
  const addresses = [...asset.ips, ...asset.macs];
  const isSome = chosen.length > 0 && chosen.length < addresses.length;
  if (addresses.length < 2 && !note) return null;
  return (
    <>
      {note}
      <Act
        label="Split…"
        title={`Say that some addresses of ${labelOf(asset)} are another device's`}
        startsAtReason={false}
        isReady={isSome}
        act={async (reason) => {
          const made = await take(
            api.POST('/v1/assets/{asset_id}/split', { params: at(asset.asset_id), body: { addresses: chosen, reason } }),
          );
          offer('They are two.', () =>
            take(api.POST('/v1/assets/{asset_id}/merge', { params: at(made.asset_id), body: { into: asset.asset_id, reason: 'undone' } })),
          );
        }}
        onDone={() => setChosen([])}
      >
        <CheckboxGroup className="field" value={chosen} onChange={setChosen}>
          <Label>Addresses of the other device</Label>
          {addresses.map((each) => (
            <Checkbox key={each} value={each} className="check">
              <span className="box" aria-hidden="true" />
              <Foreign text={each} mono />
            </Checkbox>
          ))}
        </CheckboxGroup>
        <p className="note" role="status">
          {isSome ? (
            <>
              A new asset gets <Foreign text={chosen.join(', ')} mono />; this one keeps{' '}
              <Foreign text={addresses.filter((each) => !chosen.includes(each)).join(', ')} mono />. What was observed so far stays here, for
              nobody can tell at which address it was.
            </>
          ) : (
            'Choose some of them, not all.'
          )}
        </p>
      </Act>
    </>
  );
}

export function PartAsset({ head, part }: { head: Asset; part: string }) {
  return (
    <Act
      label="Part…"
      kind="quiet"
      title="Undo the merge?"
      act={(reason) => take(api.POST('/v1/assets/{asset_id}/part', { params: at(part), body: { reason } }))}
    >
      <p>
        It stands for itself again, with all that was ever observed at it; <Foreign text={labelOf(head)} /> keeps the rest. Merging undoes it.
      </p>
    </Act>
  );
}
