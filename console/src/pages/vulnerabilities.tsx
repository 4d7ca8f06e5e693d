// What assets are vulnerable to: proven, maybe and unknown apart, what matters most first.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Tab, TabList, TabPanel, Tabs, ToggleButton } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { serverNow } from '../api/server-clock';
import { link, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Foreign, Page, ProblemNote, Stat, Time } from '../ui/ui';
import { CERTAINTIES, feedInWords, isStale, pathOfAsset, pathOfVulnerability, percent, staleAfterDays } from './vulnerabilities-words';

type Vulnerability = Schemas['VulnerabilityView'];
type Exposure = Schemas['ExposureView'];
type Filters = Partial<Record<(typeof FILTERS)[number], string>>;

const FILTERS = ['certainty', 'state', 'is_known_exploited', 'priority', 'site', 'name', 'asset_id'] as const;
const PAGE = 200;
const TABS = [
  { id: 'list', title: 'Proven and possible' },
  { id: 'unknown', title: 'Cannot be told' },
];

export function CertaintyBadge({ certainty }: { certainty: Vulnerability['certainty'] }) {
  const [tone, words] = CERTAINTIES[certainty as 'proven' | 'maybe'] ?? (['plain', certainty] as const);
  return <Badge tone={tone}>{words}</Badge>;
}

export default function Vulnerabilities() {
  const [parameters, change] = useQueryState();
  const filters: Filters = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name) ?? '']).filter(([, value]) => value));
  const query = new URLSearchParams(filters as Record<string, string>).toString();
  return (
    <Page
      title="Vulnerabilities"
      about="what matters most here first"
      actions={
        <>
          <Link className="button" href="/advisories">
            Advisories and imports
          </Link>
          <a className="button" href={`/v1/vulnerability-export?form=csv${query ? `&${query}` : ''}`} download="vulnerabilities.csv">
            CSV
          </a>
          <a className="button" href={`/v1/vulnerability-export?form=json${query ? `&${query}` : ''}`} download="vulnerabilities.json">
            JSON
          </a>
          <CopyAs way={{ cli: ['vulnerability', 'list'], options: optionsOf(filters), path: `/v1/vulnerabilities${query ? `?${query}` : ''}` }} />
        </>
      }
    >
      <Standing />
      <Tabs
        className="tabs grows"
        selectedKey={parameters.get('tab') === 'unknown' ? 'unknown' : 'list'}
        onSelectionChange={(tab) => change({ tab: tab === 'list' ? '' : String(tab) })}
      >
        <TabList aria-label="Parts of the page" items={TABS}>
          {(tab) => <Tab id={tab.id}>{tab.title}</Tab>}
        </TabList>
        <TabPanel id="list" className="react-aria-TabPanel grows">
          <List filters={filters} />
        </TabPanel>
        <TabPanel id="unknown" className="react-aria-TabPanel grows">
          <Unknown />
        </TabPanel>
      </Tabs>
    </Page>
  );
}

function optionsOf(filters: Filters): string[] {
  const { is_known_exploited: known, asset_id: asset, ...rest } = filters;
  const options = Object.entries(rest).flatMap(([name, value]) => [`--${name}`, value]);
  if (asset) options.push('--asset', asset);
  if (known === 'true') options.push('--exploited');
  return options;
}

