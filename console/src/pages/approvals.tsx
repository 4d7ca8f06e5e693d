// Acts that wait for another person: what was asked for, by whom, and a decision.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useMay, useNameOf, useRights } from '../api/people';
import { useSession } from '../api/session';
import { useQueryState } from '../app/url';
import { Code } from '../ui/code';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Card, Foreign, Page, ProblemNote, Time, type Tone } from '../ui/ui';
import { actionInWords } from './roles-words';

type Approval = Schemas['WaitingActView'];

const LIVE_MS = 5_000;
const TONES: Record<Approval['state'], Tone> = {
  waiting: 'warn',
  approved: 'good',
  refused: 'bad',
  used: 'plain',
  expired: 'plain',
};
const STATES: Record<Approval['state'], string> = {
  waiting: 'waits',
  approved: 'approved',
  refused: 'refused',
  used: 'approved and done',
  expired: 'too late',
};

export default function Approvals() {
  const [parameters, change] = useQueryState();
  const session = useSession();
  const rights = useRights();
  const isOpen = parameters.get('show') !== 'decided';
  const key = ['approvals', isOpen] as const;
  const approvals = useLongList<Approval>(key, (after) =>
    take(api.GET('/v1/approvals', { params: { query: { limit: 200, after, is_open: isOpen } } })),
  );
  const queries = useQueryClient();
  useEffect(() => {
    const timer = setInterval(() => void queries.invalidateQueries({ queryKey: ['approvals'] }), LIVE_MS);
    return () => clearInterval(timer);
  }, [queries]);
  const isMine = (each: Approval) => each.asked_by === session.data?.actor_id;
  const columns: Column<Approval>[] = [
    { title: 'Act', width: 'minmax(140px, 1.4fr)', cell: (each) => actionInWords(each.action) },
    {
      title: 'Asked by',
      width: 'minmax(110px, 1fr)',
      cell: (each) => (
        <>
          <Foreign text={each.asked_by_name || each.asked_by} /> {isMine(each) && <Badge tone="info">you</Badge>}
        </>
      ),
    },
    { title: 'Asked', width: '120px', cell: (each) => <Time at={each.asked_at} /> },
    { title: 'State', width: '160px', cell: (each) => <Badge tone={TONES[each.state]}>{STATES[each.state]}</Badge> },
  ];
  const items = approvals.items;
  const chosen = items.find((each) => each.approval_id === parameters.get('id')) ?? items[0];
  const asking = rights.data?.second_approver ?? [];
  return (
    <Page
      title="Approvals"
      about={isOpen ? 'acts that wait for another person' : 'acts that waited for another person'}
      actions={
        <>
          <select
            className="input"
            aria-label="Which acts"
            value={isOpen ? 'open' : 'decided'}
            onChange={(event) => change({ show: event.target.value === 'decided' ? 'decided' : '', id: '' })}
          >
            <option value="open">that wait</option>
            <option value="decided">decided or over</option>
          </select>
          <CopyAs
            way={{
              cli: isOpen ? ['approval', 'list', '--open'] : ['approval', 'list'],
              path: isOpen ? '/v1/approvals?is_open=true' : '/v1/approvals',
            }}
          />
        </>
      }
    >
      <ProblemNote error={approvals.error} />
      {rights.data && (
        <p className="muted flat">
          {asking.length
            ? `Two people are asked for here to ${asking.map(actionInWords).join(', and to ')}.`
            : 'Nothing asks for two people here. access.second_approver in the configuration names the acts that do.'}
        </p>
      )}
      <div className="split">
        <Table
          label="Acts"
          columns={columns}
          items={items}
          offset={approvals.offset}
          keyOf={(each) => each.approval_id}
          hasMore={approvals.hasMore}
          isLoading={approvals.isFirst}
          onMore={approvals.onMore}
          onBefore={approvals.onBefore}
          onCurrent={(each) => change({ id: each.approval_id })}
          current={chosen?.approval_id}
          empty={isOpen ? 'Nothing waits.' : 'Nothing was decided yet.'}
        />
        {chosen && <Detail key={chosen.approval_id} approval={chosen} isMine={isMine(chosen)} />}
      </div>
    </Page>
  );
}

function Detail({ approval, isMine }: { approval: Approval; isMine: boolean }) {
  const nameOf = useNameOf();
  return (
    <div className="explanation">
      <Card
        title={actionInWords(approval.action)}
        actions={
          <>
            <Badge tone={TONES[approval.state]}>{STATES[approval.state]}</Badge>
            <CopyAs
              way={{
                cli: ['approval', 'show'],
                names: [approval.approval_id],
                path: `/v1/approvals/${encodeURIComponent(approval.approval_id)}`,
              }}
            />
          </>
        }
      >
        <dl className="facts">
          <dt>Asked by</dt>
          <dd>
            <Foreign text={approval.asked_by_name || approval.asked_by} />, <Time at={approval.asked_at} />
          </dd>
          <dt>Request</dt>
          <dd>
            <Foreign text={`${approval.method} ${approval.path}`} mono />
          </dd>
          <dt>{approval.decided_at ? 'Decided' : 'Good until'}</dt>
          <dd>
            <Time at={approval.decided_at ?? approval.expires_at} />
            {approval.decided_at && (
              <>
                {' '}
                by <Foreign text={nameOf(approval.decided_by)} />
              </>
            )}
          </dd>
          {approval.note && (
            <>
              <dt>Said to it</dt>
              <dd>
                <Foreign text={approval.note} />
              </dd>
            </>
          )}
        </dl>
        {approval.body && <Code label="What was sent; what may be secret is hidden" text={inLines(approval.body)} />}
        {approval.state === 'waiting' && <Decide approval={approval} isMine={isMine} />}
        {approval.state === 'approved' && (
          <p className="note good">
            {isMine
              ? 'Now do the same once more, exactly as before: it is let through once.'
              : 'Whoever asked now does the same once more, exactly as before.'}
          </p>
        )}
      </Card>
    </div>
  );
}

function inLines(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function Decide({ approval, isMine }: { approval: Approval; isMine: boolean }) {
  const [note, setNote] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [isWorking, setWorking] = useState(false);
  const queries = useQueryClient();
  const may = useMay();
  const decide = (path: '/v1/approvals/{approval_id}/approve' | '/v1/approvals/{approval_id}/refuse') => {
    setWorking(true);
    setError(null);
    take(api.POST(path, { params: { path: { approval_id: approval.approval_id } }, body: { note } }))
      .then(() => queries.invalidateQueries({ queryKey: ['approvals'] }))
      .catch(setError)
      .finally(() => setWorking(false));
  };
  const mayDecide = may(approval.action);
  if (!isMine && !mayDecide)
    return <p className="note">Somebody decides who may {actionInWords(approval.action)}; your roles do not give that.</p>;
  return (
    <div className="stack">
      {isMine && (
        <p className="note">
          You asked for it, so somebody else has to approve: two people see more than one, and one stolen login is not
          enough. You can take it back.
        </p>
      )}
      <TextField className="field" value={note} onChange={setNote}>
        <Label>What you say to it (optional), for the record</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
      <ProblemNote error={error} />
      <span className="row-of">
        {!isMine && (
          <Button kind="primary" isDisabled={isWorking} onPress={() => decide('/v1/approvals/{approval_id}/approve')}>
            Approve
          </Button>
        )}
        <Button kind="danger" isDisabled={isWorking} onPress={() => decide('/v1/approvals/{approval_id}/refuse')}>
          {isMine ? 'Take it back' : 'Refuse'}
        </Button>
      </span>
    </div>
  );
}
