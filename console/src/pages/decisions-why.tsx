// Why one decision was made: the rule, what it knew then, what is known now, what to do, and what would change it.
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { serverNow } from '../api/server-clock';
import { link } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Card, Empty, Foreign, ProblemNote, Time } from '../ui/ui';
import { actionWords, adviceFor, apart, changersOf, type Decision, headline, nameOf, reasonWords, spanWords, toneOf } from './decisions-words';
import { checkOf } from './reasons';

type Explained = Schemas['ExplainedDecision'];
type Note = Schemas['PolicyNoteView'];
type Signal = Schemas['SignalView'];

const HASH_SHOWN = 12;
// What an identity looked like is stored a moment after the decision.
const KEPT_AFTER_MS = 60_000;
const LOOK_AGAIN_MS = 3_000;

/** Why the decision at a cursor was made. */
export function Why({ cursor }: { cursor: string }) {
  const found = useQuery({
    queryKey: ['why', cursor],
    queryFn: () => take(api.GET('/v1/decisions/{cursor}', { params: { path: { cursor } } })),
    staleTime: 'static',
    refetchInterval: ({ state: { data } }) => (data && isYoung(data) && !data.attributes ? LOOK_AGAIN_MS : false),
    retry: false,
  });
  if (!found.data)
    return (
      <div className="explanation">
        <ProblemNote error={found.error} />
        {!found.error && <Empty>Looking it up…</Empty>}
      </div>
    );
  const decision = found.data;
  return (
    <div className="explanation" aria-live="polite">
      <Answer decision={decision} />
      <Decided decision={decision} />
      {decision.effect !== 'allow' && <WhatToDo decision={decision} />}
      {decision.generation_id && <Now decision={decision} />}
      <Known decision={decision} />
      <Shown decision={decision} />
    </div>
  );
}

function isYoung(decision: Explained): boolean {
  return decision.generation_id !== null && serverNow() - Date.parse(decision.decided_at) < KEPT_AFTER_MS;
}

function Answer({ decision }: { decision: Explained }) {
  const name = nameOf(decision);
  return (
    <Card
      title={<Foreign text={name || 'somebody without a name'} />}
      actions={
        <CopyAs
          way={{ cli: ['decision', 'show'], names: [decision.cursor], path: `/v1/decisions/${encodeURIComponent(decision.cursor)}` }}
        />
      }
    >
      <p>
        <Badge tone={toneOf(decision)}>{headline(decision)}</Badge> {reasonWords(decision.reason)}
        {decision.detail && (
          <>
            {' – '}
            <Foreign text={decision.detail} />
          </>
        )}
      </p>
      <p className="muted">
        <Time at={decision.decided_at} /> (<time dateTime={decision.decided_at}>{decision.decided_at}</time>) at{' '}
        <Foreign text={decision.gateway} />
        {decision.repeated > 1 && `, ${decision.repeated} times`}
      </p>
      {decision.shadow && (
        <p className="note">The shadow bundle would have said: {decision.shadow === 'allow' ? 'yes' : 'no'}.</p>
      )}
      {!decision.generation_id && <p className="note warn">Nobody is registered under this name: it is what a stranger said.</p>}
    </Card>
  );
}

/** The rule that decided, in the words of whoever wrote it. */
function Decided({ decision }: { decision: Explained }) {
  return (
    <Card
      title="The rule that decided"
      actions={
        decision.bundle_sha256 && (
          <Link href={`/policies/${decision.bundle_sha256}`} title={decision.bundle_sha256}>
            bundle <code>{decision.bundle_sha256.slice(0, HASH_SHOWN)}</code>
          </Link>
        )
      }
    >
      {decision.notes.length === 0 && (
        <p>
          {decision.reason === 'policy_denied' ? (
            'No policy permits it, and what nothing permits is refused.'
          ) : (
            <>
              No policy was asked: <strong>{reasonWords(decision.reason)}</strong> was found before any of them.
            </>
          )}
        </p>
      )}
      <Notes notes={decision.notes} />
    </Card>
  );
}

