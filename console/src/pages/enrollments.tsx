// Enrollments: who may come by themselves, who waits for a decision, and who came.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';

type Enrollment = Schemas['EnrollmentView'];
type Waiting = Schemas['PendingRegistrationView'];

const AGAIN: Record<string, string> = {
  keep: 'its twin stays as it is',
  reset: 'its twin becomes as at first',
  never: 'it is told what it is, and receives nothing new',
};

const COLUMNS: Column<Enrollment>[] = [
  { title: 'Enrollment', width: 'minmax(160px, 1fr)', cell: (each) => <Foreign text={each.name} /> },
  { title: 'Kind', width: '100px', cell: (each) => each.kind },
  {
    title: 'State',
    width: '170px',
    cell: (each) =>
      !each.is_enabled ? <Badge tone="bad">closed</Badge> : each.is_flagged ? <Badge tone="warn">weak credential</Badge> : <Badge tone="good">open</Badge>,
  },
];

export default function Enrollments() {
  const [parameters, change] = useQueryState();
  const list = useQuery({
    queryKey: ['enrollments'],
    queryFn: () => take(api.GET('/v1/enrollments', { params: { query: { limit: 500 } } })),
  });
  const items = list.data?.items ?? [];
  const chosen = items.find((each) => each.enrollment_id === parameters.get('id')) ?? items[0];
  return (
    <Page
      title="Enrollments"
      about="who may come by themselves"
      actions={
        <>
          <Open />
          <CopyAs way={{ cli: ['enrollment', 'list'], path: '/v1/enrollments' }} />
        </>
      }
    >
      <ProblemNote error={list.error} />
      <Pending />
      <div className="split">
        <Table
          label="Enrollments"
          columns={COLUMNS}
          items={items}
          keyOf={(each) => each.enrollment_id}
          isLoading={list.isLoading}
          onCurrent={(each) => change({ id: each.enrollment_id })}
          empty={
            <>
              No enrollment is open. First <Link href="/authorities">register the authority</Link> of your devices' maker.
            </>
          }
        />
        {chosen && <Detail key={chosen.enrollment_id} enrollment={chosen} />}
      </div>
    </Page>
  );
}

function Pending() {
  const waiting = useQuery({
    queryKey: ['pending'],
    queryFn: () => take(api.GET('/v1/pending-registrations', { params: { query: { limit: 100 } } })),
    refetchInterval: 3_000,
  });
  const items = (waiting.data?.items ?? []).filter((each) => each.state === 'pending');
  if (items.length === 0) return <ProblemNote error={waiting.error} />;
  return (
    <Card title={`Waiting for you (${items.length})`}>
      <ul className="plain">
        {items.map((each) => (
          <Applicant key={each.registration_id} waiting={each} />
        ))}
      </ul>
    </Card>
  );
}

function Applicant({ waiting }: { waiting: Waiting }) {
  const path = { path: { registration_id: waiting.registration_id } };
  return (
    <li className="line">
      <span>
        <strong>
          <Foreign text={waiting.registration_id} />
        </strong>{' '}
        by <Foreign text={waiting.enrollment_name} />
        <div className="muted">
          <Foreign text={waiting.subject} />, issued by <Foreign text={waiting.issuer} />, from <Foreign text={waiting.remote_address} mono />,{' '}
          <Time at={waiting.requested_at} />; it waits until <Time at={waiting.expires_at} />
        </div>
        {waiting.payload && (
          <div className="muted">
            It says: <Foreign text={waiting.payload} mono />
          </div>
        )}
      </span>
      <span className="row-of">
        <Act
          label="Let it in"
          kind="primary"
          title={`Let ${waiting.registration_id} in?`}
          act={(reason) =>
            take(
              api.POST('/v1/pending-registrations/{registration_id}/approve', {
                params: path,
                body: { reason, binding_sha256: waiting.binding_sha256 },
              }),
            )
          }
        >
          <p>It receives a certificate for exactly the key and the request that were shown.</p>
        </Act>
        <Act
          label="Turn it away"
          kind="danger"
          needsReason
          title={`Turn ${waiting.registration_id} away?`}
          act={(reason) =>
            take(
              api.POST('/v1/pending-registrations/{registration_id}/reject', {
                params: path,
                body: { reason, binding_sha256: waiting.binding_sha256 },
              }),
            )
          }
        >
          <p>The device is told no.</p>
        </Act>
      </span>
    </li>
  );
}

