// One alert: what happened in words, why it matters, the evidence, who stands behind it, and what can be done.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import { api, take } from '../api/client';
import { link, nameIn } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { Devices } from './alert-devices';
import { EndLink } from './alert-end';
import { Evidence } from './alert-evidence';
import { ExceptionModal } from './alert-hide';
import { byWhom } from './alert-pattern';
import { Incident, Merged } from './alert-related';
import { AlertActs, type Asked, unmerge } from './alerts-acts';
import { useTriageKeys } from './alerts-keys';
import { type Alert, ruleWords, SEVERITIES, standing, stepWords } from './alerts-words';
import './alerts.css';

export function useAlert(id: string) {
  return useQuery({
    queryKey: ['alerts', 'one', id],
    queryFn: () => take(api.GET('/v1/alerts/{alert_id}', { params: { path: { alert_id: id } } })),
    enabled: id !== '',
    refetchInterval: 10_000,
  });
}

export default function AlertPage() {
  const id = nameIn(usePathname());
  const found = useAlert(id);
  if (found.data) return <Shown key={id} alert={found.data} />;
  return (
    <Page title="Alert">
      <ProblemNote error={found.error} />
      {found.error ? <Link href="/alerts">See all alerts</Link> : <Empty>Reading the alert…</Empty>}
    </Page>
  );
}

function Shown({ alert }: { alert: Alert }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [isHiding, setHiding] = useState(false);
  const [said, setSaid] = useState('');
  const ask = (act: Asked['act']) => setAsked({ act, alerts: [alert] });
  const [words, tone] = standing(alert);
  const isMerged = alert.standing === 'merged';
  const isOver = alert.state === 'closed' || alert.standing !== 'loud';
  useTriageKeys(!isMerged, { a: () => ask('acknowledge'), c: () => ask('close'), r: () => isOver && ask('reopen'), h: () => setHiding(true) });
  return (
    <Page
      title={<Foreign text={alert.title} />}
      about={
        <span className="row-of">
          <Badge tone={SEVERITIES[alert.severity]}>{alert.severity}</Badge> <Badge tone={tone}>{words}</Badge>
        </span>
      }
      actions={
        <>
          <Link className="button" href="/alerts">
            All alerts
          </Link>
          <CopyAs way={{ cli: ['alert', 'show'], names: [alert.alert_id], path: `/v1/alerts/${encodeURIComponent(alert.alert_id)}` }} />
        </>
      }
    >
      <div className="row-of" role="group" aria-label="What to do with it">
        {alert.state === 'open' && alert.standing === 'loud' && <Button onPress={() => ask('acknowledge')}>Look into it (a)</Button>}
        {!isMerged && (
          <Button kind={alert.state === 'closed' ? '' : 'primary'} onPress={() => ask('close')}>
            {alert.state === 'closed' ? 'Another verdict… (c)' : 'Close… (c)'}
          </Button>
        )}
        {!isMerged && <Button onPress={() => setHiding(true)}>Hide its like… (h)</Button>}
        {!isMerged && isOver && <Button onPress={() => ask('reopen')}>Open again… (r)</Button>}
        {isMerged && (
          <Act label="Unmerge" needsReason title="Let it speak for itself again?" act={(reason) => unmerge(alert.alert_id, reason)}>
            <p>It is loud again, and what it counted is taken from the alert that spoke for it.</p>
          </Act>
        )}
        <span role="status">{said}</span>
      </div>
      <AlertActs asked={asked} close={() => setAsked(null)} ask={setAsked} selected={[]} clear={() => undefined} />
      {isHiding && <ExceptionModal alert={alert} onDone={setSaid} isOpen onOpenChange={setHiding} />}
      <div className="alert-page">
        <div className="stack">
          <What alert={alert} />
          <Evidence alert={alert} />
          <Merged alert={alert} />
        </div>
        <div className="stack">
          <Devices alert={alert} />
          <Incident alert={alert} />
          <History alert={alert} />
        </div>
      </div>
    </Page>
  );
}

function What({ alert }: { alert: Alert }) {
  return (
    <Card title="What happened">
      <p className="why">{alert.why}</p>
      <dl className="facts">
        <dt>Who did it</dt>
        <dd>
          <EndLink end={alert.source} />
        </dd>
        <dt>To whom</dt>
        <dd>
          <EndLink end={alert.target} />
        </dd>
        {alert.technique && (
          <>
            <dt>ATT&amp;CK for ICS</dt>
            <dd>
              <Link href={link('/alerts', { technique: alert.technique })}>{alert.technique}</Link> {alert.technique_name}
              {alert.tactics.length > 0 && <span className="muted"> ({alert.tactics.map((each) => each.replaceAll('-', ' ')).join(', ')})</span>}
            </dd>
          </>
        )}
        <dt>Kind</dt>
        <dd>
          <Link href={link('/alerts', { rule: alert.rule })}>{ruleWords(alert.rule)}</Link> <span className="muted">{alert.engine}</span>
        </dd>
        <dt>Times</dt>
        <dd>{alert.times.toLocaleString('en')}</dd>
        <dt>From, to</dt>
        <dd>
          <Time at={alert.first_at} /> – <Time at={alert.last_at} />
        </dd>
        <dt>Heard by</dt>
        <dd>
          <Link href={link('/alerts', { sensor: alert.sensor_name })}>
            <Foreign text={alert.sensor_name} />
          </Link>{' '}
          at <Foreign text={alert.site} />
        </dd>
        {alert.raised_severity !== alert.severity && (
          <>
            <dt>Severity</dt>
            <dd>
              {alert.severity}, raised as {alert.raised_severity}: it minds how critical the assets are
            </dd>
          </>
        )}
        <Why alert={alert} />
      </dl>
    </Card>
  );
}

/** Why nobody has to look at it, where that is so. */
function Why({ alert }: { alert: Alert }) {
  if (alert.exception_id)
    return (
      <>
        <dt>Hidden by</dt>
        <dd>
          <Link href={link('/alert-exceptions', { id: alert.exception_id })}>an exception</Link>
        </dd>
      </>
    );
  if (alert.ticket_id)
    return (
      <>
        <dt>Authorized by</dt>
        <dd>
          <Link href={link('/tickets', { id: alert.ticket_id })}>a ticket</Link>
        </dd>
      </>
    );
  if (!alert.merged_into) return null;
  return (
    <>
      <dt>Merged into</dt>
      <dd>
        <Link href={`/alerts/${encodeURIComponent(alert.merged_into)}`}>the alert that speaks for it</Link>
      </dd>
    </>
  );
}

function History({ alert }: { alert: Alert }) {
  return (
    <Card title="What was done">
      <ul className="plain">
        {[...alert.history].reverse().map((step) => (
          <li key={`${step.at} ${step.act} ${step.other_id}`} className="line">
            <span>
              {step.other_id ? <Link href={`/alerts/${encodeURIComponent(step.other_id)}`}>{stepWords(step)}</Link> : stepWords(step)}
              {step.reason && (
                <>
                  : <Foreign text={step.reason} />
                </>
              )}
              <div className="muted">
                <Time at={step.at} /> by <Foreign text={byWhom(step.by)} />
              </div>
            </span>
          </li>
        ))}
        <li className="line">
          <span>
            Raised
            <div className="muted">
              <Time at={alert.received_at} /> by <Foreign text={alert.sensor_name} />
            </div>
          </span>
        </li>
      </ul>
      <p className="muted">
        <Link href={link('/ledger', { target: alert.alert_id })}>Its entries in the ledger</Link>
      </p>
    </Card>
  );
}
