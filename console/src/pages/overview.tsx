// Is anything wrong, what changed, what should I do?
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useCloneAlerts, useCount, useHubQuery, useOpenAlerts, useRefusals, useStatus } from '../api/queries';
import { inWords } from '../app/strip';
import { link } from '../app/url';
import { CopyAs } from '../ui/copy';
import { actorName, queryText } from '../ui/text';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote, Stat, Time } from '../ui/ui';
import { FLAGGED, matters, SILENT, STOPPED } from './attention';
import { PeopleNag } from './people-nag';
import { usePutAside } from './put-aside';

const CHANGES = 12;
const DAY_MS = 86_400_000;

export default function Overview() {
  const status = useStatus();
  const refusals = useRefusals();
  const clones = useCloneAlerts();
  const silent = useCount(status.data ? SILENT : null);
  const flagged = useCount(status.data ? FLAGGED : null);
  const connected = useCount(status.data ? "connectionState = 'Connected'" : null);
  const alerts = useOpenAlerts();
  const grave = (alerts?.open_by_severity.critical ?? 0) + (alerts?.open_by_severity.high ?? 0);
  const { isAside, putAside, takeBack } = usePutAside();
  const now = status.data ? Date.parse(status.data.at) : Date.now();
  const recent = (refusals.data?.pages[0]?.items ?? []).filter((each) => now - Date.parse(each.decided_at) < DAY_MS);
  const found = matters({
    status: status.data,
    refusals: recent,
    back: useConnected(recent.map((each) => each.device_id)),
    clones: clones.data?.items ?? [],
    silent,
    flagged,
    now,
  });
  const shown = found.filter((each) => !isAside(each.id));
  const devices = status.data?.devices;
  return (
    <Page
      title="Overview"
      about={status.data && <span>{status.data.hostname} · started <Time at={status.data.started_at} /></span>}
      actions={<CopyAs way={{ cli: ['status'], path: '/v1/status' }} />}
    >
      <ProblemNote error={status.error} />
      <PeopleNag />
      <div className="columns stats">
        <Stat value={devices?.total ?? '–'} label="devices" to="/devices" />
        <Stat value={connected ?? '–'} label="connected" to={link('/devices', { where: "connectionState = 'Connected'" })} tone="good" />
        <Stat value={devices ? devices.disabled + devices.blocked : '–'} label="disabled or blocked" to={link('/devices', { where: STOPPED })} tone={devices && devices.disabled + devices.blocked ? 'bad' : 'plain'} />
        <Stat value={alerts ? alerts.open.toLocaleString('en') : '–'} label="alerts to look at" to="/alerts" tone={grave > 0 ? 'bad' : 'plain'} />
        <Stat value={recent.reduce((sum, each) => sum + each.repeated, 0)} label="refused in a day" to="/refusals" tone={recent.length ? 'warn' : 'plain'} />
      </div>
      <Card
        title="Needs attention"
        actions={
          found.length > shown.length && (
            <Button kind="quiet" onPress={takeBack}>
              Show {found.length - shown.length} put aside
            </Button>
          )
        }
      >
        {shown.length === 0 ? (
          <Empty>{status.data ? 'Nothing is wrong.' : 'Looking…'}</Empty>
        ) : (
          <ul className="matters">
            {shown.map((each) => (
              <li key={each.id}>
                <Badge tone={each.tone}>{each.tone === 'bad' ? 'act' : each.tone === 'warn' ? 'look' : 'know'}</Badge>
                <span className="what">
                  <strong>
                    {each.subject && (
                      <>
                        <Foreign text={each.subject} />:{' '}
                      </>
                    )}
                    {each.title}
                  </strong>
                  {each.why && (
                    <span className="muted">
                      <Foreign text={each.why} />
                    </span>
                  )}
                </span>
                <span className="row-of">
                  {each.to.startsWith('#') ? (
                    <a className="button" href={each.to}>
                      {each.act}
                    </a>
                  ) : (
                    <Link className="button" href={each.to}>
                      {each.act}
                    </Link>
                  )}
                  <Button
                    kind="quiet"
                    aria-label={`Put aside: ${each.title}`}
                    onPress={() => putAside(each.id)}
                  >
                    Put aside
                  </Button>
                </span>
              </li>
            ))}
          </ul>
        )}
      </Card>
      <div className="columns">
        <Changes />
        <Components />
      </div>
    </Page>
  );
}

const ASKED = 100;

/** Return which of some devices are connected. */
function useConnected(names: string[]): ReadonlySet<string> {
  const list = [...new Set(names)].sort().slice(0, ASKED).map(queryText).join(', ');
  const found = useHubQuery(
    list ? `SELECT deviceId FROM devices WHERE deviceId IN [${list}] AND connectionState = 'Connected'` : null,
  );
  return new Set((found.data?.items ?? []).map((row) => String((row as { deviceId?: unknown }).deviceId)));
}

/** Say what was done; of a step along the life cycle, where it led. */
function words({ action, details }: Schemas['EntryView']): string {
  const led = action === 'registry.change_lifecycle' ? details.current : undefined;
  return typeof led === 'string' ? `now ${led}:` : inWords(action);
}

function Changes() {
  const size = useStatus().data?.ledger_size;
  const after = String(Math.max(0, (size ?? 0) - CHANGES));
  const entries = useQuery({
    queryKey: ['ledger', 'newest', after],
    queryFn: () => take(api.GET('/v1/ledger/entries', { params: { query: { after, limit: CHANGES } } })),
    enabled: size !== undefined,
    placeholderData: (before) => before,
  });
  return (
    <Card title="What changed" actions={<Link href="/ledger">All of it</Link>}>
      <ProblemNote error={entries.error} />
      <ol className="changes">
        {[...(entries.data?.items ?? [])].reverse().map((entry) => (
          <li key={entry.position}>
            <span className="muted">
              <Time at={entry.at} />
            </span>
            <span>
              {words(entry)} {entry.target_name && <Foreign text={entry.target_name} />}
            </span>
            <span className="muted">
              by <Foreign text={actorName(entry.actor)} />
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Components() {
  const status = useStatus();
  return (
    <Card title="Components" id="components">
      <ul className="components">
        {(status.data?.components ?? []).map((part) => (
          <li key={part.name}>
            <Badge tone={part.health === 'ok' ? 'good' : part.health === 'failed' ? 'bad' : 'warn'}>{part.health}</Badge>{' '}
            {part.name} <span className="muted">{[part.detail, part.hint].filter(Boolean).join(' – ')}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
