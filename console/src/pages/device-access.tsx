// What a device, or a module of it, may do now and why; what is known of its health; its quarantine; how fast a change came.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { ApiError, api, type Schemas, take } from '../api/client';
import { link } from '../app/url';
import { CopyAs } from '../ui/copy';
import { Badge, Card, Empty, Foreign, ProblemNote, Time } from '../ui/ui';
import { Facts, Notes, readAccess } from './decisions-why';
import { actionWords, adviceFor, headline, reasonWords, spanWords, toneOf } from './decisions-words';
import { Health } from './device-access-health';
import { About, useQuarantineOf, Way } from './quarantine';
import { QuarantineAct, WaysOut } from './quarantine-acts';

type Access = Schemas['AccessView'];

const HASH_SHOWN = 12;

export function AccessOf({ device, module = '' }: { device: string; module?: string }) {
  const access = useQuery({
    queryKey: ['access', device, module || null],
    queryFn: () => readAccess(device, module || null),
    refetchInterval: 5_000,
  });
  const data = access.data;
  return (
    <div className="columns">
      <ProblemNote error={access.error} />
      {!data && !access.error && <Empty>Asking the policies…</Empty>}
      {data && <MayDo access={data} />}
      {data && (
        <div className="stack">
          {data.next_steps.length > 0 && (
            <Card title="What to do">
              {data.next_steps.map((step) => (
                <p key={step}>
                  <Foreign text={adviceFor(step, device)} />
                </p>
              ))}
            </Card>
          )}
          <Health device={device} module={module} />
          {module ? <OfItsDevice device={device} access={data} /> : <Quarantine device={device} />}
          <Refusals access={data} />
          {!module && <LastChange device={device} sequence={data.sequence} isKept={data.last_change !== null} />}
          <Session access={data} />
        </div>
      )}
    </div>
  );
}

