// Tickets: changes that were announced, what they authorized, and the window that is open now.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Input, Label, TextField, ToggleButton } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { serverNow } from '../api/server-clock';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Card, Foreign, Page, ProblemNote, Time, type Tone } from '../ui/ui';
import { AlertsOf } from './alert-exceptions';
import { byWhom, listed, patternWords } from './alert-pattern';
import { Moment } from '../ui/moment';

type Ticket = Schemas['TicketView'];

const PAGE = 100;
const HOURS = 4;
const HOUR_MS = 3_600_000;
const STATES: Record<Ticket['state'], Tone> = { planned: 'info', running: 'warn', over: 'plain' };

const COLUMNS: Column<Ticket>[] = [
  { title: 'Reference', width: 'minmax(90px, 1fr)', cell: (each) => <Foreign text={each.reference} /> },
  { title: 'State', width: '100px', cell: (each) => <Badge tone={STATES[each.state]}>{each.state}</Badge> },
  { title: 'What is changed', width: 'minmax(140px, 2fr)', cell: (each) => <Foreign text={each.summary || patternWords(each.pattern)} /> },
  { title: 'Begins', width: '112px', cell: (each) => <Time at={each.begins_at} /> },
  { title: 'Ends', width: '112px', cell: (each) => <Time at={each.ended_at ?? each.ends_at} /> },
  { title: 'Alerts', width: '60px', cell: (each) => <span className="number">{each.matched.toLocaleString('en')}</span> },
];

export default function Tickets() {
  const [parameters, change] = useQueryState();
  const isAll = parameters.get('all') === '1';
  const { items, error, isFirst, ...place } = useLongList(['tickets', isAll], (after) =>
    take(api.GET('/v1/tickets', { params: { query: { limit: PAGE, after, is_over: isAll ? undefined : false } } })),
  );
  const id = parameters.get('id') ?? items[0]?.ticket_id ?? '';
  return (
    <Page
      title="Tickets"
      about="changes that were announced: their alerts are kept, and raised to nobody"
      actions={
        <>
          <Announce onDone={(ticket) => change({ id: ticket })} />
          <CopyAs way={{ cli: ['ticket', 'list'], options: isAll ? ['--every'] : [], path: `/v1/tickets${isAll ? '' : '?is_over=false'}` }} />
        </>
      }
    >
      <div className="row-of chips" role="group" aria-label="Which">
        <ToggleButton className="chip" isSelected={isAll} onChange={(isOn) => change({ all: isOn ? '1' : '', id: '' })}>
          also those that are over
        </ToggleButton>
      </div>
      <ProblemNote error={error} />
      <div className="split">
        <Table
          label="Tickets"
          columns={COLUMNS}
          items={items}
          keyOf={(each) => each.ticket_id}
          {...place}
          isLoading={isFirst}
          current={id}
          onCurrent={(each) => change({ id: each.ticket_id })}
          empty="No change is announced. Announce one before somebody works on a controller: what that brings about is put on record and wakes nobody."
        />
        {id && <Detail key={id} id={id} />}
      </div>
    </Page>
  );
}

