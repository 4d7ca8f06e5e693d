// What decides now, what is being tried, and everything that ever decided.
import { Link, useLocation } from 'wouter';
import { link } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { dueOf, PolicyList } from './policies-list';
import { type Bundle, nameOf, pathTo, type Staging, useBundle, useBundles, useGroupName, useNames, useStaging } from './policies-queries';
import './policies.css';
import { RollBack, Withdraw } from './policy-acts';
import { StageBadge } from './policy-bundle';
import { Differences, Figures } from './policy-figures';
import { useMay } from './policy-steps';

export default function Policies() {
  const staging = useStaging();
  const bundles = useBundles();
  const items = bundles.data?.items ?? [];
  return (
    <Page
      title="Policies"
      about="what devices, modules and workloads may do"
      actions={
        <>
          <Link className="button primary" href={link('/policies/edit', { from: 'stable' })}>
            New draft
          </Link>
          <CopyAs way={{ cli: ['policy', 'status'], path: '/v1/policy-staging' }} />
        </>
      }
    >
      <ProblemNote error={staging.error ?? bundles.error} />
      {staging.data ? (
        <>
          <Notes staging={staging.data} bundles={items} />
          <Stages staging={staging.data} bundles={items} />
          <InForce stable={staging.data.stable} />
        </>
      ) : (
        !staging.error && <Empty>Reading the policies…</Empty>
      )}
      <History bundles={items} isLoading={bundles.isLoading} />
    </Page>
  );
}

/** What wants attention first. */
function Notes({ staging, bundles }: { staging: Staging; bundles: readonly Bundle[] }) {
  const stable = useBundle(staging.stable);
  const due = dueOf(stable.data?.content.policies ?? '');
  const waiting = bundles.filter((each) => each.stage === 'draft' && each.origin === 'shipped');
  const isByItself = staging.changed_by === 'system:policy-watch';
  return (
    <>
      {isByItself && (
        <p className="note bad" role="alert">
          A bundle was taken back by itself <Time at={staging.changed_at} />: <Foreign text={staging.reason} />.{' '}
          <Link href={link('/decisions', { effect: 'deny' })}>See who was refused</Link>
        </p>
      )}
      {due.overdue > 0 && (
        <p className="note warn">
          {due.overdue === 1 ? 'One policy wants' : `${due.overdue} policies want`} to be looked at again: the review date has passed. What they
          say goes on until somebody changes it.
        </p>
      )}
      {waiting.map((each) => (
        <p key={each.sha256} className="note">
          This release ships other policies than those in force. <Link href={pathTo(each.number)}>Compare bundle {each.number}</Link>
        </p>
      ))}
    </>
  );
}

function Stages({ staging, bundles }: { staging: Staging; bundles: readonly Bundle[] }) {
  const may = useMay();
  const nameActor = useNames();
  const find = (sha256: string | null) => bundles.find((each) => each.sha256 === sha256);
  const { stable, canary, shadow } = staging;
  return (
    <div className="columns">
      <Card title="Decides now">
        <p className="summary">
          <BundleLink bundle={find(stable)} sha256={stable} />
        </p>
        <dl className="facts">
          <dt>Since</dt>
          <dd>
            {staging.changed_by ? (
              <>
                the last change, <Time at={staging.changed_at} />, by <Foreign text={nameActor(staging.changed_by, staging.changed_by_name)} />
              </>
            ) : (
              <>
                the installation, <Time at={staging.changed_at} />
              </>
            )}
          </dd>
          {staging.reason && (
            <>
              <dt>Reason</dt>
              <dd>
                <Foreign text={staging.reason} />
              </dd>
            </>
          )}
          <dt>SHA-256</dt>
          <dd>
            <Foreign text={stable} mono />
          </dd>
          <Figures staging={staging} sha256={stable} />
          {staging.watched === stable && staging.watched_until && (
            <>
              <dt>Watched</dt>
              <dd>
                ends <Time at={staging.watched_until} />; {staging.denied_limit.toLocaleString('en')} refused unforeseen take it back
              </dd>
            </>
          )}
        </dl>
        <div className="row-of">
          <RollBack staging={staging} former={find(staging.former)} isDisabled={!may.manage} />
          {staging.former ? (
            <span className="muted">
              to <BundleLink bundle={find(staging.former)} sha256={staging.former} />
            </span>
          ) : (
            <span className="muted">It is the first: there is none to go back to.</span>
          )}
        </div>
      </Card>
      <Card title="Canary: decides for one group">
        {canary ? (
          <>
            <p className="summary">
              <BundleLink bundle={find(canary)} sha256={canary} />
            </p>
            <dl className="facts">
              <dt>Group</dt>
              <dd>
                <Link href={link('/groups', { id: staging.canary_group ?? '' })}>
                  <GroupName id={staging.canary_group ?? ''} />
                </Link>
              </dd>
              <Figures staging={staging} sha256={canary} />
              <dt>Limit</dt>
              <dd>{staging.denied_limit.toLocaleString('en')} refused unforeseen take it back by itself</dd>
            </dl>
            <div className="row-of">
              <Withdraw staging={staging} isDisabled={!may.manage} />
            </div>
          </>
        ) : (
          <p className="muted">None. A draft that was simulated can decide for one group first.</p>
        )}
      </Card>
      <Card title="Shadow: decides nothing, is compared">
        {shadow ? (
          <>
            <p className="summary">
              <BundleLink bundle={find(shadow)} sha256={shadow} />
            </p>
            <dl className="facts">
              <Differences staging={staging} sha256={shadow} />
            </dl>
            {!canary && (
              <div className="row-of">
                <Withdraw staging={staging} isDisabled={!may.manage} />
              </div>
            )}
          </>
        ) : (
          <p className="muted">None. A draft in the shadow shows on live traffic what it would decide otherwise.</p>
        )}
      </Card>
    </div>
  );
}

