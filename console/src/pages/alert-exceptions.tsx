// Exceptions: what hides alerts, on whose word, until when, and what each hid.
import { useQuery } from '@tanstack/react-query';
import { ToggleButton } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { byWhom, patternWords } from './alert-pattern';

type Exception = Schemas['ExceptionView'];

const PAGE = 100;
const SAMPLES = 8;

const COLUMNS: Column<Exception>[] = [
  { title: 'What it hides', width: 'minmax(160px, 3fr)', cell: (each) => <Foreign text={patternWords(each.pattern)} /> },
  {
    title: 'State',
    width: '112px',
    cell: (each) =>
      each.is_in_force ? <Badge tone="warn">{each.effect === 'learn' ? 'normal here' : 'muted'}</Badge> : <Badge>ended</Badge>,
  },
  { title: 'Until', width: '112px', cell: (each) => (each.ends_at ? <Time at={each.ended_at ?? each.ends_at} /> : 'ended by hand') },
  { title: 'Answers for it', width: 'minmax(90px, 1fr)', cell: (each) => <Foreign text={each.owner} /> },
  { title: 'Hid', width: '56px', cell: (each) => <span className="number">{each.matched.toLocaleString('en')}</span> },
];

export default function AlertExceptions() {
  const [parameters, change] = useQueryState();
  const isAll = parameters.get('all') === '1';
  const { items, error, isFirst, ...place } = useLongList(['exceptions', isAll], (after) =>
    take(api.GET('/v1/alert-exceptions', { params: { query: { limit: PAGE, after, is_in_force: isAll ? undefined : true } } })),
  );
  const id = parameters.get('id') ?? items[0]?.exception_id ?? '';
  return (
    <Page
      title="Alert exceptions"
      about="what nobody needs to look at"
      actions={<CopyAs way={{ cli: ['exception', 'list'], options: isAll ? ['--every'] : [], path: `/v1/alert-exceptions${isAll ? '' : '?is_in_force=true'}` }} />}
    >
      <div className="row-of chips" role="group" aria-label="Which">
        <ToggleButton className="chip" isSelected={isAll} onChange={(isOn) => change({ all: isOn ? '1' : '', id: '' })}>
          also ended ones
        </ToggleButton>
      </div>
      <ProblemNote error={error} />
      <div className="split">
        <Table
          label="Exceptions"
          columns={COLUMNS}
          items={items}
          keyOf={(each) => each.exception_id}
          {...place}
          isLoading={isFirst}
          current={id}
          onCurrent={(each) => change({ id: each.exception_id })}
          empty={
            <>
              Nothing is hidden. An <Link href="/alerts">alert</Link> that nobody needs to look at offers its exception: “Hide its like”.
            </>
          }
        />
        {id && <Detail key={id} id={id} />}
      </div>
    </Page>
  );
}

function Detail({ id }: { id: string }) {
  const path = { path: { exception_id: id } };
  const found = useQuery({
    queryKey: ['exceptions', 'one', id],
    queryFn: () => take(api.GET('/v1/alert-exceptions/{exception_id}', { params: path })),
  });
  const each = found.data;
  if (!each) return <ProblemNote error={found.error} />;
  return (
    <div className="explanation">
      <Card
        title={each.effect === 'learn' ? 'Normal here' : 'Muted'}
        actions={<CopyAs way={{ cli: ['exception', 'show'], names: [id], path: `/v1/alert-exceptions/${encodeURIComponent(id)}` }} />}
      >
        <p>
          <Foreign text={patternWords(each.pattern)} />
        </p>
        <dl className="facts">
          <dt>Why</dt>
          <dd>
            <Foreign text={each.reason} />
          </dd>
          <dt>Answers for it</dt>
          <dd>
            <Foreign text={each.owner} />
          </dd>
          <dt>Made</dt>
          <dd>
            <Time at={each.created_at} /> by <Foreign text={byWhom(each.created_by)} />
          </dd>
          <dt>Until</dt>
          <dd>{each.ends_at ? <Time at={each.ends_at} /> : 'somebody ends it'}</dd>
          <dt>Hides up to</dt>
          <dd>{each.hides_up_to}; what is graver stays loud</dd>
          <dt>At the sensors</dt>
          <dd>
            {each.is_at_sensors ? 'they hold it back themselves, up to one step less grave, and count it' : 'they go on telling'}
            {each.held_back > 0 && `: ${each.held_back.toLocaleString('en')} since they were started`}
          </dd>
          {each.ended_at && (
            <>
              <dt>Ended</dt>
              <dd>
                <Time at={each.ended_at} /> by <Foreign text={byWhom(each.ended_by)} />
              </dd>
            </>
          )}
        </dl>
        {each.is_in_force && (
          <Act
            label="End it"
            title="End this exception?"
            act={(reason) => take(api.POST('/v1/alert-exceptions/{exception_id}/end', { params: path, body: { reason } }))}
          >
            <p>What happens from now on is loud again. What it hid stays hidden until it goes on.</p>
          </Act>
        )}
      </Card>
      <AlertsOf title="What it hid" matched={each.matched} query={{ exception_id: id }} to={link('/alerts', { exception: id, stand: 'all' })} />
    </div>
  );
}

/** The alerts that something hid or authorized, the youngest first. */
export function AlertsOf({ title, matched, query, to }: {
  title: string;
  matched: number;
  query: { exception_id?: string; ticket_id?: string };
  to: string;
}) {
  const found = useQuery({
    queryKey: ['alert-counts', 'of', query],
    queryFn: () => take(api.GET('/v1/alerts', { params: { query: { ...query, limit: SAMPLES } } })),
  });
  const items = found.data?.items ?? [];
  return (
    <Card title={title} actions={<Link className="button quiet" href={to}>{matched.toLocaleString('en')} in all</Link>}>
      <ProblemNote error={found.error} />
      {items.length === 0 && <p className="muted">Nothing yet.</p>}
      <ul className="plain">
        {items.map((each) => (
          <li key={each.alert_id} className="line">
            <span>
              <Link href={`/alerts/${encodeURIComponent(each.alert_id)}`}>
                <Foreign text={each.title} />
              </Link>
              <div className="muted">
                {each.times.toLocaleString('en')} {each.times === 1 ? 'time' : 'times'}, last <Time at={each.last_at} />
              </div>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
