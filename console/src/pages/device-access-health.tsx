// What bears on trust in a device: its risk, the signals behind it, and what was heard before.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Card, Foreign, ProblemNote, Time } from '../ui/ui';
import { Risk, Signals } from './decisions-why';

type Signal = Schemas['SignalView'];
type New = Schemas['NewSignalView'];
type Of = { device: string; module: string };

const HISTORY = 20;
const CLASSES = ['tamper', 'malware', 'credential-compromise', 'clone-suspected', 'vulnerable-software', 'traffic-anomaly', 'compliance'];
const NOTHING: Typed = { signal_class: '', level: '', provenance: 'observed', source: 'console', hours: '' };

interface Typed {
  signal_class: string;
  level: string;
  provenance: string;
  source: string;
  hours: string;
}

export function Health({ device, module }: Of) {
  const health = useQuery({
    queryKey: ['health', device, module],
    queryFn: () =>
      module
        ? take(api.GET('/v1/devices/{device_id}/modules/{module_id}/health', of(device, module)))
        : take(api.GET('/v1/devices/{device_id}/health', { params: { path: { device_id: device } } })),
    refetchInterval: 5_000,
  });
  const data = health.data;
  return (
    <Card
      title="Signals and risk"
      actions={
        <>
          <Tell device={device} module={module} />
          <CopyAs
            way={{
              cli: ['signal', 'show'],
              names: [device],
              options: module ? ['--module', module] : [],
              path: `/v1/devices/${encodeURIComponent(device)}${module ? `/modules/${encodeURIComponent(module)}` : ''}/health`,
            }}
          />
        </>
      }
    >
      <ProblemNote error={health.error} />
      {data && (
        <>
          <p>
            Risk <Risk level={data.risk_level} />{' '}
            {data.risk_level === 'unknown' ? (
              <span className="muted">nobody has said anything about it, which is neither good nor bad</span>
            ) : (
              <span className="muted">
                score {data.risk_score} of 100
                {data.changed_at && (
                  <>
                    , since <Time at={data.changed_at} />
                  </>
                )}
              </span>
            )}
          </p>
          {data.findings.length > 0 && (
            <p>
              Findings: <Foreign text={data.findings.map((each) => `${each.finding_class} (${each.provenance})`).join(', ')} />
            </p>
          )}
          {data.location && (
            <p>
              Last at {data.location.latitude.toFixed(5)}, {data.location.longitude.toFixed(5)}, within {data.location.accuracy_m} m (
              {data.location.provenance}), <Time at={data.location.since} />
            </p>
          )}
          <Signals signals={data.signals} act={(signal) => <Withdraw device={device} module={module} signal={signal} />} />
          <Before device={device} module={module} counting={data.signals} />
        </>
      )}
    </Card>
  );
}

function of(device_id: string, module_id: string) {
  return { params: { path: { device_id, module_id } } };
}

function Withdraw({ device, module, signal }: Of & { signal: Signal }) {
  const signal_id = signal.signal_id;
  return (
    <Act
      label="Withdraw"
      needsReason
      title={`Does ${signal.signal_class} from ${signal.source} count no more?`}
      act={(reason) =>
        module
          ? take(
              api.POST('/v1/devices/{device_id}/modules/{module_id}/signals/{signal_id}/withdraw', {
                params: { path: { device_id: device, module_id: module, signal_id } },
                body: { reason },
              }),
            )
          : take(
              api.POST('/v1/devices/{device_id}/signals/{signal_id}/withdraw', {
                params: { path: { device_id: device, signal_id } },
                body: { reason },
              }),
            )
      }
    >
      <p>The risk is judged anew without it, at once. It stays in the history; its source may tell it again.</p>
    </Act>
  );
}

/** What was heard and counts no more. */
function Before({ device, module, counting }: Of & { counting: readonly Signal[] }) {
  const [isOpen, setOpen] = useState(false);
  const known = useQuery({
    queryKey: ['health', device, module, 'history'],
    queryFn: () => {
      const query = { limit: HISTORY };
      return module
        ? take(
            api.GET('/v1/devices/{device_id}/modules/{module_id}/signals', {
              params: { path: { device_id: device, module_id: module }, query },
            }),
          )
        : take(api.GET('/v1/devices/{device_id}/signals', { params: { path: { device_id: device }, query } }));
    },
    enabled: isOpen,
  });
  const now = new Set(counting.map((each) => each.signal_id));
  const items = (known.data?.items ?? []).filter((each) => !now.has(each.signal_id));
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What was heard before</summary>
      <ProblemNote error={known.error} />
      {known.data && items.length === 0 && <p className="muted">Nothing that does not count now.</p>}
      {isOpen && <Signals signals={items} />}
    </details>
  );
}

/** Tell a signal by hand. */
function Tell({ device, module }: Of) {
  const [typed, setTyped] = useState(NOTHING);
  const set = (name: keyof Typed) => (value: string) => setTyped((before) => ({ ...before, [name]: value }));
  const tell = (reason: string) => {
    const body: New = {
      signal_class: typed.signal_class.trim(),
      level: (typed.level || null) as New['level'],
      provenance: typed.provenance as New['provenance'],
      source: typed.source.trim(),
      lasts_s: typed.hours ? Math.round(Number(typed.hours) * 3600) : null,
      detail: reason ? { note: reason } : {},
    };
    return module
      ? take(api.POST('/v1/devices/{device_id}/modules/{module_id}/signals', { ...of(device, module), body }))
      : take(api.POST('/v1/devices/{device_id}/signals', { params: { path: { device_id: device } }, body }));
  };
  return (
    <Act label="Tell a signal" title={`What bears on trust in ${module ? `${device}/${module}` : device}?`} act={tell} onDone={() => setTyped(NOTHING)}>
      <p>What follows from it is on its way to every gateway when this is answered. The note stands beside the signal.</p>
      <div className="row-of">
        <TextField className="field" value={typed.signal_class} onChange={set('signal_class')} isRequired>
          <Label>Class</Label>
          <Input className="input" list="signal-classes" maxLength={64} pattern="[a-z0-9][a-z0-9\-]{0,63}" placeholder="tamper" />
        </TextField>
        <datalist id="signal-classes">
          {CLASSES.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <label className="field">
          <span className="label">Level</span>
          <select className="input" value={typed.level} onChange={(event) => set('level')(event.target.value)}>
            <option value="">as its class is</option>
            <option value="low">low</option>
            <option value="medium">medium</option>
            <option value="high">high</option>
          </select>
        </label>
        <label className="field">
          <span className="label">How far to believe it</span>
          <select className="input" value={typed.provenance} onChange={(event) => set('provenance')(event.target.value)}>
            <option value="observed">observed</option>
            <option value="self-reported">self-reported</option>
            <option value="spoofable">spoofable</option>
          </select>
        </label>
        <TextField className="field" value={typed.source} onChange={set('source')} isRequired>
          <Label>Source</Label>
          <Input className="input" maxLength={128} pattern="[A-Za-z0-9][A-Za-z0-9._:\/@\-]{0,127}" />
        </TextField>
        <TextField className="field" value={typed.hours} onChange={set('hours')}>
          <Label>Counts for so many hours (empty: until withdrawn)</Label>
          <Input className="input" type="number" min={0.01} max={8760} step="any" />
        </TextField>
      </div>
    </Act>
  );
}
