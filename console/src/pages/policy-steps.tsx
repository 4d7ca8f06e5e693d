// From draft to decision: what is done, what comes next, and what each step means.
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useSession } from '../api/session';
import { CopyAs, type Way } from '../ui/copy';
import { Badge, Card, Foreign, Time } from '../ui/ui';
import { deniedShare, pathTo, type Staging, type Standing, useNames, useRights } from './policies-queries';
import { Approve, Canary, Promote, RollBack, Shadow, Withdraw } from './policy-acts';

type Mark = 'done' | 'next' | 'later';

function Step({ mark, title, children, way }: { mark: Mark; title: string; children: ReactNode; way?: Way }) {
  return (
    <li className={`step ${mark}`} aria-current={mark === 'next' ? 'step' : undefined}>
      <span className="row-of">
        <strong>{title}</strong>
        {mark === 'done' ? <Badge tone="good">done</Badge> : mark === 'next' ? <Badge tone="info">next</Badge> : null}
        {way && <CopyAs way={way} />}
      </span>
      {children}
    </li>
  );
}

/** Whether whoever is here may put policies into force, and write them. */
export function useMay() {
  const rights = useRights();
  const may = (action: string) => rights?.actions.includes(action) ?? false;
  return { isKnown: rights !== undefined, manage: may('managePolicies'), develop: may('developPolicies') };
}

export function Steps({ standing, staging }: { standing: Standing; staging: Staging }) {
  const { bundle, missing, simulation } = standing;
  const nameActor = useNames();
  const may = useMay();
  const isStable = staging.stable === bundle.sha256;
  const isCanary = staging.canary === bundle.sha256;
  const isShadow = staging.shadow === bundle.sha256;
  if (isStable) return <Stable standing={standing} staging={staging} />;
  const isReady = missing.length === 0;
  const body = { reason: '' };
  const way = (verb: string, more: object = {}, names: string[] = []): Way => ({
    cli: ['policy', verb],
    names: [String(bundle.number), ...names],
    method: 'POST',
    path: `/v1${pathTo(bundle.number)}/${verb}`,
    body: { ...more, ...body },
  });
  return (
    <Card title="On its way">
      {!isReady && (
        <p className="note warn" role="status">
          Before it may decide: <Foreign text={missing.join('; ')} />
        </p>
      )}
      {may.isKnown && !may.manage && (
        <p className="note">
          You may look, but not put policies into force: that takes a role that gives <code>managePolicies</code>, such as admin.
        </p>
      )}
      <ol className="steps">
        <Step mark="done" title="Stored">
          <p className="muted">
            By <Foreign text={nameActor(bundle.author, bundle.author_name)} />, <Time at={bundle.created_at} />; it decides
            nothing.
          </p>
        </Step>
        <Step mark={simulation ? 'done' : 'next'} title="Simulated on this fleet">
          {simulation ? (
            <p className="muted">
              <Time at={simulation.finished_at} />: {simulation.newly_denied.toLocaleString('en')} newly denied,{' '}
              {simulation.newly_allowed.toLocaleString('en')} newly allowed. <a href="#simulation">See what was found</a>
            </p>
          ) : (
            <p className="muted">
              Nothing decides before anybody knows what it would do. <a href="#simulation">Simulate it below</a>
            </p>
          )}
        </Step>
        {standing.is_widening && <Agreement standing={standing} mayManage={may.manage} />}
        <Step mark={isShadow || isCanary ? 'done' : 'later'} title="Shadow" way={way('shadow')}>
          <p className="muted">Decides nothing: every decision is made twice, and where it would differ is counted.</p>
          {isShadow ? <Withdraw staging={staging} isDisabled={!may.manage} /> : <Shadow bundle={bundle} isDisabled={!may.manage || isCanary} />}
        </Step>
        <Step
          mark={isCanary ? 'done' : isReady ? 'next' : 'later'}
          title="Canary"
          way={way('canary', { group: 'GROUP', denied_share: 0.05 }, ['GROUP'])}
        >
          <p className="muted">Decides for one group; taken back by itself if more of it are refused than foretold.</p>
          {isCanary ? (
            <Withdraw staging={staging} isDisabled={!may.manage} />
          ) : (
            <Canary standing={standing} isDisabled={!may.manage || !isReady} />
          )}
        </Step>
        <Step mark={isCanary && isReady ? 'next' : 'later'} title="All" way={way('promote', { denied_share: 0.05 })}>
          <p className="muted">Decides for every device; watched for an hour, one click goes back.</p>
          <Promote standing={standing} isDisabled={!may.manage || !isReady} />
        </Step>
      </ol>
    </Card>
  );
}

