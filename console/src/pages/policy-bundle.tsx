// One bundle of policies: how far it has come, what it changes, what it would do, and what it says.
import { Link, useLocation } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import { api, take } from '../api/client';
import { link, nameIn, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Card, Empty, Foreign, Page, ProblemNote, Time, type Tone } from '../ui/ui';
import { PolicyList } from './policies-list';
import { type Bundle, nameOf, pathTo, type Staging, type Standing, useBundle, useNames, useStaging, useStanding } from './policies-queries';
import './policies.css';
import { DifferenceList } from './policy-difference';
import { Differences, Figures } from './policy-figures';
import { Simulation } from './policy-simulation';
import { Steps, useMay } from './policy-steps';

const TONES: Record<Bundle['stage'], Tone> = { draft: 'plain', shadow: 'info', canary: 'warn', stable: 'good', former: 'plain' };
const WORDS: Record<Bundle['stage'], string> = {
  draft: 'draft: decides nothing',
  shadow: 'in the shadow',
  canary: 'decides for a group',
  stable: 'decides for everyone',
  former: 'decided before',
};

export function StageBadge({ stage }: { stage: Bundle['stage'] }) {
  return <Badge tone={TONES[stage]}>{WORDS[stage]}</Badge>;
}

export default function PolicyBundlePage() {
  const reference = nameIn(usePathname());
  const standing = useStanding(reference);
  const staging = useStaging();
  if (!standing.data || !staging.data) {
    const error = standing.error ?? staging.error;
    return (
      <Page title={<Foreign text={`Bundle ${reference}`} />}>
        <ProblemNote error={error} />
        {error ? <Link href="/policies">See all bundles</Link> : <Empty>Reading the policies…</Empty>}
      </Page>
    );
  }
  return (
    <Page
      title={<Foreign text={`Bundle ${nameOf(standing.data.bundle)}`} />}
      about={<StageBadge stage={standing.data.bundle.stage} />}
      actions={<Actions bundle={standing.data.bundle} />}
    >
      <ProblemNote error={standing.error ?? staging.error} />
      <Known />
      <Live bundle={standing.data.bundle} staging={staging.data} />
      {standing.data.bundle.sha256 === staging.data.stable ? (
        <Steps standing={standing.data} staging={staging.data} />
      ) : (
        <>
          <div className="columns">
            <Steps standing={standing.data} staging={staging.data} />
            <Changes standing={standing.data} />
          </div>
          <Simulated standing={standing.data} stable={staging.data.stable} />
        </>
      )}
      <About bundle={standing.data.bundle} />
    </Page>
  );
}

function Actions({ bundle }: { bundle: Bundle }) {
  const may = useMay();
  const [, navigate] = useLocation();
  return (
    <>
      <Link className="button" href={link('/policies/edit', { from: String(bundle.number) })}>
        Begin a draft with it
      </Link>
      {bundle.stage === 'draft' && (
        <Act
          label="Discard"
          kind="danger"
          isDisabled={!may.develop}
          title={`Discard draft ${nameOf(bundle)}?`}
          act={(reason) =>
            take(api.DELETE('/v1/policies/{bundle}', { params: { path: { bundle: bundle.sha256 }, query: { reason: reason || undefined } } }))
          }
          onDone={() => navigate('/policies')}
        >
          <p>It never decided. Its simulations and the words given for it go with it.</p>
        </Act>
      )}
      <CopyAs way={{ cli: ['policy', 'show'], names: [String(bundle.number)], path: `/v1${pathTo(bundle.number)}/standing` }} />
    </>
  );
}

/** What it does to the fleet at this moment, while it is tried or in force. */
function Live({ bundle, staging }: { bundle: Bundle; staging: Staging }) {
  const isShadow = bundle.stage === 'shadow';
  const isWatched = bundle.stage === 'canary' || staging.watched === bundle.sha256;
  const hasDecided = staging.counts.some((each) => each.sha256 === bundle.sha256);
  if (!isShadow && !isWatched && !(bundle.stage === 'stable' && hasDecided)) return null;
  return (
    <Card title={isShadow ? 'On live traffic, deciding nothing' : 'On live traffic'} actions={<CopyAs way={{ cli: ['policy', 'status'], path: '/v1/policy-staging' }} />}>
      <dl className="facts">
        {isShadow ? <Differences staging={staging} sha256={bundle.sha256} /> : <Figures staging={staging} sha256={bundle.sha256} />}
        {isWatched && (
          <>
            <dt>Taken back</dt>
            <dd>
              by itself, when {staging.denied_limit.toLocaleString('en')} are refused unforeseen
              {staging.watched_until && (
                <>
                  ; the watch ends <Time at={staging.watched_until} />
                </>
              )}
            </dd>
          </>
        )}
      </dl>
    </Card>
  );
}

/** Say that what was to be stored is here already. */
function Known() {
  const [parameters] = useQueryState();
  if (parameters.get('known') !== '1') return null;
  return (
    <p className="note" role="status">
      The same content was stored before: this is it. A bundle is named by what it says, so there is no second one.
    </p>
  );
}

function Changes({ standing }: { standing: Standing }) {
  const { bundle, difference } = standing;
  return (
    <Card
      title="What it changes over the policies in force"
      actions={
        <CopyAs way={{ cli: ['policy', 'diff'], names: [String(bundle.number)], path: `/v1${pathTo(bundle.number)}/difference` }} />
      }
    >
      <DifferenceList difference={difference} />
    </Card>
  );
}

function Simulated({ standing, stable }: { standing: Standing; stable: string }) {
  const may = useMay();
  return <Simulation bundle={standing.bundle} stable={stable} mayDevelop={may.develop} />;
}

function About({ bundle }: { bundle: Bundle }) {
  const full = useBundle(bundle.sha256);
  const nameActor = useNames();
  const sites = Object.keys(full.data?.content.sites ?? {}).length;
  const cases = (full.data?.content.cases ?? '').match(/^\s*\[\[case\]\]/gmu)?.length ?? 0;
  return (
    <Card
      title="What it says"
      actions={<CopyAs way={{ cli: ['policy', 'show'], names: [String(bundle.number)], options: ['--text'], path: `/v1${pathTo(bundle.number)}` }} />}
    >
      <dl className="facts">
        <dt>SHA-256</dt>
        <dd>
          <Foreign text={bundle.sha256} mono />
        </dd>
        <dt>Stored</dt>
        <dd>
          <Time at={bundle.created_at} /> by <Foreign text={nameActor(bundle.author, bundle.author_name)} />
        </dd>
        <dt>Holds</dt>
        <dd>
          {bundle.policy_count} policies, {sites} {sites === 1 ? 'site' : 'sites'}, {cases} unit cases
        </dd>
      </dl>
      <ProblemNote error={full.error} />
      {full.data && <PolicyList text={full.data.content.policies} from={String(bundle.number)} />}
    </Card>
  );
}
