// What a bundle would do to this fleet: asked for, followed while it is found out, and shown with examples.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { link } from '../app/url';
import { CopyAs } from '../ui/copy';
import { queryText } from '../ui/text';
import { Badge, Button, Card, Empty, Foreign, ProblemNote, Time, type Tone } from '../ui/ui';
import { type Bundle, pathTo } from './policies-queries';
import { gather, type Report, reportOf, rowsOf, type Sample, type Tally } from './policy-report';

const FOLLOW_MS = 700;
const DAYS = [1, 7, 30, 90];

const CHANGES: Record<keyof Tally, string> = {
  newly_denied: 'newly denied',
  newly_allowed: 'newly allowed',
  reason_changed: 'decided by other policies',
};

/** The newest simulation of a bundle over the stable one, in whatever state. */
function useNewest(bundle: Bundle, stable: string) {
  return useQuery({
    queryKey: ['policy-simulations'],
    queryFn: () => take(api.GET('/v1/policy-simulations', { params: { query: { limit: 100 } } })),
    refetchInterval: 5_000,
    select: (page) => page.items.find((each) => each.sha256 === bundle.sha256 && each.base_sha256 === stable),
  });
}

export function Simulation({ bundle, stable, mayDevelop }: { bundle: Bundle; stable: string; mayDevelop: boolean }) {
  const queries = useQueryClient();
  const [days, setDays] = useState(7);
  const newest = useNewest(bundle, stable);
  const id = newest.data?.simulation_id ?? '';
  const followed = useQuery({
    queryKey: ['policy-simulation', id],
    queryFn: () => take(api.GET('/v1/policy-simulations/{simulation_id}', { params: { path: { simulation_id: id } } })),
    enabled: id !== '',
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? FOLLOW_MS : false),
  });
  const starting = useMutation({
    mutationFn: () =>
      take(
        api.POST('/v1/policies/{bundle}/simulate', {
          params: { path: { bundle: bundle.sha256 } },
          body: { against: 'stable', days },
        }),
      ),
    onSettled: () => queries.invalidateQueries({ queryKey: ['policy-simulations'] }),
  });
  const stopping = useMutation({
    mutationFn: () => take(api.POST('/v1/policy-simulations/{simulation_id}/cancel', { params: { path: { simulation_id: id } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ['policy-simulation', id] }),
  });
  const simulation = followed.data;
  const isRunning = simulation?.state === 'running';
  const report = reportOf(simulation);
  return (
    <Card
      title="What it would change on this fleet"
      id="simulation"
      actions={
        <CopyAs
          way={{
            cli: ['policy', 'simulate'],
            names: [String(bundle.number)],
            options: ['--days', String(days)],
            method: 'POST',
            path: `/v1${pathTo(bundle.number)}/simulate`,
            body: { against: 'stable', days },
          }}
        />
      }
    >
      <p className="muted">
        Every device as it is now, and the decisions of the last days, are decided again under this bundle. Nothing of the
        running platform notices.
      </p>
      <ProblemNote error={newest.error ?? followed.error ?? starting.error ?? stopping.error} />
      {isRunning ? (
        <div role="group" aria-label="Simulation in progress" className="field">
          <progress
            aria-label="Progress of the simulation"
            {...(simulation.total > 0 ? { value: simulation.examined, max: simulation.total } : {})}
          />
          <div className="row-of">
            <span role="status" className="number">
              {simulation.examined.toLocaleString('en')} of {simulation.total ? simulation.total.toLocaleString('en') : '…'} examined
            </span>
            {mayDevelop && (
              <Button isDisabled={stopping.isPending} onPress={() => stopping.mutate()}>
                Stop it
              </Button>
            )}
          </div>
        </div>
      ) : (
        <div className="row-of">
          <label htmlFor="days" className="muted">
            Decisions of the last
          </label>
          <select id="days" className="input" value={days} onChange={(event) => setDays(Number(event.target.value))}>
            {DAYS.map((each) => (
              <option key={each} value={each}>
                {each === 1 ? 'day' : `${each} days`}
              </option>
            ))}
          </select>
          <Button
            kind={simulation?.state === 'done' ? '' : 'primary'}
            isDisabled={!mayDevelop || starting.isPending}
            onPress={() => starting.mutate()}
          >
            {simulation ? 'Simulate again' : 'Simulate'}
          </Button>
          {simulation?.finished_at && (
            <span className="muted">
              last <Time at={simulation.finished_at} />; it counts for a day
            </span>
          )}
        </div>
      )}
      {simulation?.state === 'failed' && (
        <p className="note warn" role="status">
          It has not come to its end: <Foreign text={simulation.cause} />. What was found until then is not kept; simulate again.
        </p>
      )}
      {!simulation && !newest.isPending && <Empty>It has not been simulated over the policies in force. Nothing decides before.</Empty>}
      {report && simulation && <Found report={report} summary={simulation.summary} />}
    </Card>
  );
}

function Found({ report, summary }: { report: Report; summary: string }) {
  const site = (key: string) =>
    key ? link('/devices', { where: `site = ${queryText(key)}` }) : link('/devices', { where: 'NOT IS_DEFINED(site)' });
  const nameOf = (key: string) => report.names[key] ?? key;
  return (
    <div className="stack found">
      <p role="status" className="summary">
        <strong>{summary}</strong>
      </p>
      <div className="columns stats">
        {(Object.keys(CHANGES) as (keyof Tally)[]).map((each) => (
          <Total key={each} change={each} count={report.totals[each]} />
        ))}
      </div>
      {report.changed > 0 && (
        <div className="columns">
          <Tallies title="By site" table={report.by_site} to={site} called={(key) => key || 'no site'} />
          <Tallies
            title="By group"
            table={report.by_group}
            to={(key) => link('/devices', { where: `CONTAINS(groups, ${queryText(nameOf(key))})` })}
            called={nameOf}
            empty="None of them is in a group that policies see."
          />
          <Tallies title="By action" table={report.by_action} />
          <Tallies title="By the policy that would decide" table={report.by_policy} />
        </div>
      )}
      <Samples samples={report.samples} />
      <p className="muted">
        {report.left_out.toLocaleString('en')} others are refused whatever policies say. {report.assumed.toLocaleString('en')} were
        not seen in those days: their session is assumed from what their record permits.{' '}
        {report.unreadable > 0 && `${report.unreadable.toLocaleString('en')} cannot be shown to policies and are denied either way. `}
        Of the log since <Time at={report.log.since} />, {report.log.replayed.toLocaleString('en')} decisions were made again:{' '}
        {report.log.newly_denied.toLocaleString('en')} newly denied, {report.log.newly_allowed.toLocaleString('en')} newly allowed
        {report.log.skipped > 0 && `; ${report.log.skipped.toLocaleString('en')} could not be made again`}
        {report.log.is_cut && '; there were more than are looked at'}. {report.decisions.toLocaleString('en')} decisions in{' '}
        {report.seconds} s.
      </p>
    </div>
  );
}

const TONES: Record<keyof Tally, Tone> = { newly_denied: 'bad', newly_allowed: 'warn', reason_changed: 'info' };

/** A number that leads to its examples, if there are any. */
function Total({ change, count }: { change: keyof Tally; count: number }) {
  const content = (
    <>
      <strong>{count.toLocaleString('en')}</strong>
      <Badge tone={count === 0 ? 'plain' : TONES[change]}>{CHANGES[change]}</Badge>
    </>
  );
  if (count === 0) return <div className="stat card">{content}</div>;
  return (
    <a className="stat card" href={`#samples-${change}`}>
      {content}
    </a>
  );
}

const SHOWN = 10;

function Tallies({ title, table, to, called = (key) => key, empty = 'None.' }: {
  title: string;
  table: Record<string, Tally>;
  to?: (key: string) => string;
  called?: (key: string) => string;
  empty?: string;
}) {
  const [isAll, setAll] = useState(false);
  const rows = rowsOf(table);
  const shown = isAll ? rows : rows.slice(0, SHOWN);
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {rows.length === 0 ? (
        <p className="muted">{empty}</p>
      ) : (
        <table className="tallies">
          <thead>
            <tr>
              <th scope="col">
                <span className="visually-hidden">{title}</span>
              </th>
              <th scope="col">denied</th>
              <th scope="col">allowed</th>
              <th scope="col">other</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(([key, tally]) => (
              <tr key={key}>
                <th scope="row">
                  {to ? (
                    <Link href={to(key)}>
                      <Foreign text={called(key)} />
                    </Link>
                  ) : (
                    <Foreign text={called(key)} />
                  )}
                </th>
                <td className={tally.newly_denied ? 'bad' : 'muted'}>{tally.newly_denied.toLocaleString('en')}</td>
                <td className={tally.newly_allowed ? 'warn' : 'muted'}>{tally.newly_allowed.toLocaleString('en')}</td>
                <td className="muted">{tally.reason_changed.toLocaleString('en')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.length > shown.length && (
        <Button kind="quiet" onPress={() => setAll(true)}>
          {rows.length - shown.length} more
        </Button>
      )}
    </section>
  );
}

function Samples({ samples }: { samples: readonly Sample[] }) {
  return (Object.keys(CHANGES) as (keyof Tally)[]).map((change) => {
    const some = gather(samples.filter((each) => each.change === change));
    if (some.length === 0) return null;
    return (
      <section key={change} id={`samples-${change}`} aria-label={`Some ${CHANGES[change]}`}>
        <h3>Some {CHANGES[change]}</h3>
        <ul className="plain">
          {some.map((each) => (
            <li key={`${each.device_id} ${each.module_id} ${each.actions[0]}`} className="line wrap">
              <span>
                <Link href={link(`/devices/${encodeURIComponent(each.device_id)}`, { module: each.module_id ?? '' })}>
                  <Foreign text={each.module_id ? `${each.device_id} › ${each.module_id}` : each.device_id} />
                </Link>{' '}
                {each.site && (
                  <span className="muted">
                    site <Foreign text={each.site} />,{' '}
                  </span>
                )}
                {each.actions.join(', ')}
              </span>
              <span>
                <Names ids={each.before} none="nothing" /> → <Names ids={each.after} none="nothing permits it" />{' '}
                {each.is_assumed ? (
                  <Badge>assumed session</Badge>
                ) : (
                  <span className="muted">
                    seen <Time at={each.seen_at} />
                  </span>
                )}
              </span>
            </li>
          ))}
        </ul>
      </section>
    );
  });
}

function Names({ ids, none }: { ids: readonly string[]; none: string }) {
  if (ids.length === 0) return <span className="muted">{none}</span>;
  return ids.map((each, index) => (
    <span key={each}>
      {index > 0 && ', '}
      <Foreign text={each} mono />
    </span>
  ));
}