/** Is anything wrong, and how old is what is known. */
function Standing() {
  const summary = useQuery({
    queryKey: ['vulnerabilities', 'summary'],
    queryFn: () => take(api.GET('/v1/vulnerabilities/summary')),
    refetchInterval: 30_000,
  });
  const feeds = useQuery({ queryKey: ['vulnerability-feeds'], queryFn: () => take(api.GET('/v1/vulnerability-feeds')) });
  const found = summary.data;
  const now = serverNow();
  const old = (feeds.data ?? []).filter((each) => isStale(each.name, each.data_at, now));
  const show = (value: number | undefined) => (value === undefined ? '…' : value.toLocaleString('en'));
  return (
    <>
      <ProblemNote error={summary.error ?? feeds.error} />
      <div className="columns stats">
        <Stat
          value={show(found?.known_exploited)}
          label="open and known to be exploited"
          tone={found?.known_exploited ? 'bad' : 'plain'}
          to={link('/vulnerabilities', { is_known_exploited: 'true', state: 'open' })}
        />
        <Stat value={show(found?.proven)} label="proven" to={link('/vulnerabilities', { certainty: 'proven' })} />
        <Stat value={show(found?.maybe)} label="maybe" to={link('/vulnerabilities', { certainty: 'maybe' })} />
        <Stat value={show(found?.unknown)} label="assets that cannot be told" to={link('/vulnerabilities', { tab: 'unknown' })} />
        <Stat value={show(found?.accepted)} label="accepted for a while" to={link('/vulnerabilities', { state: 'accepted' })} />
      </div>
      {feeds.data?.length === 0 && (
        <div className="note">
          <p>
            Nothing is compared yet: Vedette fetches no advisories by itself. <Link href="/advisories">Import</Link> makers’ advisories
            (CSAF), CISA’s catalog of known exploited vulnerabilities and FIRST’s scores.
          </p>
        </div>
      )}
      {old.length > 0 && (
        <div className="note warn">
          <p>
            Old data says nothing about what was found since.{' '}
            {old.map((each, index) => (
              <span key={each.name}>
                {index > 0 && '; '}
                <Foreign text={feedInWords(each.name)} />: {each.data_at ? <Time at={each.data_at} /> : 'it names no time'} (should be at
                most {staleAfterDays(each.name)} days)
              </span>
            ))}
            . <Link href="/advisories">Import newer</Link>
          </p>
        </div>
      )}
    </>
  );
}

const factorOf = (each: Vulnerability, name: string) => each.factors.find((factor) => factor.name === name);

function FactorCell({ each, name }: { each: Vulnerability; name: string }) {
  const factor = factorOf(each, name);
  if (!factor) return <span className="muted">–</span>;
  return (
    <span className="number" title={factor.because}>
      {factor.value.toFixed(2)}
    </span>
  );
}

const COLUMNS: Column<Vulnerability>[] = [
  {
    title: 'Priority',
    width: '54px',
    cell: (each) => <strong className="number">{each.priority}</strong>,
  },
  {
    title: 'Vulnerability',
    width: 'minmax(124px, 1.2fr)',
    cell: (each) => (
      <Link href={pathOfVulnerability(each)} tabIndex={-1}>
        <Foreign text={each.name} />
      </Link>
    ),
  },
  {
    title: 'Asset',
    width: 'minmax(90px, 1.2fr)',
    cell: (each) => (
      <Link href={pathOfAsset(each)} tabIndex={-1}>
        <Foreign text={each.asset_name} />
      </Link>
    ),
  },
  { title: 'Answer', width: '84px', cell: (each) => <CertaintyBadge certainty={each.certainty} /> },
  {
    title: 'State',
    width: '86px',
    cell: (each) => (each.state === 'accepted' ? <Badge tone="info">accepted</Badge> : <Badge>open</Badge>),
  },
  {
    title: 'Exploited',
    width: '76px',
    cell: (each) => (each.is_known_exploited ? <Badge tone="bad">known</Badge> : <span className="muted">{percent(each.probability)}</span>),
  },
  { title: 'Score', width: '44px', cell: (each) => <span className="number">{each.score === null ? '–' : each.score.toFixed(1)}</span> },
  { title: 'Exposure', width: '62px', cell: (each) => <FactorCell each={each} name="exposure" /> },
  { title: 'Criticality', width: '66px', cell: (each) => <FactorCell each={each} name="criticality" /> },
  { title: 'What it is', width: 'minmax(120px, 2.4fr)', cell: (each) => <Foreign text={each.title} /> },
];

function List({ filters }: { filters: Filters }) {
  const [, navigate] = useLocation();
  const [, change] = useQueryState();
  const list = useLongList<Vulnerability>(['vulnerabilities', filters], (after) =>
    take(
      api.GET('/v1/vulnerabilities', {
        params: {
          query: {
            limit: PAGE,
            after,
            certainty: filters.certainty as Vulnerability['certainty'] | undefined,
            state: filters.state as Vulnerability['state'] | undefined,
            is_known_exploited: filters.is_known_exploited ? filters.is_known_exploited === 'true' : undefined,
            priority: Number(filters.priority ?? 0) || 0,
            site: filters.site,
            name: filters.name ?? '',
            asset_id: filters.asset_id ?? '',
          },
        },
      }),
    ),
  );
  const isFiltered = Object.keys(filters).length > 0;
  return (
    <>
      <Filter key={JSON.stringify([filters.name, filters.site])} filters={filters} change={change} />
      <ProblemNote error={list.error} />
      <Table
        label="Vulnerabilities"
        columns={COLUMNS}
        items={list.items}
        offset={list.offset}
        keyOf={(each) => `${each.asset_id} ${each.name}`}
        hasMore={list.hasMore}
        isLoading={list.isLoading}
        onMore={list.onMore}
        onBefore={list.onBefore}
        onOpen={(each) => navigate(pathOfVulnerability(each))}
        empty={isFiltered ? 'None fits.' : 'Nothing that was imported is about what was seen. That says nothing about what was not imported.'}
      />
    </>
  );
}

