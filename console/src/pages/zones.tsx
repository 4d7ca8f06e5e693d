// Zones and conduits: what may talk with what, what breaks it, and how a plan comes into force.
import { useMemo } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { link, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Card, Empty, Foreign, Page, ProblemNote, Stat, Time, type Tone } from '../ui/ui';
import { Enforce, NewZone, Propose } from './zones-acts';
import { Conduits } from './zones-conduits';
import { Drift } from './zones-drift';
import { ZonePicture } from './zones-picture';
import { type Plan, useConduits, useViolations, useWhich, useZones, type Zone } from './zones-queries';
import { Review } from './zones-review';
import { Versions } from './zones-versions';
import './zones.css';

const TABS = [
  { id: 'zones', title: 'Zones' },
  { id: 'conduits', title: 'Conduits' },
  { id: 'review', title: 'Review and replay' },
  { id: 'drift', title: 'Drift' },
  { id: 'versions', title: 'Versions' },
];

const STATES: Record<Plan['state'], [Tone, string]> = {
  draft: ['info', 'draft: counts for nothing'],
  approved: ['good', 'in force'],
  superseded: ['plain', 'was in force'],
};

export default function Zones() {
  const [parameters, change] = useQueryState();
  const { which, version, approved, draft, items, plans } = useWhich();
  if (!plans.data)
    return (
      <Page title="Zones">
        <ProblemNote error={plans.error} />
        {!plans.error && <Empty>Reading the plan…</Empty>}
      </Page>
    );
  if (items.length === 0) return <NoPlan />;
  return (
    <Page
      title="Zones"
      about={version && <StateBadge plan={version} />}
      actions={
        <>
          <label className="row-of">
            <span className="muted">Version</span>
            <select className="input" value={which} onChange={(event) => change({ plan: event.target.value })}>
              {approved && <option value="approved">{`${approved.number}, in force`}</option>}
              {draft && <option value="draft">{`${draft.number}, draft`}</option>}
              {items
                .filter((each) => each.state === 'superseded')
                .map((each) => (
                  <option key={each.number} value={String(each.number)}>{`${each.number}, superseded`}</option>
                ))}
            </select>
          </label>
          <NewZone onMade={() => change({ plan: 'draft', tab: '' })} />
          <Propose hasDraft={draft !== undefined} onDone={() => change({ plan: 'draft', tab: 'review' })} />
          <CopyAs
            way={{ cli: ['zone', 'list'], options: which === 'approved' ? [] : ['--plan', which], path: `/v1/zones?plan=${which}` }}
          />
        </>
      }
    >
      <Standing approved={approved} draft={draft} which={which} />
      <Tabs
        className="tabs grows"
        selectedKey={TABS.find((each) => each.id === parameters.get('tab'))?.id ?? 'zones'}
        onSelectionChange={(tab) => change({ tab: tab === 'zones' ? '' : String(tab) })}
      >
        <TabList aria-label="Parts of the page" items={TABS}>
          {(tab) => <Tab id={tab.id}>{tab.title}</Tab>}
        </TabList>
        <TabPanel id="zones" className="react-aria-TabPanel grows">
          <ZoneList which={which} isApproved={which === 'approved'} />
        </TabPanel>
        <TabPanel id="conduits" className="react-aria-TabPanel grows">
          <Conduits which={which} />
        </TabPanel>
        <TabPanel id="review">
          <Review which={which} version={version} approved={approved} />
        </TabPanel>
        <TabPanel id="drift" className="react-aria-TabPanel grows">
          <Drift approved={approved} />
        </TabPanel>
        <TabPanel id="versions" className="react-aria-TabPanel grows">
          <Versions items={items} />
        </TabPanel>
      </Tabs>
    </Page>
  );
}

export function StateBadge({ plan }: { plan: Plan }) {
  const [tone, words] = STATES[plan.state];
  return (
    <Badge tone={tone}>
      version {plan.number} {words}
    </Badge>
  );
}

function NoPlan() {
  const [, change] = useQueryState();
  return (
    <Page title="Zones" actions={<NewZone onMade={() => change({ plan: 'draft' })} />}>
      <Card title="There is no plan yet">
        <p>
          A zone holds assets that may talk to each other; a conduit allows services from one zone to another; everything else is
          refused. Vedette proposes both from what sensors have seen. A proposal counts for nothing before a person approves it, and its
          firewalls only count at first.
        </p>
        <div className="row-of">
          <Propose hasDraft={false} onDone={() => change({ plan: 'draft', tab: 'review' })} />
          <CopyAs way={{ cli: ['zone', 'propose'], method: 'POST', path: '/v1/segmentation/propose', body: { reason: '' } }} />
        </div>
        <p className="muted">
          A proposal knows no more than the sensors: give assets their Purdue levels first. Sensors stand under{' '}
          <Link href="/sensors">Sensors</Link>.
        </p>
      </Card>
    </Page>
  );
}