function Detail({ enrollment }: { enrollment: Enrollment }) {
  const path = { path: { enrollment_id: enrollment.enrollment_id } };
  const registrations = useQuery({
    queryKey: ['registrations', enrollment.enrollment_id],
    queryFn: () =>
      take(api.GET('/v1/enrollments/{enrollment_id}/registrations', { params: { ...path, query: { limit: 100 } } })),
    refetchInterval: 5_000,
  });
  const initial = enrollment.initial;
  return (
    <div className="explanation">
      <Card title={<Foreign text={enrollment.name} />}>
        <dl className="facts">
          <dt>Proves itself by</dt>
          <dd>{enrollment.attestation === 'x509' ? 'a factory certificate' : 'a symmetric key'}</dd>
          <dt>Receives</dt>
          <dd>{enrollment.credential === 'issue' ? 'a certificate of ours' : 'nothing: goes on with what it came with'}</dd>
          {enrollment.authority_id && (
            <>
              <dt>Vouched for by</dt>
              <dd>
                <Link href="/authorities">a registered authority</Link>
              </dd>
            </>
          )}
          <dt>Device ids</dt>
          <dd>
            <Foreign text={enrollment.kind === 'group' ? enrollment.id_pattern : enrollment.registration_id} mono />
          </dd>
          <dt>Approval</dt>
          <dd>{enrollment.approval === 'required' ? 'somebody looks at each device' : 'none: whoever proves itself is in'}</dd>
          <dt>Comes again</dt>
          <dd>{AGAIN[enrollment.reprovision_policy] ?? enrollment.reprovision_policy}</dd>
          <dt>Placed at</dt>
          <dd>
            <Foreign text={[initial.site, initial.zone].filter(Boolean).join(', ')} />
          </dd>
          {enrollment.symmetric_key_until && (
            <>
              <dt>Ends</dt>
              <dd>
                <Time at={enrollment.symmetric_key_until} />
              </dd>
            </>
          )}
        </dl>
        <div className="row-of">
          {enrollment.is_enabled ? (
            <Act
              label="Close it"
              kind="danger"
              needsReason
              title={`Close ${enrollment.name}?`}
              act={(reason) => take(api.POST('/v1/enrollments/{enrollment_id}/disable', { params: path, body: { reason } }))}
            >
              <p>Nobody comes by it any more; whoever came stays.</p>
            </Act>
          ) : (
            <Act
              label="Open again"
              kind="primary"
              title={`Open ${enrollment.name} again?`}
              act={(reason) => take(api.POST('/v1/enrollments/{enrollment_id}/enable', { params: path, body: { reason } }))}
            />
          )}
          <CopyAs way={{ cli: ['enrollment', 'show', enrollment.enrollment_id], path: `/v1/enrollments/${enrollment.enrollment_id}` }} />
        </div>
      </Card>
      <Card title="Who came by it">
        <ProblemNote error={registrations.error} />
        {registrations.data?.items.length === 0 && <Empty>Nobody yet.</Empty>}
        <ul className="plain">
          {(registrations.data?.items ?? []).map((each) => (
            <li key={each.registration_id}>
              <Link href={`/devices/${encodeURIComponent(each.device_id)}`}>
                <Foreign text={each.device_id} />
              </Link>
            </li>
          ))}
        </ul>
      </Card>
    </div>
  );
}

function Open() {
  const [name, setName] = useState('');
  const [authority, setAuthority] = useState('');
  const [pattern, setPattern] = useState('*');
  const [site, setSite] = useState('');
  const [isAsked, setAsked] = useState(false);
  const queries = useQueryClient();
  const authorities = useQuery({
    queryKey: ['authorities'],
    queryFn: () => take(api.GET('/v1/authorities', { params: { query: { limit: 500 } } })),
  });
  const usable = (authorities.data?.items ?? []).filter((each) => each.state === 'verified');
  const body: Schemas['NewEnrollmentView'] = {
    name,
    kind: 'group',
    authority_id: authority || usable[0]?.authority_id,
    id_pattern: pattern,
    approval: isAsked ? 'required' : 'none',
    initial: { site: site || null },
  };
  const creating = useMutation({
    mutationFn: () => take(api.POST('/v1/enrollments', { body })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['enrollments'] }),
  });
  return (
    <DialogTrigger onOpenChange={() => creating.reset()}>
      <Button kind="primary">Open an enrollment</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <Form
                onSubmit={(event) => {
                  event.preventDefault();
                  creating.mutate(undefined, { onSuccess: close });
                }}
              >
                <Heading slot="title">Open an enrollment for a maker's devices</Heading>
                {usable.length === 0 && (
                  <p className="note warn">
                    No authority is verified. <Link href="/authorities">Register the maker's first</Link>.
                  </p>
                )}
                <TextField className="field" value={name} onChange={setName} isRequired autoFocus>
                  <Label>Name</Label>
                  <Input className="input" maxLength={128} />
                </TextField>
                <div className="field">
                  <label htmlFor="enrollment-authority">Authority that vouches for them</label>
                  <select id="enrollment-authority" className="input" value={authority} onChange={(event) => setAuthority(event.target.value)}>
                    {usable.map((each) => (
                      <option key={each.authority_id} value={each.authority_id}>
                        {each.name}
                      </option>
                    ))}
                  </select>
                </div>
                <TextField className="field" value={pattern} onChange={setPattern} isRequired>
                  <Label>Registration ids; * stands for any characters</Label>
                  <Input className="input" maxLength={128} />
                </TextField>
                <TextField className="field" value={site} onChange={setSite}>
                  <Label>Site they are placed at</Label>
                  <Input className="input" maxLength={128} />
                </TextField>
                <label className="row-of">
                  <input type="checkbox" checked={isAsked} onChange={(event) => setAsked(event.target.checked)} /> Ask me about each device
                </label>
                <ProblemNote error={creating.error} />
                <footer>
                  <CopyAs way={{ method: 'POST', path: '/v1/enrollments', body }} />
                  <Button onPress={close}>Cancel</Button>
                  <Button type="submit" kind="primary" isDisabled={creating.isPending || usable.length === 0}>
                    Open
                  </Button>
                </footer>
              </Form>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}