/** Policies that decided: what each says, why, who answers for it, and what it advises. */
export function Notes({ notes, device }: {
  notes: readonly Note[];
  /** Whom the advice of those that forbid is for; left out where it stands elsewhere. */
  device?: string;
}) {
  return (
    <ul className="plain">
      {notes.map((note) => (
        <li key={note.policy} className="line">
          <div>
            <div className="row-of">
              <Link href={link('/decisions', { policy: note.policy })}>
                <Foreign text={note.policy} mono />
              </Link>
              {note.effect && <Badge tone={note.effect === 'forbid' ? 'bad' : 'good'}>{note.effect}s it</Badge>}
            </div>
            {note.why ? <Foreign text={note.why} /> : <span className="muted">Its bundle is gone, and its words with it.</span>}
            {device !== undefined && note.guidance && note.effect === 'forbid' && (
              <div>
                What to do: <Foreign text={adviceFor(note.guidance, device)} />
              </div>
            )}
            {note.owner && (
              <div className="muted">
                <Foreign text={note.owner} /> answers for it
                {note.expires && (
                  <>
                    ; it ends <Foreign text={note.expires} />
                  </>
                )}
              </div>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

function WhatToDo({ decision }: { decision: Explained }) {
  const advised = decision.notes.filter((each) => each.effect === 'forbid' && each.guidance).map((each) => each.guidance);
  // What is said of any policy that denies says nothing beside what this one advises.
  const advice = [...new Set(advised.length > 0 ? advised : [decision.hint])];
  return (
    <Card title="What to do">
      {advice.filter(Boolean).map((each) => (
        <p key={each}>
          <Foreign text={adviceFor(each, decision.device_id)} />
        </p>
      ))}
      <div className="row-of">
        <Mend decision={decision} />
      </div>
    </Card>
  );
}

const AMONG_REFUSALS = ['refuse', 'cut', 'register'];

/** What a click can mend. */
function Mend({ decision }: { decision: Explained }) {
  const { device_id, reason } = decision;
  return (
    <>
      {reason === 'unknown_identity' && (
        <Link className="button primary" href={link('/add-device', { id: device_id })}>
          Add this device
        </Link>
      )}
      {reason === 'disabled' && !decision.module_id && (
        <Act
          label="Enable the device"
          kind="primary"
          title={`Enable ${device_id}?`}
          act={(why) => take(api.POST('/v1/devices/{device_id}/enable', { params: { path: { device_id } }, body: { reason: why } }))}
        >
          <p>It comes in when it next tries.</p>
        </Act>
      )}
      {decision.attributes?.isQuarantined === true && (
        <Link className="button" href={link('/quarantine', { device: device_id })}>
          See its quarantine
        </Link>
      )}
      {AMONG_REFUSALS.includes(decision.kind) && (
        <Link className="button" href={link('/refusals', { device: device_id, id: decision.decision_id })}>
          Which check failed
        </Link>
      )}
      {decision.generation_id && (
        <Link className="button" href={`/devices/${encodeURIComponent(device_id)}`}>
          Open the device
        </Link>
      )}
    </>
  );
}

const BEFORE_POLICIES: readonly string[] = ['protocol', 'credential', 'valid', 'unique'];

/** What the answer would be now, the signals that count now, and what would change it. */
function Now({ decision }: { decision: Explained }) {
  const { device_id, module_id } = decision;
  const now = useQuery({
    queryKey: ['access', device_id, module_id],
    queryFn: () => readAccess(device_id, module_id),
    retry: false,
  });
  const page = link(`/devices/${encodeURIComponent(device_id)}`, { module: module_id ?? '', tab: 'access' });
  const asked = now.data?.actions.find((each) => each.action === decision.action);
  const changers = now.data ? changersOf(now.data, decision.action) : [];
  return (
    <Card title="As it is now" actions={<Link href={page}>What else it may do</Link>}>
      <ProblemNote error={now.error} />
      {now.data && now.data.generation_id !== decision.generation_id && (
        <p className="note warn">The name belongs to another device now: what follows is about that one.</p>
      )}
      {asked && (
        <p>
          Asked again now, it may {asked.is_permitted ? '' : 'not '}
          {actionWords(asked.action)}: <Badge tone={asked.is_permitted ? 'good' : 'bad'}>{reasonWords(asked.reason)}</Badge>
          {asked.policies.length > 0 && (
            <>
              {' by '}
              <Foreign text={asked.policies.map((each) => each.policy).join(', ')} mono />
            </>
          )}
        </p>
      )}
      {asked?.is_permitted && decision.effect !== 'allow' && BEFORE_POLICIES.includes(checkOf(decision.reason)) && (
        <p className="muted">So say the policies. What refused it then is found before them, and is not asked here.</p>
      )}
      {changers.length > 0 && (
        <>
          <h3>What would change it</h3>
          <ul className="plain">
            {changers.map((each) => (
              <li key={each.text} className="line">
                <Link href={each.to}>{each.text}</Link>
              </li>
            ))}
          </ul>
        </>
      )}
      {now.data && now.data.signals.length > 0 && (
        <>
          <h3>Signals that count</h3>
          <Signals signals={now.data.signals} decidedAt={decision.decided_at} />
        </>
      )}
      {now.data?.signals.length === 0 && <p className="muted">No signal counts about it now; its risk is {now.data.risk_level}.</p>}
    </Card>
  );
}

/** Ask what an identity may do now. */
export function readAccess(device_id: string, module_id: string | null) {
  return module_id
    ? take(api.GET('/v1/devices/{device_id}/modules/{module_id}/access', { params: { path: { device_id, module_id } } }))
    : take(api.GET('/v1/devices/{device_id}/access', { params: { path: { device_id } } }));
}

const TONES = { unknown: 'plain', low: 'good', medium: 'warn', high: 'bad' } as const;

export function Risk({ level }: { level: keyof typeof TONES }) {
  return <Badge tone={TONES[level]}>{level}</Badge>;
}

/** Signals with age, source and how far each is believed. */
export function Signals({ signals, decidedAt, act }: {
  signals: readonly Signal[];
  /** When the decision was made that they are shown beside. */
  decidedAt?: string;
  act?: (signal: Signal) => React.ReactNode;
}) {
  return (
    <ul className="plain" aria-label="Signals">
      {signals.map((each) => (
        <li key={each.signal_id} className="line">
          <span>
            <strong>
              <Foreign text={each.signal_class} />
            </strong>{' '}
            {each.level && <Risk level={each.level} />}
            <div className="muted">
              {each.provenance}, from <Foreign text={each.source} />, since <Time at={each.since} />
              {each.expires_at && (
                <>
                  , counts until <Time at={each.expires_at} />
                </>
              )}
              {decidedAt && Date.parse(each.since) > Date.parse(decidedAt) && (
                <>, began {spanWords(Date.parse(each.since) - Date.parse(decidedAt))} after the decision</>
              )}
            </div>
            {Object.keys(each.detail).length > 0 && (
              <div className="muted">
                <Foreign text={JSON.stringify(each.detail)} mono />
              </div>
            )}
          </span>
          {act?.(each)}
        </li>
      ))}
    </ul>
  );
}

function Known({ decision }: { decision: Explained }) {
  return (
    <Card title="What it was decided on">
      <h3>Of the session</h3>
      {Object.keys(decision.facts).length === 0 ? (
        <p className="muted">Nothing of the session was needed for it.</p>
      ) : (
        <Facts facts={decision.facts} />
      )}
      <h3>Of the identity</h3>
      {decision.attributes ? (
        <Facts facts={decision.attributes} />
      ) : (
        <p className="muted">What was known of it then is not kept: it was refused before it was looked up, or too long ago.</p>
      )}
      {decision.sequence !== null && <p className="muted">Posture record {decision.sequence}.</p>}
    </Card>
  );
}

/** What policies could read, by their own names and in words. */
export function Facts({ facts }: { facts: Readonly<Record<string, unknown>> }) {
  return (
    <dl className="facts">
      {Object.entries(facts).map(([name, value]) => (
        <div key={name} className="fact">
          <dt title={name}>{apart(name)}</dt>
          <dd>
            <Foreign text={said(value)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function said(value: unknown): string {
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(said).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function Shown({ decision }: { decision: Decision }) {
  if (!decision.certificate_sha256 && !decision.tls_version) return null;
  return (
    <Card title="What was shown">
      <dl className="facts">
        <dt>Certificate</dt>
        <dd>{decision.certificate_subject ? <Foreign text={decision.certificate_subject} /> : 'none was presented'}</dd>
        {decision.certificate_sha256 && (
          <>
            <dt>Issued by</dt>
            <dd>
              <Foreign text={decision.certificate_issuer} />
            </dd>
            <dt>Ends</dt>
            <dd>
              <Time at={decision.certificate_not_after} />
            </dd>
            <dt>SHA-256</dt>
            <dd>
              <Foreign text={decision.certificate_sha256} mono />
            </dd>
          </>
        )}
        <dt>TLS</dt>
        <dd>{decision.tls_version ?? '–'}</dd>
        <dt>From</dt>
        <dd>
          <Foreign text={decision.remote_address} mono />
        </dd>
      </dl>
    </Card>
  );
}