function Detail({ id }: { id: string }) {
  const path = { path: { ticket_id: id } };
  const found = useQuery({
    queryKey: ['tickets', 'one', id],
    queryFn: () => take(api.GET('/v1/tickets/{ticket_id}', { params: path })),
    refetchInterval: 15_000,
  });
  const each = found.data;
  if (!each) return <ProblemNote error={found.error} />;
  return (
    <div className="explanation">
      <Card
        title={<Foreign text={each.reference} />}
        actions={<CopyAs way={{ cli: ['ticket', 'show'], names: [id], path: `/v1/tickets/${encodeURIComponent(id)}` }} />}
      >
        {each.summary && (
          <p>
            <Foreign text={each.summary} />
          </p>
        )}
        <dl className="facts">
          <dt>State</dt>
          <dd>
            <Badge tone={STATES[each.state]}>{each.state}</Badge>
          </dd>
          <dt>Authorizes</dt>
          <dd>
            <Foreign text={patternWords(each.pattern)} />
          </dd>
          <dt>Begins</dt>
          <dd>
            <Time at={each.begins_at} />
          </dd>
          <dt>Ends</dt>
          <dd>
            <Time at={each.ends_at} />
          </dd>
          <dt>Who does it</dt>
          <dd>
            <Foreign text={each.people.join(', ')} />
          </dd>
          <dt>Announced</dt>
          <dd>
            <Time at={each.created_at} /> by <Foreign text={byWhom(each.created_by)} />
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
        {each.state !== 'over' && (
          <Act
            label="End it now"
            title={`End ${each.reference} before its time?`}
            act={(reason) => take(api.POST('/v1/tickets/{ticket_id}/end', { params: path, body: { reason } }))}
          >
            <p>From now on it authorizes nothing more: what happens is loud.</p>
          </Act>
        )}
      </Card>
      <AlertsOf title="What it authorized" matched={each.matched} query={{ ticket_id: id }} to={link('/alerts', { ticket: id, stand: 'all' })} />
    </div>
  );
}

/** Announce a change. */
function Announce({ onDone }: { onDone: (ticket: string) => void }) {
  const [form, setForm] = useState({ reference: '', targets: '', sources: '', rules: '', people: '' });
  const [begins, setBegins] = useState(() => new Date(serverNow()).toISOString());
  const [ends, setEnds] = useState(() => new Date(serverNow() + HOURS * HOUR_MS).toISOString());
  const set = (name: keyof typeof form) => (text: string) => setForm({ ...form, [name]: text });
  const act = async (summary: string) => {
    const now = serverNow();
    const made = await take(
      api.POST('/v1/tickets', {
        body: {
          reference: form.reference.trim(),
          summary: summary.slice(0, 256),
          people: listed(form.people),
          pattern: { rules: listed(form.rules), sources: listed(form.sources), targets: listed(form.targets), keys: [], sites: [] },
          // A minute that has begun is now.
          begins_at: Math.abs(Date.parse(begins) - now) < 60_000 * 5 ? new Date(now).toISOString() : begins,
          ends_at: ends,
        },
      }),
    );
    onDone(made.ticket_id);
  };
  return (
    <Act
      label="Announce a change"
      kind="primary"
      title="Announce a change"
      needsReason
      startsAtReason={false}
      isReady={form.reference.trim() !== '' && listed(form.targets).length > 0 && begins !== '' && ends !== ''}
      act={act}
    >
      <p className="muted">What happened before it is judged alert by alert. Malware is never authorized.</p>
      <Field label="Reference, as it is called where it was approved" value={form.reference} onChange={set('reference')} isRequired autoFocus />
      <Field label="Addresses or networks of what is changed, by commas" value={form.targets} onChange={set('targets')} isRequired />
      <Field label="From where (any, if left empty)" value={form.sources} onChange={set('sources')} />
      <Field label="Kinds of alerts, such as ot.* (any, if left empty)" value={form.rules} onChange={set('rules')} />
      <Field label="Who does it, by commas" value={form.people} onChange={set('people')} />
      <div className="row-of">
        <Moment label="Begins" value={begins} onChange={setBegins} />
        <Moment label="Ends" value={ends} onChange={setEnds} />
      </div>
    </Act>
  );
}

function Field({ label, value, onChange, isRequired = false, autoFocus = false }: {
  label: string;
  value: string;
  onChange: (text: string) => void;
  isRequired?: boolean;
  autoFocus?: boolean;
}) {
  return (
    <TextField className="field" value={value} onChange={onChange} isRequired={isRequired} autoFocus={autoFocus}>
      <Label>{label}</Label>
      <Input className="input" maxLength={1024} spellCheck={false} />
    </TextField>
  );
}