type Change = (changes: Record<string, string>, push?: boolean) => void;

function Filter({ filters, change }: { filters: Filters; change: Change }) {
  const [name, setName] = useState(filters.name ?? '');
  const [site, setSite] = useState(filters.site ?? '');
  return (
    <form
      className="row-of"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        change({ name: name.trim(), site: site.trim() }, true);
      }}
    >
      <Choice label="Answer" value={filters.certainty ?? ''} options={['proven', 'maybe']} onChange={(certainty) => change({ certainty }, true)} />
      <Choice label="State" value={filters.state ?? ''} options={['open', 'accepted']} onChange={(state) => change({ state }, true)} />
      <Choice label="Priority from" value={filters.priority ?? ''} options={['25', '50', '75', '90']} onChange={(priority) => change({ priority }, true)} />
      <ToggleButton
        className="chip"
        isSelected={filters.is_known_exploited === 'true'}
        onChange={(isOn) => change({ is_known_exploited: isOn ? 'true' : '' }, true)}
      >
        Known to be exploited
      </ToggleButton>
      <input className="input" aria-label="CVE id" placeholder="CVE-2026-1234" size={14} maxLength={128} value={name} onChange={(event) => setName(event.target.value)} />
      <input className="input" aria-label="Site" placeholder="Site" size={10} maxLength={128} value={site} onChange={(event) => setSite(event.target.value)} />
      <button className="button" type="submit">
        Filter
      </button>
      {filters.asset_id && (
        <button className="chip" type="button" onClick={() => change({ asset_id: '' }, true)}>
          only one asset ✕
        </button>
      )}
    </form>
  );
}

function Choice({ label, value, options, onChange }: { label: string; value: string; options: string[]; onChange: (value: string) => void }) {
  return (
    <label className="row-of">
      <span className="muted">{label}</span>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">any</option>
        {options.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </label>
  );
}

function Unknown() {
  const columns: Column<Exposure>[] = [
    {
      title: 'Asset',
      width: 'minmax(120px, 1.2fr)',
      cell: (each) => (
        <Link href={pathOfAsset(each)} tabIndex={-1}>
          <Foreign text={each.asset_name} />
        </Link>
      ),
    },
    { title: 'Site', width: 'minmax(80px, 1fr)', cell: (each) => <Foreign text={each.site} /> },
    { title: 'Advisories', width: '86px', cell: (each) => <span className="number">{each.unknown_advisories.toLocaleString('en')}</span> },
    { title: 'Why it cannot be told', width: 'minmax(180px, 3fr)', cell: (each) => <Foreign text={each.unknown_reason} /> },
    { title: 'Compared', width: '110px', cell: (each) => <Time at={each.assessed_at} /> },
  ];
  const list = useLongList<Exposure>(['exposures', 'unknown'], (after) =>
    take(api.GET('/v1/exposures', { params: { query: { limit: PAGE, after, is_unknown: true } } })),
  );
  return (
    <>
      <p className="muted flat">
        Neither vulnerable nor not: their maker has advisories, and model or version was not seen, or not even the maker was. Find out
        what they are: a login page, a name plate, a person.
      </p>
      <ProblemNote error={list.error} />
      <Table
        label="Assets that cannot be told"
        columns={columns}
        items={list.items}
        offset={list.offset}
        keyOf={(each) => each.asset_id}
        hasMore={list.hasMore}
        isLoading={list.isLoading}
        onMore={list.onMore}
        onBefore={list.onBefore}
        empty="It can be told of every asset that was compared."
      />
    </>
  );
}