/** Is anything wrong, and what comes next. */
function Standing({ approved, draft, which }: { approved: Plan | undefined; draft: Plan | undefined; which: string }) {
  const violations = useViolations();
  const count = violations.data?.length;
  return (
    <div className="columns stats">
      {approved && (
        <Stat
          value={count === undefined ? '…' : count.toLocaleString('en')}
          label={count ? 'violations of the plan' : 'no violation'}
          tone={count ? 'warn' : 'good'}
          to={link('/zones', { tab: 'drift' })}
        />
      )}
      {approved && (
        <div className="card">
          <span className="row-of">
            <Badge tone={approved.stage === 'enforce' ? 'good' : 'info'}>{approved.stage === 'enforce' ? 'enforces' : 'monitors'}</Badge>
            <span className="muted">
              version {approved.number}, approved <Time at={approved.approved_at} />
            </span>
          </span>
          <Enforce plan={approved} />
        </div>
      )}
      {!approved && (
        <div className="card">
          <Badge tone="warn">nothing is in force</Badge>
          <p className="muted flat">Nobody has approved a plan: no drift is looked for.</p>
        </div>
      )}
      {draft && which !== 'draft' && (
        <Stat value={draft.number} label="draft waits for review" tone="info" to={link('/zones', { plan: 'draft', tab: 'review' })} />
      )}
    </div>
  );
}

function ZoneList({ which, isApproved }: { which: string; isApproved: boolean }) {
  const [, navigate] = useLocation();
  const zones = useZones(which);
  const conduits = useConduits(which);
  const violations = useViolations();
  const counts = useMemo(() => {
    const found = new Map<string, { conduits: number; violations: number }>();
    const add = (zone: string, what: 'conduits' | 'violations') => {
      const now = found.get(zone) ?? { conduits: 0, violations: 0 };
      found.set(zone, { ...now, [what]: now[what] + 1 });
    };
    for (const each of conduits.data ?? []) for (const end of new Set([each.source, each.target])) add(end, 'conduits');
    if (isApproved) for (const each of violations.data ?? []) for (const end of new Set([each.source, each.target])) add(end, 'violations');
    return found;
  }, [conduits.data, violations.data, isApproved]);
  const columns: Column<Zone>[] = [
    {
      title: 'Zone',
      width: 'minmax(150px, 2fr)',
      cell: (zone) => (
        <Link href={link(`/zones/${encodeURIComponent(zone.zone_id)}`, { plan: isApproved ? '' : which })} tabIndex={-1}>
          <Foreign text={zone.name} />
        </Link>
      ),
    },
    { title: 'Level', width: '64px', cell: (zone) => zone.level || <span className="muted">–</span> },
    { title: 'Site', width: 'minmax(70px, 1fr)', cell: (zone) => <Foreign text={zone.site} /> },
    {
      title: 'Members',
      width: '130px',
      cell: (zone) => `${zone.named_members.toLocaleString('en')} named${zone.rules.length ? `, ${zone.rules.length} rules` : ''}`,
    },
    { title: 'Conduits', width: '76px', cell: (zone) => <span className="number">{counts.get(zone.zone_id)?.conduits ?? 0}</span> },
    ...(isApproved
      ? [
          {
            title: 'Violations',
            width: '84px',
            cell: (zone: Zone) => {
              const count = counts.get(zone.zone_id)?.violations ?? 0;
              return count ? <Badge tone="warn">{count}</Badge> : <span className="muted">0</span>;
            },
          },
        ]
      : []),
    { title: 'Risk', width: '56px', cell: (zone) => <span className="number">{zone.risk}</span> },
    {
      title: 'Kind',
      width: '130px',
      cell: (zone) => (
        <span className="row-of">
          {zone.kind === 'micro' && <Badge tone="info">micro</Badge>}
          {zone.is_critical && <Badge tone="bad">critical</Badge>}
        </span>
      ),
    },
  ];
  return (
    <>
      <ProblemNote error={zones.error ?? conduits.error} />
      {zones.data && conduits.data && (
        <ZonePicture zones={zones.data} conduits={conduits.data} violations={isApproved ? (violations.data ?? []) : []} plan={isApproved ? '' : which} />
      )}
      <Table
        label="Zones"
        columns={columns}
        items={zones.data ?? []}
        keyOf={(zone) => zone.zone_id}
        isLoading={zones.isPending}
        onOpen={(zone) => navigate(link(`/zones/${encodeURIComponent(zone.zone_id)}`, { plan: isApproved ? '' : which }))}
        empty="This version has no zone. Add one, or let a proposal be made."
      />
    </>
  );
}
