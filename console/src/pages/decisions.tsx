// Every decision of access as it is made, searched and explained.
import { useState } from 'react';
import { Form, Input, Label, TextField, ToggleButton } from 'react-aria-components';
import { link, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { Export } from './decisions-export';
import { FIELDS, type Field, optionsOf, searchOf, useLog, type Wanted, wantedIn } from './decisions-log';
import { Why } from './decisions-why';
import { Moment } from '../ui/moment';
import { ACTION_WORDS, type Decision, headline, KIND_WORDS, nameOf, reasonWords, toneOf } from './decisions-words';

const COLUMNS: Column<Decision>[] = [
  { title: 'When', width: '112px', cell: (each) => <Time at={each.decided_at} /> },
  { title: 'Who', width: 'minmax(84px, 1fr)', cell: (each) => <Foreign text={nameOf(each)} /> },
  {
    title: 'Decision',
    width: 'minmax(206px, 1.6fr)',
    cell: (each) => <Badge tone={toneOf(each)}>{headline(each)}</Badge>,
  },
  {
    title: 'Because',
    width: 'minmax(88px, 1.2fr)',
    cell: (each) =>
      each.effect === 'allow' || each.policies.length === 0 ? reasonWords(each.reason) : <Foreign text={each.policies.join(', ')} />,
  },
  { title: 'Times', width: '44px', cell: (each) => <span className="number">{each.repeated}</span> },
];

export default function Decisions() {
  const [parameters, change] = useQueryState();
  const wanted = wantedIn(parameters);
  const isHeld = parameters.get('held') === '1';
  const log = useLog(wanted, isHeld);
  const chosen = parameters.get('id') ?? log.items[0]?.cursor ?? '';
  const isSearched = FIELDS.some((name) => wanted[name]);
  return (
    <Page
      title="Decisions"
      about={log.isLive ? (isHeld ? 'held still' : 'live, newest first') : 'newest first'}
      actions={
        <>
          {log.isLive && (
            <ToggleButton className="chip" isSelected={isHeld} onChange={(isOn) => change({ held: isOn ? '1' : '' })}>
              Hold still
            </ToggleButton>
          )}
          <Export wanted={wanted} />
          <CopyAs way={{ cli: ['decision', 'list'], options: optionsOf(wanted), path: requestPath(wanted) }} />
        </>
      }
    >
      <Search key={FIELDS.map((name) => wanted[name]).join('\n')} wanted={wanted} change={change} />
      <ProblemNote error={log.error} />
      {log.waiting > 0 && (
        <div className="note row-of" role="status">
          {log.waiting} new <Button onPress={() => change({ held: '' })}>Show them</Button>
        </div>
      )}
      <div className="split">
        <div className="stack">
          <Table
            label="Decisions"
            columns={COLUMNS}
            items={log.items}
            keyOf={(each) => each.cursor}
            hasMore={log.hasMore}
            isLoading={log.isFirst}
            onMore={log.onMore}
            onOpen={(each) => change({ id: each.cursor })}
            onCurrent={(each) => change({ id: each.cursor })}
            current={chosen}
            empty={
              isSearched
                ? 'No decision fits. Search for less, or look further back.'
                : 'Nothing was decided yet. As soon as a device knocks, it stands here, with the reason.'
            }
          />
          {log.hasBeyond && <Button onPress={log.lookBeyond}>Look further back</Button>}
        </div>
        {chosen && <Why key={chosen} cursor={chosen} />}
      </div>
    </Page>
  );
}

function requestPath(wanted: Wanted): string {
  const parameters = Object.entries(searchOf(wanted)).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(Array.isArray(value) ? value[0] : value)]],
  );
  return link('/v1/decisions', Object.fromEntries(parameters) as Record<string, string>);
}

interface OneText {
  name: Field;
  label: string;
  width: number;
}

const USUAL: OneText[] = [
  { name: 'device', label: 'Device', width: 150 },
  { name: 'policy', label: 'Policy', width: 170 },
];
const RARE: OneText[] = [
  { name: 'reason', label: 'Reason', width: 130 },
  { name: 'from', label: 'From address', width: 130 },
  { name: 'bundle', label: 'Bundle', width: 130 },
];
const MORE: Field[] = ['kind', 'reason', 'from', 'bundle', 'since', 'until'];

/** The search: lists act at once, texts when they are sent. */
function Search({ wanted, change }: { wanted: Wanted; change: (changes: Record<string, string>) => void }) {
  const [typed, setTyped] = useState(wanted);
  const use = (changes: Partial<Wanted>) => change({ ...changes, id: '' });
  const isAny = FIELDS.some((name) => wanted[name]);
  const [isMore, setMore] = useState(() => MORE.some((name) => wanted[name]));
  const text = (each: OneText) => (
    <Text key={each.name} {...each} value={typed[each.name]} onChange={(to) => setTyped({ ...typed, [each.name]: to.trim() })} />
  );
  return (
    <Form
      className="row-of react-aria-Form"
      aria-label="Search"
      onSubmit={(event) => {
        event.preventDefault();
        use(typed);
      }}
    >
      {USUAL.map(text)}
      <Choice label="Answer" value={wanted.effect} choices={ANSWERS} onChange={(effect) => use({ ...typed, effect })} />
      <Choice label="Action" value={wanted.action} choices={ACTION_WORDS} onChange={(action) => use({ ...typed, action })} />
      {isMore && (
        <>
          <Choice label="What" value={wanted.kind} choices={KIND_WORDS} onChange={(kind) => use({ ...typed, kind })} />
          {RARE.map(text)}
          <Moment label="Not before" value={typed.since} onChange={(since) => setTyped({ ...typed, since })} />
          <Moment label="Before" value={typed.until} onChange={(until) => setTyped({ ...typed, until })} />
        </>
      )}
      <span className="row-of">
        <Button type="submit" kind="primary">
          Search
        </Button>
        {isAny && <Button onPress={() => use(NOTHING)}>Clear</Button>}
        {!isMore && (
          <Button kind="quiet" onPress={() => setMore(true)}>
            More…
          </Button>
        )}
      </span>
    </Form>
  );
}

const ANSWERS = [
  ['allow', 'yes'],
  ['deny', 'no'],
] as const;
const NOTHING = wantedIn(new URLSearchParams());

function Text({ label, width, value, onChange }: { label: string; width: number; value: string; onChange: (text: string) => void }) {
  return (
    <TextField className="field" defaultValue={value} onChange={onChange}>
      <Label>{label}</Label>
      <Input className="input" maxLength={128} style={{ width }} spellCheck={false} />
    </TextField>
  );
}

function Choice({ label, value, choices, onChange }: {
  label: string;
  value: string;
  choices: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}) {
  return (
    <label className="field">
      <span className="label">{label}</span>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">any</option>
        {choices.map(([id, words]) => (
          <option key={id} value={id}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
