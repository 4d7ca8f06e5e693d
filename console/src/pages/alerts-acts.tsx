// Acts on alerts: what they would change is shown first, and they can be undone.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Label, Radio, RadioGroup } from 'react-aria-components';
import { api, take } from '../api/client';
import { ActModal } from '../ui/act';
import { visible } from '../ui/text';
import { Button, Foreign, ProblemNote } from '../ui/ui';
import { batches } from './bulk-parts';
import { useTriageKeys } from './alerts-keys';
import { type Alert, type Verdict, VERDICTS } from './alerts-words';
import './alerts.css';

export type AlertAct = 'acknowledge' | 'close' | 'reopen' | 'merge';

export interface Asked {
  act: AlertAct;
  alerts: Alert[];
}

interface Done {
  words: string;
  undo: (() => Promise<unknown>) | null;
}

// As many as one request may name.
const AT_ONCE = 200;
const SAMPLES = 6;
const NOTE_CHARS = 1_024;

/** Return those that an act changes anything about. */
export function meantBy(act: AlertAct, alerts: Alert[]): Alert[] {
  if (act === 'acknowledge') return alerts.filter((each) => each.state === 'open' && each.standing === 'loud');
  if (act === 'reopen') return alerts.filter((each) => each.standing !== 'merged' && (each.state !== 'open' || each.standing !== 'loud'));
  if (act === 'merge') return alerts.filter((each) => each.standing !== 'merged' && each.state !== 'closed');
  return alerts.filter((each) => each.standing !== 'merged');
}

async function many(alerts: Alert[], act: 'acknowledge' | 'close' | 'reopen', reason: string, verdict?: Verdict): Promise<void> {
  for (const some of batches(alerts.map((each) => each.alert_id), AT_ONCE))
    await take(api.POST('/v1/bulk/alerts', { body: { alert_ids: some, act, reason, verdict: verdict ?? null } }));
}

async function mergeAll(into: string, others: Alert[], reason: string): Promise<void> {
  for (const some of batches(others.map((each) => each.alert_id), AT_ONCE))
    await take(api.POST('/v1/alerts/{alert_id}/merge', { params: { path: { alert_id: into } }, body: { alert_ids: some, reason } }));
}

/** Let a merged alert speak for itself again. */
export function unmerge(alert: string, reason: string) {
  return take(api.POST('/v1/alerts/{alert_id}/unmerge', { params: { path: { alert_id: alert } }, body: { reason } }));
}

export interface ActsProps {
  asked: Asked | null;
  close: () => void;
  ask: (asked: Asked) => void;
  selected: Alert[];
  clear: () => void;
}

/** What is selected, what can be done with it, and what was done last, with the way back. */
export function AlertActs({ asked, close, ask, selected, clear }: ActsProps) {
  const [done, setDone] = useState<Done | null>(null);
  const queries = useQueryClient();
  const undoing = useMutation({
    mutationFn: async ({ undo }: Done) => undo?.(),
    onSuccess: () => {
      setDone({ words: 'Undone.', undo: null });
      return queries.invalidateQueries();
    },
  });
  // One alert is looked into at once: nothing is lost by it, and it is undone as fast.
  const looking = useMutation({
    mutationFn: (alert: Alert) => many([alert], 'acknowledge', ''),
    onSuccess: (_, alert) => {
      setDone({ words: 'You look into it.', undo: () => many([alert], 'reopen', 'undone: looked into') });
      return queries.invalidateQueries();
    },
  });
  const only = asked?.act === 'acknowledge' && asked.alerts.length === 1 ? asked.alerts[0] : undefined;
  const { mutate } = looking;
  useEffect(() => {
    if (!only) return;
    close();
    if (meantBy('acknowledge', [only]).length > 0) mutate(only);
  }, [only, close, mutate]);
  useTriageKeys(done?.undo != null && !undoing.isPending, { u: () => done && undoing.mutate(done) });
  const finish = (what: Done) => {
    undoing.reset();
    setDone(what);
    clear();
  };
  return (
    <>
      {(selected.length > 0 || done || looking.error) && (
        <section className="note row-of" aria-label="Selected alerts">
          {selected.length > 0 && (
            <>
              <strong>{selected.length.toLocaleString('en')} selected</strong>
              <Button onPress={() => ask({ act: 'acknowledge', alerts: selected })}>Look into them</Button>
              <Button onPress={() => ask({ act: 'close', alerts: selected })}>Close…</Button>
              <Button isDisabled={selected.length < 2} onPress={() => ask({ act: 'merge', alerts: selected })}>
                Merge…
              </Button>
              <Button onPress={() => ask({ act: 'reopen', alerts: selected })}>Open again…</Button>
              <Button kind="quiet" onPress={clear}>
                Select none
              </Button>
            </>
          )}
          <span role="status">{visible(done?.words ?? '')}</span>
          {done?.undo && (
            <Button autoFocus key={done.words} isDisabled={undoing.isPending} onPress={() => undoing.mutate(done)}>
              {undoing.isPending ? 'Undoing…' : 'Undo (u)'}
            </Button>
          )}
          <ProblemNote error={undoing.error ?? looking.error} />
        </section>
      )}
      {asked && !only && <ActOn key={asked.act} asked={asked} close={close} finish={finish} />}
    </>
  );
}

