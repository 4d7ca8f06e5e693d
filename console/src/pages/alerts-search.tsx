// The search for alerts: lists act at once, texts when they are sent.
import { useState } from 'react';
import { Form, Input, Label, TextField } from 'react-aria-components';
import { Button } from '../ui/ui';
import { Moment } from '../ui/moment';
import { visible } from '../ui/text';
import { ENGINES, type Field, FIELDS, NOTHING, STANDS, type Wanted } from './alerts-words';
import { useWhich, useZones } from './zones-queries';

const SEVERITIES = [
  ['critical', 'critical'],
  ['high', 'high or graver'],
  ['medium', 'medium or graver'],
  ['low', 'low or graver'],
] as const;
const USUAL: [Field, string, number][] = [
  ['text', 'Words in it', 170],
  ['address', 'Address', 130],
];
const RARE: [Field, string, number][] = [
  ['rule', 'Rule', 150],
  ['technique', 'Technique', 90],
  ['device', 'Device', 130],
  ['site', 'Site', 120],
  ['sensor', 'Sensor', 120],
  ['protocol', 'Protocol', 100],
];
const MORE: Field[] = ['rule', 'technique', 'device', 'site', 'zone', 'sensor', 'protocol', 'since', 'until'];

export function AlertSearch({ wanted, change }: { wanted: Wanted; change: (changes: Record<string, string>) => void }) {
  const [typed, setTyped] = useState(wanted);
  const [isMore, setMore] = useState(() => MORE.some((name) => wanted[name]));
  const isAny = FIELDS.some((name) => wanted[name] && name !== 'order');
  const text = ([name, label, width]: [Field, string, number]) => (
    <TextField key={name} className="field" defaultValue={typed[name]} onChange={(to) => setTyped({ ...typed, [name]: to.trim() })}>
      <Label>{label}</Label>
      <Input className="input" maxLength={512} style={{ width }} spellCheck={false} />
    </TextField>
  );
  return (
    <Form
      className="row-of react-aria-Form"
      aria-label="Search"
      onSubmit={(event) => {
        event.preventDefault();
        change(typed);
      }}
    >
      <Choice label="State" value={wanted.stand} choices={STANDS} onChange={(stand) => change({ ...typed, stand })} />
      <Choice label="Severity" value={wanted.severity} choices={[ANY, ...SEVERITIES]} onChange={(severity) => change({ ...typed, severity })} />
      <Choice label="Kind" value={wanted.kind} choices={[ANY, ...ENGINES]} onChange={(kind) => change({ ...typed, kind })} />
      {USUAL.map(text)}
      {isMore && (
        <>
          {RARE.map(text)}
          <ZoneChoice value={wanted.zone} onChange={(zone) => change({ ...typed, zone })} />
          <Moment label="Last seen from" value={typed.since} onChange={(since) => setTyped({ ...typed, since })} />
          <Moment label="Last seen before" value={typed.until} onChange={(until) => setTyped({ ...typed, until })} />
        </>
      )}
      <span className="row-of">
        <Button type="submit" kind="primary">
          Search
        </Button>
        {isAny && <Button onPress={() => change({ ...NOTHING, order: wanted.order })}>Clear</Button>}
        {!isMore && (
          <Button kind="quiet" onPress={() => setMore(true)}>
            More…
          </Button>
        )}
      </span>
    </Form>
  );
}

const ANY = ['', 'any'] as const;

/** A zone of the plan in force, by its name. */
function ZoneChoice({ value, onChange }: { value: string; onChange: (zone: string) => void }) {
  const { approved } = useWhich();
  const zones = useZones(approved || value ? 'approved' : '').data ?? [];
  if (!approved && !value) return null;
  const known = zones.map((each) => [each.zone_id, visible(each.name)] as const);
  const isKnown = !value || known.some(([id]) => id === value);
  return <Choice label="Zone" value={value} choices={[ANY, ...(isKnown ? known : [[value, visible(value)] as const, ...known])]} onChange={onChange} />;
}

export function Choice({ label, value, choices, onChange }: {
  label: string;
  value: string;
  choices: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}) {
  return (
    <label className="field">
      <span className="label">{label}</span>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        {choices.map(([id, words]) => (
          <option key={id} value={id}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
