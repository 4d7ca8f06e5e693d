// What somebody is to look at, worked through by keyboard: looked into, closed with a verdict, hidden, merged.
import { useState } from 'react';
import { ToggleButton } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { link, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { visible } from '../ui/text';
import { Badge, Button, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { ExceptionModal } from './alert-hide';
import { AlertActs, type Asked } from './alerts-acts';
import { AlertExport } from './alerts-export';
import { AlertSearch } from './alerts-search';
import { KeyHelp, useTriageKeys } from './alerts-keys';
import { useAlertCounts, useAlertGroups, useAlerts } from './alerts-log';
import { type Alert, endName, FIELDS, filterOf, type Group, GROUPINGS, NOTHING, optionsOf, requestPath, ruleWords, searchOf, SEVERITIES, standing, wantedIn } from './alerts-words';

const COLUMNS: Column<Alert>[] = [
  { title: 'Severity', width: '112px', cell: (each) => <Badge tone={SEVERITIES[each.severity]}>{each.severity}</Badge> },
  {
    title: 'What happened',
    width: 'minmax(180px, 4fr)',
    cell: (each) => (
      <Link href={`/alerts/${encodeURIComponent(each.alert_id)}`} tabIndex={-1} title={visible(each.title)}>
        <Foreign text={each.title} />
      </Link>
    ),
  },
  {
    title: 'Who, to whom',
    width: 'minmax(110px, 1.6fr)',
    cell: (each) => (
      <>
        <Foreign text={endName(each.source)} />
        {each.target.address && (
          <>
            {' → '}
            <Foreign text={endName(each.target)} />
          </>
        )}
      </>
    ),
  },
  { title: 'Last', width: '112px', cell: (each) => <Time at={each.last_at} /> },
  { title: 'Times', width: '52px', cell: (each) => <span className="number">{each.times.toLocaleString('en')}</span> },
  {
    title: 'State',
    width: '112px',
    cell: (each) => {
      const [words, tone] = standing(each);
      return <Badge tone={tone}>{words}</Badge>;
    },
  },
];

export default function Alerts() {
  const [parameters, change] = useQueryState();
  const [, navigate] = useLocation();
  const wanted = wantedIn(parameters);
  const by = parameters.get('by') ?? '';
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [current, setCurrent] = useState('');
  const [asked, setAsked] = useState<Asked | null>(null);
  const [hiding, setHiding] = useState<Alert | null>(null);
  const isBusy = selected.size > 0 || asked !== null || hiding !== null;
  const { waiting, showThem, error, isFirst, ...list } = useAlerts(wanted, isBusy);
  const counts = useAlertCounts(wanted);
  const { items } = list;
  const here = items.find((each) => each.alert_id === current) ?? items[0];
  const meant = selected.size > 0 ? items.filter((each) => selected.has(each.alert_id)) : here ? [here] : [];
  const isSearched = FIELDS.some((name) => wanted[name] && name !== 'order');
  const set = (changes: Record<string, string>) => {
    setSelected(new Set());
    change(changes, true);
  };
  useTriageKeys(by === '' && meant.length > 0, {
    a: () => setAsked({ act: 'acknowledge', alerts: meant }),
    c: () => setAsked({ act: 'close', alerts: meant }),
    r: () => setAsked({ act: 'reopen', alerts: meant }),
    m: () => meant.length > 1 && setAsked({ act: 'merge', alerts: meant }),
    h: () => here && setHiding(here),
  });
  const options = optionsOf(wanted);
  return (
    <Page
      title="Alerts"
      about={counts.data && `${counts.data.open.toLocaleString('en')} to look at`}
      actions={
        <>
          <AlertExport wanted={wanted} />
          <CopyAs way={{ cli: options && ['alert', 'list'], options, path: requestPath('/v1/alerts', searchOf(wanted)) }} />
        </>
      }
    >
      <AlertSearch key={FIELDS.map((name) => wanted[name]).join('\n')} wanted={wanted} change={set} />
      <div className="row-of chips" role="group" aria-label="How they are shown">
        {GROUPINGS.map(([id, words]) => (
          <ToggleButton key={id} className="chip" isSelected={by === id} onChange={() => set({ by: id })}>
            {words}
          </ToggleButton>
        ))}
        <ToggleButton
          className="chip"
          isSelected={wanted.order === 'gravest'}
          onChange={(isOn) => set({ order: isOn ? 'gravest' : '' })}
          isDisabled={by !== ''}
        >
          gravest first
        </ToggleButton>
        <Narrowed wanted={wanted} clear={(name) => set({ [name]: '' })} />
      </div>
      <ProblemNote error={error} />
      {by !== '' ? (
        <Groups wanted={wanted} by={by} open={(group) => set({ by: '', ...filterOf(by, group) })} />
      ) : (
        <>
          <AlertActs
            asked={asked}
            close={() => setAsked(null)}
            ask={setAsked}
            selected={selected.size > 0 ? meant : []}
            clear={() => setSelected(new Set())}
          />
          {waiting > 0 && (
            <div className="note row-of" role="status">
              {waiting} new <Button onPress={showThem}>Show them</Button>
            </div>
          )}
          <Table
            label="Alerts"
            columns={COLUMNS}
            {...list}
            isLoading={isFirst}
            keyOf={(each) => each.alert_id}
            current={current || undefined}
            onCurrent={(each) => setCurrent(each.alert_id)}
            onOpen={(each) => navigate(`/alerts/${encodeURIComponent(each.alert_id)}`)}
            selected={selected}
            onSelect={(key, isSelected) => {
              const next = new Set(selected);
              if (isSelected) next.add(key);
              else next.delete(key);
              setSelected(next);
            }}
            onSelectAll={(isSelected) => setSelected(new Set(isSelected ? items.map((each) => each.alert_id) : []))}
            empty={
              isSearched ? (
                <>
                  No alert fits. <Button onPress={() => set({ ...NOTHING, by: '' })}>Clear the search</Button>
                </>
              ) : (
                <>
                  Nothing to look at. Alerts come from <Link href="/sensors">sensors</Link>; what is{' '}
                  <Link href={link('/alerts', { stand: 'hidden' })}>hidden</Link> and{' '}
                  <Link href={link('/alerts', { stand: 'closed' })}>closed</Link> is kept.
                </>
              )
            }
          />
          <KeyHelp />
        </>
      )}
      {hiding && <ExceptionModal alert={hiding} isOpen onOpenChange={(isOpen) => !isOpen && setHiding(null)} />}
    </Page>
  );
}

/** What the list is narrowed to by links, each with its way out. */
function Narrowed({ wanted, clear }: { wanted: ReturnType<typeof wantedIn>; clear: (name: string) => void }) {
  const named = [
    ['incident', 'one incident'],
    ['asset', 'one asset'],
    ['exception', 'one exception'],
    ['ticket', 'one ticket'],
  ] as const;
  return named
    .filter(([name]) => wanted[name])
    .map(([name, words]) => (
      <Button key={name} kind="quiet" onPress={() => clear(name)} aria-label={`Not only ${words}`}>
        only {words} ✕
      </Button>
    ));
}

const GROUP_COLUMNS: Column<Group>[] = [
  { title: 'Severity', width: '116px', cell: (each) => <Badge tone={SEVERITIES[each.severity]}>{each.severity}</Badge> },
  {
    title: 'What they share',
    width: 'minmax(110px, 1fr)',
    cell: (each) => <Foreign text={each.name || each.key} />,
  },
  { title: 'What happened, in this order', width: 'minmax(200px, 3fr)', cell: (each) => <Foreign text={each.rules.map(ruleWords).join(' → ')} /> },
  { title: 'Open', width: '52px', cell: (each) => <span className="number">{each.open.toLocaleString('en')}</span> },
  { title: 'All', width: '52px', cell: (each) => <span className="number">{each.count.toLocaleString('en')}</span> },
  { title: 'First', width: '112px', cell: (each) => <Time at={each.first_at} /> },
  { title: 'Last', width: '112px', cell: (each) => <Time at={each.last_at} /> },
  { title: 'Site', width: 'minmax(60px, 0.6fr)', cell: (each) => <Foreign text={each.site} /> },
];

function Groups({ wanted, by, open }: { wanted: ReturnType<typeof wantedIn>; by: string; open: (group: Group) => void }) {
  const groups = useAlertGroups(wanted, by);
  return (
    <>
      <ProblemNote error={groups.error} />
      <Table
        label="Groups of alerts"
        columns={GROUP_COLUMNS}
        items={groups.data?.items ?? []}
        keyOf={(each) => `${each.key} ${each.site}`}
        isLoading={groups.isLoading}
        onOpen={open}
        empty="No alert fits."
      />
      <p className="muted">Enter or a double click shows the alerts of a group.</p>
    </>
  );
}