function Stable({ standing, staging }: { standing: Standing; staging: Staging }) {
  const may = useMay();
  const counts = staging.counts.find((each) => each.sha256 === staging.stable);
  return (
    <Card title="It decides for everyone">
      <p>
        {counts && (
          <>
            {counts.allowed.toLocaleString('en')} let in, {counts.denied.toLocaleString('en')} refused since the last change:{' '}
            {deniedShare(counts)}.{' '}
          </>
        )}
        {staging.watched === standing.bundle.sha256 && staging.watched_until && (
          <>
            {staging.denied_limit.toLocaleString('en')} refused without having been foretold take it back; the watch ends{' '}
            <Time at={staging.watched_until} />.
          </>
        )}
      </p>
      <div className="row-of">
        <RollBack staging={staging} former={undefined} isDisabled={!may.manage} />
        {!staging.former && <span className="muted">There is no bundle to go back to.</span>}
      </div>
    </Card>
  );
}

/** Who must agree to what is newly allowed, who has, and what whoever is here can do about it. */
function Agreement({ standing, mayManage }: { standing: Standing; mayManage: boolean }) {
  const { bundle, approvals, simulation, missing } = standing;
  const nameActor = useNames();
  const session = useSession().data;
  const me = session?.person_id ?? '';
  const isMine = me !== '' && bundle.author === `operator:${me}`;
  const hasSaid = me !== '' && approvals.some((each) => each.actor === `operator:${me}` && each.newly_allowed >= (simulation?.newly_allowed ?? 0));
  const isAgreed = simulation !== null && missing.length === 0;
  const why = !simulation
    ? 'First it must be simulated: nobody agrees to what is not known.'
    : isMine
      ? 'You have stored it: another person must agree. Send them the address of this page.'
      : me === ''
        ? 'You came by a one-time link, which says nothing about who you are: log in with a passkey to approve.'
        : hasSaid
          ? 'You have approved it.'
          : '';
  return (
    <Step
      mark={isAgreed ? 'done' : simulation ? 'next' : 'later'}
      title="A second person agrees"
      way={{
        cli: ['policy', 'approve'],
        names: [String(bundle.number)],
        method: 'POST',
        path: `/v1${pathTo(bundle.number)}/approve`,
        body: { reason: 'seen and wanted' },
      }}
    >
      <p className="muted">
        It newly allows something, or may. Anybody who may put policies into force can agree, but not who stored it
        {bundle.author_name && (
          <>
            {' '}
            (<Foreign text={bundle.author_name} />)
          </>
        )}
        ; see <Link href="/people">who that is</Link>.
      </p>
      {approvals.length > 0 && (
        <ul className="plain" aria-label="Words given">
          {approvals.map((each) => (
            <li key={each.actor} className="line wrap">
              <span>
                <Foreign text={nameActor(each.actor, each.actor_name)} /> agreed to {each.newly_allowed.toLocaleString('en')}{' '}
                newly allowed: <Foreign text={each.reason} />
              </span>
              <span className="row-of">
                {each.is_host && <Badge tone="warn">by the host's token, alone</Badge>}
                {each.newly_allowed < (simulation?.newly_allowed ?? 0) && <Badge tone="warn">no longer counts: more is allowed now</Badge>}
                <Time at={each.approved_at} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {!isAgreed && <Approve standing={standing} isDisabled={!mayManage || why !== ''} />}
      {why && !isAgreed && <p role="status">{why}</p>}
    </Step>
  );
}
