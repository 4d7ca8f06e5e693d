// What the map is narrowed to: chosen from what there is, and a slider over when something was said.
import { useEffect, useState } from 'react';
import { ToggleButton } from 'react-aria-components';
import { Button } from '../ui/ui';
import { type MapQuery, momentAt, STEPS, stepAt } from './map-query';
import type { NetworkMap } from './map-scene';
import { Pick, Search } from './network-parts';

type Change = (changes: Record<string, string>) => void;

const LEVELS = ['5', '4', '3.5', '3', '2', '1', '0'].map((level) => [level, null] as const);
const GROUPINGS: [string, string][] = [
  ['zone', 'zone'],
  ['subnet', 'subnet'],
  ['level', 'level alone'],
  ['site', 'site alone'],
];
const SLIDING_MS = 250;

export function Filters({ map, query, text, onText, change }: {
  map: NetworkMap | undefined;
  query: MapQuery;
  text: string;
  onText: (text: string) => void;
  change: Change;
}) {
  const zones = map?.zones ?? [];
  return (
    <div className="map-filters">
      <Search value={text} onChange={onText} label="Find on the map" />
      <label className="field">
        <span className="label">Group by</span>
        <select className="input" value={query.grouping} onChange={(event) => change({ by: event.target.value === 'zone' ? '' : event.target.value, open: '' })}>
          {GROUPINGS.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <Pick label="Site" value={query.site ?? ''} choices={(map?.sites ?? []).map((site) => [site, null])} onChange={(site) => change({ site })} />
      {zones.length > 0 && (
        <Pick
          label="Zone"
          value={query.zone ?? ''}
          choices={zones.map((zone) => [zone.zone_id, null])}
          name={(id) => zones.find((zone) => zone.zone_id === id)?.name ?? id}
          onChange={(zone) => change({ zone })}
        />
      )}
      <Pick label="Level" value={query.level ?? ''} choices={LEVELS} onChange={(level) => change({ level })} />
      <Pick
        label="Protocol"
        value={query.protocol ?? ''}
        choices={(map?.protocols ?? []).map((each) => [each.name, each.pairs])}
        onChange={(protocol) => change({ protocol })}
      />
      {map && map.first_at && map.first_at !== map.last_at && <Times map={map} query={query} change={change} />}
      <span className="row-of">
        <ToggleButton className="chip" isSelected={query.is_alerting === true} onChange={(isOn) => change({ alerts: isOn ? '1' : '' })}>
          With open alerts
        </ToggleButton>
        <ToggleButton className="chip" isSelected={query.is_closed === true} onChange={(isOn) => change({ closed: isOn ? '1' : '', open: '' })}>
          Groups closed
        </ToggleButton>
      </span>
    </div>
  );
}

/** Two sliders over the time in which anything was said: last said after one, first said before the other. */
function Times({ map, query, change }: { map: NetworkMap; query: MapQuery; change: Change }) {
  const { first_at: first, last_at: last } = map;
  const [from, setFrom] = useSlider(query.since ? stepAt(query.since, first, last) : 0, (step) =>
    change({ since: step > 0 ? momentAt(step, first, last) : '' }),
  );
  const [to, setTo] = useSlider(query.until ? stepAt(query.until, first, last) : STEPS, (step) =>
    change({ until: step < STEPS ? momentAt(step, first, last) : '' }),
  );
  return (
    <fieldset className="map-times">
      <legend>Said between</legend>
      <Slider label="Said after" step={from} onStep={(step) => setFrom(Math.min(step, to - 1))} words={words(from, first, last)} />
      <Slider label="Said before" step={to} onStep={(step) => setTo(Math.max(step, from + 1))} words={words(to, first, last)} />
      {(query.since || query.until) && (
        <Button kind="quiet" onPress={() => change({ since: '', until: '' })}>
          Whenever
        </Button>
      )}
    </fieldset>
  );
}

function Slider({ label, step, onStep, words: text }: { label: string; step: number; onStep: (step: number) => void; words: string }) {
  return (
    <span className="map-slider">
      <input type="range" min={0} max={STEPS} value={step} aria-label={label} aria-valuetext={text} onChange={(event) => onStep(Number(event.target.value))} />
      <span className="muted">{text}</span>
    </span>
  );
}

const MOMENT = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit' });

function words(step: number, first: string, last: string): string {
  if (step <= 0) return 'the beginning';
  return step >= STEPS ? 'now' : MOMENT.format(Date.parse(momentAt(step, first, last)));
}

/** A step that moves at once, and is told once it rests. */
function useSlider(value: number, onRest: (step: number) => void): [number, (step: number) => void] {
  const [step, setStep] = useState<number | null>(null);
  useEffect(() => {
    if (step === null) return undefined;
    const timer = setTimeout(() => {
      onRest(step);
      setStep(null);
    }, SLIDING_MS);
    return () => clearTimeout(timer);
  });
  return [step ?? value, setStep];
}
