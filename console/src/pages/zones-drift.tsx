// Traffic that the plan in force does not allow: who, what, how often; each can be allowed, or announced as a change.
import { useMemo, useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { useMay } from '../api/people';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Card, Empty, Foreign, ProblemNote, Time } from '../ui/ui';
import { type Plan, useViolations, useZones, type Violation } from './zones-queries';
import { conduitFor, mayBeAllowed, serviceInWords, verdictInWords } from './zones-words';

export function useZoneNames(which: string): (id: string) => string {
  const zones = useZones(which);
  const names = useMemo(() => new Map((zones.data ?? []).map((zone) => [zone.zone_id, zone.name])), [zones.data]);
  return (id) => names.get(id) ?? id;
}

export function Drift({ approved, zone = '' }: { approved: Plan | undefined; zone?: string }) {
  const [parameters, change] = useQueryState();
  const violations = useViolations();
  const nameOf = useZoneNames(approved ? 'approved' : '');
  const wanted = zone || (parameters.get('zone') ?? '');
  const all = violations.data ?? [];
  const items = all
    .filter((each) => !wanted || each.source === wanted || each.target === wanted)
    .sort((one, other) => other.last_at.localeCompare(one.last_at));
  const chosen = items.find((each) => each.violation_id === parameters.get('violation')) ?? items[0];
  if (!approved) return <Empty>Drift is looked for once a plan is in force.</Empty>;
  const columns: Column<Violation>[] = [
    { title: 'From', width: 'minmax(110px, 1.5fr)', cell: (each) => <End zone={nameOf(each.source)} address={each.client_address} /> },
    { title: 'To', width: 'minmax(110px, 1.5fr)', cell: (each) => <End zone={nameOf(each.target)} address={each.server_address} /> },
    { title: 'Service', width: '110px', cell: (each) => <code>{serviceInWords({ ...each, port_last: 0 })}</code> },
    { title: 'What is wrong', width: 'minmax(120px, 1.4fr)', cell: (each) => verdictInWords(each.verdict) },
    { title: 'Flows', width: '64px', cell: (each) => <span className="number">{each.flows.toLocaleString('en')}</span> },
    { title: 'Last', width: '110px', cell: (each) => <Time at={each.last_at} /> },
  ];
  return (
    <>
      <div className="row-of">
        <span className="muted">
          {all.length === 0
            ? 'New links are compared every 20 seconds, all of them now and then, soon after an approval and at least once an hour.'
            : `${all.length.toLocaleString('en')} ${all.length === 1 ? 'violation' : 'violations'} of version ${approved.number}.`}
        </span>
        {!zone && wanted && <Link href={link('/zones', { tab: 'drift' })}>Of all zones</Link>}
        <CopyAs way={{ cli: ['segment', 'drift'], path: '/v1/segmentation/violations' }} />
      </div>
      <ProblemNote error={violations.error} />
      <div className="split">
        <Table
          label="Violations"
          columns={columns}
          items={items}
          keyOf={(each) => each.violation_id}
          isLoading={violations.isPending}
          current={chosen?.violation_id}
          onCurrent={(each) => change({ violation: each.violation_id })}
          empty="Nothing that was seen breaks the plan."
        />
        {chosen && <Detail key={chosen.violation_id} violation={chosen} nameOf={nameOf} />}
      </div>
    </>
  );
}

function End({ zone, address }: { zone: string; address: string }) {
  return (
    <>
      {address}{' '}
      <span className="muted">
        <Foreign text={zone} />
      </span>
    </>
  );
}

function Asset({ id, address }: { id: string; address: string }) {
  if (!id) return <Foreign text={address} />;
  return (
    <Link href={`/assets/${encodeURIComponent(id)}`}>
      <Foreign text={address} />
    </Link>
  );
}