function MayDo({ access }: { access: Access }) {
  const { device_id, module_id } = access;
  const path = `/v1/devices/${encodeURIComponent(device_id)}${module_id ? `/modules/${encodeURIComponent(module_id)}` : ''}/access`;
  const count = access.actions.filter((each) => each.is_permitted).length;
  return (
    <Card
      title="What it may do now"
      actions={
        <CopyAs way={{ cli: ['access', 'explain'], names: [device_id], options: module_id ? ['--module', module_id] : [], path }} />
      }
    >
      <p className="muted">
        {count} of {access.actions.length}, by the policies of bundle{' '}
        <Link href={`/policies/${access.bundle_sha256}`} title={access.bundle_sha256}>
          <code>{access.bundle_sha256.slice(0, HASH_SHOWN)}</code>
        </Link>
        {access.is_canary && ' (the canary)'};{' '}
        {access.is_assumed ? (
          'it was never seen, so an ordinary session is assumed.'
        ) : (
          <>
            with the session of <Time at={access.seen_at} />.
          </>
        )}
      </p>
      <ul className="plain" aria-label="Actions">
        {access.actions.map((each) => (
          <li key={each.action} className="line">
            <details>
              <summary>
                <span className="row-of" style={{ display: 'inline-flex' }}>
                  <Badge tone={each.is_permitted ? 'good' : 'bad'}>{each.is_permitted ? 'yes' : 'no'}</Badge>
                  <span>{actionWords(each.action)}</span>
                  <span className="muted">
                    {each.policies.length > 0 ? (
                      <Foreign text={each.policies.map((note) => note.policy).join(', ')} />
                    ) : each.reason === 'policy_denied' ? (
                      'nothing permits it'
                    ) : (
                      reasonWords(each.reason)
                    )}
                  </span>
                </span>
              </summary>
              <Notes notes={each.policies} device={access.device_id} />
              {each.policies.length === 0 && (
                <p className="muted">
                  {each.reason === 'policy_denied'
                    ? 'No policy permits it for an identity like this one, and what nothing permits is refused.'
                    : `No policy is asked: ${reasonWords(each.reason)} stands before all of them.`}
                </p>
              )}
              {each.errors.map((error) => (
                <p key={error} className="note bad">
                  <Foreign text={error} />
                </p>
              ))}
            </details>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Quarantine({ device }: { device: string }) {
  const found = useQuarantineOf(device);
  const [said, setSaid] = useState('');
  const quarantined = found.data;
  return (
    <Card
      title="Quarantine"
      actions={
        quarantined && (
          <CopyAs
            way={{ cli: ['quarantine', 'show'], names: [device], path: `/v1/devices/${encodeURIComponent(device)}/quarantine` }}
          />
        )
      }
    >
      <ProblemNote error={found.error} />
      <p role="status" className={said ? 'note good' : 'visually-hidden'}>
        <bdi>{said}</bdi>
      </p>
      {quarantined === null && (
        <>
          <p>It is in none.</p>
          <QuarantineAct device={device} onSaid={setSaid} />
        </>
      )}
      {quarantined && (
        <>
          <p>
            <Badge tone={quarantined.mode === 'cut' ? 'bad' : quarantined.mode === 'limited' ? 'warn' : 'info'}>{quarantined.mode}</Badge>
          </p>
          <About quarantined={quarantined} />
          <h3>The way back</h3>
          <Way quarantined={quarantined} />
          <WaysOut quarantined={quarantined} onSaid={setSaid} />
        </>
      )}
    </Card>
  );
}

/** A module is quarantined with its device. */
function OfItsDevice({ device, access }: { device: string; access: Access }) {
  if (!access.quarantine) return null;
  return (
    <Card title="Quarantine">
      <p>
        Its device is in quarantine, and it with its device: <Foreign text={access.quarantine.reason} />.{' '}
        <Link href={link('/quarantine', { device })}>See the quarantine</Link>
      </p>
    </Card>
  );
}

function Refusals({ access }: { access: Access }) {
  if (access.refusals.length === 0) return null;
  return (
    <Card
      title="Last refused"
      actions={<Link href={link('/decisions', { device: access.device_id, effect: 'deny' })}>All of them</Link>}
    >
      <ul className="plain">
        {access.refusals.map((each) => (
          <li key={each.decision_id} className="line">
            <span>
              <Badge tone={toneOf(each)}>{headline(each)}</Badge> {reasonWords(each.reason)}
              <div className="muted">
                <Time at={each.decided_at} />
                {each.repeated > 1 && `, ${each.repeated} times`}
              </div>
            </span>
            <Link href={link('/decisions', { device: access.device_id, id: each.cursor })}>Why</Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** The last change of what gateways know of it, hop by hop. */
function LastChange({ device, sequence, isKept }: { device: string; sequence: number; isKept: boolean }) {
  const hops = useQuery({
    queryKey: ['enforcement', device, sequence],
    queryFn: () =>
      take(api.GET('/v1/devices/{device_id}/enforcement', { params: { path: { device_id: device } } })).catch((error: unknown) => {
        if (error instanceof ApiError && error.problem.code === 'api.enforcement_forgotten') return null;
        throw error;
      }),
    enabled: isKept,
    refetchInterval: 10_000,
  });
  const data = isKept ? hops.data : null;
  return (
    <Card
      title="Its last change, hop by hop"
      actions={data && <CopyAs way={{ path: `/v1/devices/${encodeURIComponent(device)}/enforcement` }} />}
    >
      <ProblemNote error={hops.error} />
      {data === null && <p className="muted">It is not remembered: hops are kept for the latest changes since control was started.</p>}
      {data && (
        <>
          <p className="muted">
            Posture record {data.sequence}, caused by {data.cause === 'act' ? 'an act' : 'a signal'} <Time at={data.observed_at} />.
          </p>
          <ol className="checks" aria-label="Hops">
            <Hop title="Observed" text={`${spanWords(Date.parse(data.ingested_at) - Date.parse(data.observed_at))} before it came in`} />
            <Hop title="Ingested" text="from here on it is counted" />
            <Hop title="Decided" text={`after ${ms(data.decided_after_ms)}: the record was signed`} />
            <Hop title="Sent" text={`after ${ms(data.sent_after_ms)}: it was committed, and on its way to every gateway`} />
            {data.enforced.map((each) => (
              <Hop
                key={each.gateway}
                title={`Enforced at ${each.gateway}`}
                text={`${
                  each.enforced_after_ms === null ? 'on another machine, whose clock is not compared' : `after ${ms(each.enforced_after_ms)}`
                }, ${ms(each.applied_in_ms)} of it there${
                  each.sessions_cut > 0 ? `; ${each.sessions_cut} ${each.sessions_cut === 1 ? 'session' : 'sessions'} cut` : ''
                }`}
              />
            ))}
            {data.enforced.length === 0 && <Hop title="Enforced" text="no gateway held a session of it: it counts from its next one" />}
          </ol>
        </>
      )}
    </Card>
  );
}

function Hop({ title, text }: { title: string; text: string }) {
  return (
    <li>
      <span aria-hidden="true">→</span>
      <span>
        <strong>{title}</strong> <span className="muted">{text}</span>
      </span>
    </li>
  );
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

function Session({ access }: { access: Access }) {
  return (
    <details className="card">
      <summary>What the policies read of its session</summary>
      <Facts facts={access.facts} />
    </details>
  );
}
