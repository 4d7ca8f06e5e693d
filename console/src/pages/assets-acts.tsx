// Saying of many assets that they are known, or not wanted in lists: shown first, and it can be undone.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas, take } from '../api/client';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { visible } from '../ui/text';
import { Button, Foreign, ProblemNote } from '../ui/ui';
import { labelOf } from './network-words';

type Asset = Schemas['AssetView'];
type State = Asset['state'];

const MOST = 500;
const SHOWN = 8;

/** Say one thing of all; return those that it was not true of before. */
async function say(asset_ids: string[], state: State, reason: string): Promise<string[]> {
  const changed: string[] = [];
  for (let start = 0; start < asset_ids.length; start += MOST) {
    const part = asset_ids.slice(start, start + MOST);
    const answer = await take(api.POST('/v1/bulk/assets', { body: { asset_ids: part, state, reason } }));
    changed.push(...answer.asset_ids);
  }
  return changed;
}

export function KnownOrNot({ selected, clear }: { selected: Asset[]; clear: () => void }) {
  const [done, setDone] = useState<string[]>([]);
  const [said, setSaid] = useState('');
  const queries = useQueryClient();
  const undoing = useMutation({
    mutationFn: (asset_ids: string[]) => say(asset_ids, 'new', 'undone'),
    onSuccess: (changed) => {
      setDone([]);
      setSaid(`${changed.length} new again.`);
      return queries.invalidateQueries();
    },
  });
  if (selected.length === 0 && !said) return null;
  const fresh = selected.filter((each) => each.state === 'new');
  const step = (state: State, label: string, words: string) => (
    <Act
      label={label}
      kind={state === 'acknowledged' ? 'primary' : ''}
      title={`${label.replace('…', '')} ${fresh.length === 1 ? '1 asset' : `${fresh.length} assets`}?`}
      isReady={fresh.length > 0}
      act={async (reason) => {
        const changed = await say(fresh.map((each) => each.asset_id), state, reason);
        setDone(changed);
        setSaid(`${changed.length} ${state}.`);
      }}
      onDone={clear}
    >
      <p>{words}</p>
      <p>
        {fresh.length} of {selected.length} selected are new
        {fresh.length < selected.length && '; of the others somebody has said something before, and nothing changes'}.
      </p>
      <ul className="plain">
        {fresh.slice(0, SHOWN).map((each) => (
          <li key={each.asset_id}>
            <Foreign text={labelOf(each)} /> <Foreign text={each.ips[0] ?? each.macs[0]} mono />
          </li>
        ))}
        {fresh.length > SHOWN && <li className="muted">and {fresh.length - SHOWN} more</li>}
      </ul>
    </Act>
  );
  return (
    <section className="note row-of" aria-label="Selected assets">
      {selected.length > 0 && (
        <>
          <strong>{selected.length.toLocaleString('en')} selected</strong>
          {step('acknowledged', 'Acknowledge…', 'They are known from now on: they count as unknown devices no more.')}
          {step('ignored', 'Ignore…', 'They are known, and nobody wants to see them in lists or on the map.')}
          <CopyAs
            way={{
              cli: ['asset', 'acknowledge'],
              names: selected.slice(0, MOST).map((each) => each.asset_id),
              method: 'POST',
              path: '/v1/bulk/assets',
              body: { asset_ids: selected.slice(0, MOST).map((each) => each.asset_id) },
            }}
          />
          <Button kind="quiet" onPress={clear}>
            Select none
          </Button>
        </>
      )}
      <span role="status">{visible(said)}</span>
      {done.length > 0 && (
        <Button autoFocus isDisabled={undoing.isPending} onPress={() => undoing.mutate(done)}>
          {undoing.isPending ? 'Undoing…' : 'Undo'}
        </Button>
      )}
      <ProblemNote error={undoing.error} />
    </section>
  );
}