function Detail({ violation, nameOf }: { violation: Violation; nameOf: (id: string) => string }) {
  return (
    <div className="explanation">
      <Card title={verdictInWords(violation.verdict)}>
        <dl className="facts">
          <dt>From</dt>
          <dd>
            <Asset id={violation.client} address={violation.client_address} /> in <Foreign text={nameOf(violation.source)} />
          </dd>
          <dt>To</dt>
          <dd>
            <Asset id={violation.server} address={violation.server_address} /> in <Foreign text={nameOf(violation.target)} />
          </dd>
          <dt>Service</dt>
          <dd>
            <code>{serviceInWords({ ...violation, port_last: 0 })}</code> <Foreign text={violation.protocol} />
          </dd>
          <dt>Operations</dt>
          <dd>{violation.operations.join(', ') || '–'}</dd>
          <dt>Seen</dt>
          <dd>
            {violation.flows.toLocaleString('en')} flows, first <Time at={violation.first_at} />, last <Time at={violation.last_at} />
          </dd>
          <dt>Why</dt>
          <dd>
            <Foreign text={violation.reason} />
          </dd>
        </dl>
        <div className="row-of">
          <Allow violation={violation} nameOf={nameOf} />
          <Announce violation={violation} />
        </div>
        <p className="muted">
          If it is neither, find out who did it: what was raised about the server stands under{' '}
          <Link href={link('/alerts', { asset: violation.server || violation.client })}>Alerts</Link>.
        </p>
      </Card>
    </div>
  );
}

/** Allow it by a conduit of the draft, for exactly this service and what was asked there. */
function Allow({ violation, nameOf }: { violation: Violation; nameOf: (id: string) => string }) {
  const may = useMay();
  const [, change] = useQueryState();
  const [owner, setOwner] = useState('');
  const [why, setWhy] = useState('');
  const body = { ...conduitFor(violation), networks: [], owner: owner.trim(), why: why.trim() };
  return (
    <Act
      label="Allow by a conduit…"
      kind="primary"
      hasReason={false}
      isReady={owner.trim() !== '' && why.trim() !== ''}
      isDisabled={!may('developPolicies') || !mayBeAllowed(violation)}
      title="Allow this by a conduit of the draft?"
      act={() => take(api.POST('/v1/conduits', { body }))}
      onDone={() => change({ plan: 'draft', tab: 'review' })}
    >
      <p>
        <Foreign text={nameOf(violation.source)} /> may then ask <code>{body.services.map(serviceInWords).join(', ')}</code> of{' '}
        <Foreign text={nameOf(violation.target)} />
        {body.operations.length > 0 && <>, for {body.operations.join(', ')} only</>}. It counts once a person approves the draft.
      </p>
      <TextField className="field" value={owner} onChange={setOwner} isRequired autoFocus>
        <Label>Who answers for it</Label>
        <Input className="input" maxLength={256} />
      </TextField>
      <TextField className="field" value={why} onChange={setWhy} isRequired>
        <Label>Why it is needed</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
    </Act>
  );
}

const HOUR_MS = 3_600_000;

/** Open a ticket for the work that it comes from: alerts about it are kept, and raised to nobody while it runs. */
function Announce({ violation }: { violation: Violation }) {
  const may = useMay();
  const [reference, setReference] = useState('');
  const [hours, setHours] = useState('8');
  const length = Number(hours);
  return (
    <Act
      label="Open a ticket…"
      hasReason={false}
      isReady={reference.trim() !== '' && length >= 1 && length <= 24 * 92}
      isDisabled={!may('respond')}
      title="Open a ticket for the work that this comes from?"
      act={() => {
        const now = Date.now();
        return take(
          api.POST('/v1/tickets', {
            body: {
              reference: reference.trim(),
              summary: `${violation.client_address} to ${violation.server_address}`,
              people: [],
              pattern: { sources: [violation.client_address], targets: [violation.server_address] },
              begins_at: new Date(now).toISOString(),
              ends_at: new Date(now + length * HOUR_MS).toISOString(),
            },
          }),
        );
      }}
    >
      <p>
        Alerts about <Foreign text={violation.client_address} /> at <Foreign text={violation.server_address} /> are kept meanwhile, and
        raised to nobody. The violation stays on this list.
      </p>
      <TextField className="field" value={reference} onChange={setReference} isRequired autoFocus>
        <Label>What the change is called where it was approved, such as CHG-1042</Label>
        <Input className="input" maxLength={256} />
      </TextField>
      <TextField className="field" type="number" value={hours} onChange={setHours} isRequired>
        <Label>For how many hours, from now</Label>
        <Input className="input" min={1} max={2208} />
      </TextField>
    </Act>
  );
}