function BundleLink({ bundle, sha256 }: { bundle: Bundle | undefined; sha256: string }) {
  return (
    <Link href={pathTo(bundle?.number ?? sha256)}>
      <Foreign text={bundle ? nameOf(bundle) : sha256.slice(0, 12)} />
    </Link>
  );
}

function GroupName({ id }: { id: string }) {
  const found = useGroupName(id);
  return <Foreign text={found || id} />;
}

function InForce({ stable: sha256 }: { stable: string }) {
  const stable = useBundle(sha256);
  return (
    <Card
      title="Policies in force"
      actions={<CopyAs way={{ cli: ['policy', 'show'], names: ['stable'], options: ['--text'], path: '/v1/policies/stable' }} />}
    >
      <ProblemNote error={stable.error} />
      {stable.data && <PolicyList text={stable.data.content.policies} from="stable" />}
    </Card>
  );
}

function Author({ bundle }: { bundle: Bundle }) {
  const nameActor = useNames();
  return <Foreign text={nameActor(bundle.author, bundle.author_name)} />;
}

const COLUMNS: Column<Bundle>[] = [
  {
    title: 'Bundle',
    width: 'minmax(160px, 2fr)',
    cell: (each) => (
      <Link href={pathTo(each.number)} tabIndex={-1}>
        <Foreign text={nameOf(each)} />
      </Link>
    ),
  },
  { title: 'Stage', width: 'minmax(170px, 1fr)', cell: (each) => <StageBadge stage={each.stage} /> },
  { title: 'Policies', width: '70px', cell: (each) => <span className="number">{each.policy_count}</span> },
  { title: 'Stored', width: '130px', cell: (each) => <Time at={each.created_at} /> },
  {
    title: 'By',
    width: 'minmax(110px, 1fr)',
    cell: (each) => <Author bundle={each} />,
  },
  { title: 'SHA-256', width: '110px', cell: (each) => <Foreign text={each.sha256.slice(0, 12)} mono /> },
];

function History({ bundles, isLoading }: { bundles: Bundle[]; isLoading: boolean }) {
  const [, navigate] = useLocation();
  return (
    <Card title="All bundles" actions={<CopyAs way={{ cli: ['policy', 'list'], path: '/v1/policies' }} />}>
      <div className="bundles" style={{ height: `calc(${Math.min(Math.max(bundles.length, 2), 8)} * var(--row) + 50px)` }}>
        <Table
          label="Bundles"
          columns={COLUMNS}
          items={bundles}
          keyOf={(each) => each.sha256}
          isLoading={isLoading}
          onOpen={(each) => navigate(pathTo(each.number))}
          empty="There is none yet. The first start stores the shipped policies."
        />
      </div>
    </Card>
  );
}