const HARMLESS: readonly string[] = ['benign', 'authorized', 'false-positive'];

const LABELS: Record<AlertAct, [string, string]> = {
  acknowledge: ['Look into', 'Somebody looks into them from now on; they stay on the list.'],
  close: ['Close', 'They leave the list; nothing is deleted.'],
  reopen: ['Open again', 'As if nobody had looked: they are loud until they are judged again.'],
  merge: ['Merge', 'One speaks for the others; what they count later is counted in it.'],
};

function ActOn({ asked: { act, alerts }, close, finish }: { asked: Asked; close: () => void; finish: (done: Done) => void }) {
  const meant = meantBy(act, alerts);
  const oldest = [...meant].sort((one, other) => one.first_at.localeCompare(other.first_at))[0];
  const [verdict, setVerdict] = useState<Verdict | ''>('');
  const [into, setInto] = useState(oldest?.alert_id ?? '');
  const [givesBack, setGivesBack] = useState(false);
  const [label, about] = LABELS[act];
  // What one alert took from a device is given back with its verdict; of many, each is looked at by itself.
  const only = act === 'close' && meant.length === 1 ? meant[0] : undefined;
  const behind = only && HARMLESS.includes(verdict) ? [only.source, only.target].filter((each) => each.device_id) : [];
  const what = meant.length === 1 ? 'this alert' : `${meant.length.toLocaleString('en')} alerts`;
  const others = meant.filter((each) => each.alert_id !== into);
  const run = async (reason: string) => {
    const undone = `undone: ${reason || label.toLowerCase()}`.slice(0, NOTE_CHARS);
    if (act === 'merge') {
      await mergeAll(into, others, reason);
      const undo = async () => {
        for (const each of others) await unmerge(each.alert_id, undone);
      };
      finish({ words: `${others.length} merged.`, undo });
      return;
    }
    if (only && verdict !== '' && givesBack && behind.length > 0) {
      const path = { path: { alert_id: only.alert_id } };
      await take(api.POST('/v1/alerts/{alert_id}/close', { params: path, body: { verdict, reason, gives_back: true } }));
      finish({ words: `Closed: ${verdict}; what it said of the devices behind it was taken back.`, undo: null });
      return;
    }
    await many(meant, act, reason, act === 'close' && verdict !== '' ? verdict : undefined);
    const words = act === 'close' ? `${meant.length} closed: ${verdict}.` : `${meant.length} ${act === 'reopen' ? 'open again' : 'looked into'}.`;
    finish({ words, undo: act === 'reopen' ? null : () => many(meant, 'reopen', undone) });
  };
  const isReady = meant.length > 0 && (act !== 'close' || verdict !== '') && (act !== 'merge' || others.length > 0);
  return (
    <ActModal
      label={label}
      kind="primary"
      title={`${label} ${what}?`}
      needsReason={act !== 'acknowledge'}
      startsAtReason={act !== 'close'}
      isReady={isReady}
      act={run}
      isOpen
      onOpenChange={(isOpen) => !isOpen && close()}
    >
      <p>
        {about} {alerts.length > meant.length && `${alerts.length - meant.length} of the selected are so already, or merged.`}
      </p>
      <ul className="plain">
        {meant.slice(0, SAMPLES).map((each) => (
          <li key={each.alert_id} className="line">
            <Foreign text={each.title} />
          </li>
        ))}
        {meant.length > SAMPLES && <li className="muted">and {(meant.length - SAMPLES).toLocaleString('en')} more</li>}
      </ul>
      {act === 'close' && <VerdictField verdict={verdict} setVerdict={setVerdict} />}
      {behind.length > 0 && (
        <label className="tick">
          <input type="checkbox" checked={givesBack} onChange={(event) => setGivesBack(event.target.checked)} />
          <span>
            Take back what it said of <Foreign text={behind.map((each) => each.device_id).join(', ')} />, unless another alert stands against
            it
          </span>
        </label>
      )}
      {act === 'merge' && (
        <label className="field">
          <span className="label">Which one speaks for the others</span>
          <select className="input" value={into} onChange={(event) => setInto(event.target.value)}>
            {meant.map((each) => (
              <option key={each.alert_id} value={each.alert_id}>
                {visible(each.title)}
              </option>
            ))}
          </select>
        </label>
      )}
    </ActModal>
  );
}

export function VerdictField({ verdict, setVerdict }: { verdict: Verdict | ''; setVerdict: (verdict: Verdict) => void }) {
  return (
    <RadioGroup className="choices" value={verdict} onChange={(to) => setVerdict(to as Verdict)}>
      <Label>What it turned out to be</Label>
      {VERDICTS.map(([id, words, about], number) => (
        <Radio key={id} value={id} className="choice" autoFocus={number === 0}>
          <strong>{words}</strong> <span className="muted">{about}</span>
        </Radio>
      ))}
    </RadioGroup>
  );
}
