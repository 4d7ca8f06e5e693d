// An exception that an alert offers: what it would hide is shown before it hides anything.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Input, Label, Radio, RadioGroup, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { serverNow } from '../api/server-clock';
import { ActModal } from '../ui/act';
import { Foreign, ProblemNote } from '../ui/ui';
import { type Alert } from './alerts-words';
import { dayFromNow, endOfDay } from './quarantine-words';
import './alerts.css';

type Pattern = Schemas['PatternView'];
type Part = keyof Pattern;

const DAYS = 30;
const MOST_DAYS = 365;
const SAMPLES = 3;
const PARTS: [Part, string][] = [
  ['rules', 'this kind'],
  ['sources', 'done by'],
  ['targets', 'done to'],
  ['keys', 'about'],
  ['sites', 'at the site'],
];

/** Return a pattern with only the parts that were kept. */
export function narrowed(offered: Pattern, kept: ReadonlySet<Part>): Pattern {
  const part = (name: Part) => (kept.has(name) ? offered[name] : []);
  return { rules: part('rules'), sources: part('sources'), targets: part('targets'), keys: part('keys'), sites: part('sites') };
}

export interface ExceptionProps {
  alert: Alert;
  onDone?: (words: string) => void;
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
}

export function ExceptionModal({ alert, onDone, isOpen, onOpenChange }: ExceptionProps) {
  const offered = alert.offered_exception;
  const [kept, setKept] = useState<ReadonlySet<Part>>(() => new Set(PARTS.map(([name]) => name)));
  const [effect, setEffect] = useState<'mute' | 'learn'>('mute');
  const [until, setUntil] = useState(() => dayFromNow(DAYS, serverNow()));
  const [owner, setOwner] = useState('');
  const [isAtSensors, setAtSensors] = useState(false);
  const pattern = effect === 'learn' ? offered : narrowed(offered, kept);
  const asked = (reason: string, by: string): Schemas['NewExceptionView'] => ({
    pattern,
    effect,
    reason,
    owner: by,
    ends_at: effect === 'learn' ? null : (endOfDay(until) ?? null),
    hides_up_to: alert.severity === 'critical' ? 'critical' : 'high',
    learned_from: effect === 'learn' ? alert.alert_id : '',
    is_at_sensors: isAtSensors,
  });
  const act = async (reason: string) => {
    const made = await take(api.POST('/v1/alert-exceptions', { body: asked(reason, owner.trim()) }));
    onDone?.(`Hidden: ${made.hushed} open ${made.hushed === 1 ? 'alert' : 'alerts'}.`);
  };
  const preview = usePreview(asked('preview', 'preview'));
  return (
    <ActModal
      label="Hide"
      kind="primary"
      needsReason
      startsAtReason={false}
      title="Hide this alert and its like?"
      isReady={owner.trim() !== '' && preview.isSuccess && !preview.isPlaceholderData}
      act={act}
      isOpen={isOpen}
      onOpenChange={onOpenChange}
    >
      <p className="muted">Hidden alerts are kept and counted, and narrow no device.</p>
      <RadioGroup className="choices" value={effect} onChange={(to) => setEffect(to as typeof effect)} aria-label="For how long">
        <Radio value="mute" className="choice">
          <strong>For a while</strong> <span className="muted">Nobody needs to look until it ends.</span>
        </Radio>
        <Radio value="learn" className="choice" isDisabled={!alert.is_learnable}>
          <strong>It is normal here</strong>{' '}
          <span className="muted">{alert.is_learnable ? 'It ends when somebody ends it.' : 'What this kind tells is never normal.'}</span>
        </Radio>
      </RadioGroup>
      {effect === 'mute' && (
        <>
          <fieldset className="field parts">
            <legend className="label">What it hides: all alerts that are</legend>
            {PARTS.filter(([name]) => (offered[name] ?? []).length > 0).map(([name, words]) => (
              <label key={name} className="tick">
                <input
                  type="checkbox"
                  checked={kept.has(name)}
                  onChange={(event) => {
                    const next = new Set(kept);
                    if (event.target.checked) next.add(name);
                    else next.delete(name);
                    setKept(next);
                  }}
                />
                <span>
                  {words} <Foreign text={(offered[name] ?? []).join(', ')} mono />
                </span>
              </label>
            ))}
          </fieldset>
          <label className="field">
            <span className="label">Until the end of</span>
            <input
              type="date"
              className="input"
              required
              value={until}
              min={dayFromNow(0, serverNow())}
              max={dayFromNow(MOST_DAYS, serverNow())}
              onChange={(event) => setUntil(event.target.value)}
            />
          </label>
        </>
      )}
      <TextField className="field" value={owner} onChange={setOwner} isRequired autoFocus>
        <Label>Who answers for it</Label>
        <Input className="input" maxLength={256} />
      </TextField>
      <label className="tick">
        <input type="checkbox" checked={isAtSensors} onChange={(event) => setAtSensors(event.target.checked)} />
        <span>
          Hold it back at the sensors <span className="muted">– up to one step less grave; it is counted there, and not kept</span>
        </span>
      </label>
      <Coming preview={preview.data} error={preview.error} />
    </ActModal>
  );
}

function usePreview(asked: Schemas['NewExceptionView']) {
  return useQuery({
    queryKey: ['exception-preview', asked],
    queryFn: () => take(api.POST('/v1/alert-exception-preview', { body: asked })),
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** What it would have hidden in the last two weeks. */
function Coming({ preview, error }: { preview: Schemas['PreviewView'] | undefined; error: unknown }) {
  if (error) return <ProblemNote error={error} />;
  if (!preview) return <p className="muted">Looking what it would hide…</p>;
  return (
    <div className={preview.real > 0 ? 'note warn' : 'note'} role="status">
      <p>
        In the last two weeks it would have hidden <strong>{preview.hidden.toLocaleString('en')}</strong> of{' '}
        {preview.scanned.toLocaleString('en')} alerts; somebody has still to look at {preview.open_now.toLocaleString('en')} of them.
      </p>
      {preview.real > 0 && (
        <p>
          <strong>{preview.real.toLocaleString('en')} of them turned out to be real.</strong> To hide such is dangerous.
        </p>
      )}
      {!preview.is_complete && <p>There were more alerts than were looked at.</p>}
      <ul className="plain" aria-label="Samples">
        {preview.samples.slice(0, SAMPLES).map((each) => (
          <li key={each.alert_id} className="line">
            <Foreign text={each.title} />
          </li>
        ))}
      </ul>
    </div>
  );
}
