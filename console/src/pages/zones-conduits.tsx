// What may pass from zone to zone, who answers for it and until when; edited in the draft.
import { useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { api, take } from '../api/client';
import { useMay } from '../api/people';
import { useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { visible } from '../ui/text';
import { Badge, Card, Foreign, ProblemNote, Time } from '../ui/ui';
import { type Conduit, EXTERNAL, useConduits, useZones, type Zone } from './zones-queries';
import { serviceInWords, servicesInWords } from './zones-words';

const SERVICE = /^(tcp|udp|sctp)\/(\d{1,5})(?:-(\d{1,5}))?$|^icmp$/u;

export function Conduits({ which, zone = '' }: { which: string; zone?: string }) {
  const [parameters, change] = useQueryState();
  const conduits = useConduits(which);
  const items = (conduits.data ?? []).filter((each) => !zone || each.source === zone || each.target === zone);
  const chosen = items.find((each) => each.conduit_id === parameters.get('conduit')) ?? items[0];
  const columns: Column<Conduit>[] = [
    { title: 'From', width: 'minmax(120px, 2fr)', cell: (each) => <Foreign text={each.source_name} /> },
    { title: 'To', width: 'minmax(120px, 2fr)', cell: (each) => <Foreign text={each.target_name} /> },
    { title: 'Services', width: 'minmax(84px, 1fr)', cell: (each) => servicesInWords(each.services, 3) },
    { title: 'Operations', width: '84px', cell: (each) => (each.operations.length ? each.operations.join(', ') : <span className="muted">all</span>) },
    { title: 'Owner', width: '88px', cell: (each) => (each.owner ? <Foreign text={each.owner} /> : <Badge tone="warn">nobody</Badge>) },
    ...(items.some((each) => each.expires_at)
      ? [{ title: 'Ends', width: '84px', cell: (each: Conduit) => (each.expires_at ? <Time at={each.expires_at} /> : <span className="muted">–</span>) }]
      : []),
  ];
  return (
    <>
      <div className="row-of">
        <NewConduit which={which} zone={zone} />
        <CopyAs
          way={{ cli: ['conduit', 'list'], options: which === 'approved' ? [] : ['--plan', which], path: `/v1/conduits?plan=${which}` }}
        />
      </div>
      <ProblemNote error={conduits.error} />
      <div className="split">
        <Table
          label="Conduits"
          columns={columns}
          items={items}
          keyOf={(each) => each.conduit_id}
          isLoading={conduits.isPending}
          current={chosen?.conduit_id}
          onCurrent={(each) => change({ conduit: each.conduit_id })}
          empty="There is no conduit: nothing may pass between zones here."
        />
        {chosen && <Detail key={chosen.conduit_id} conduit={chosen} isDraft={which === 'draft'} />}
      </div>
    </>
  );
}

function Detail({ conduit, isDraft }: { conduit: Conduit; isDraft: boolean }) {
  const may = useMay();
  const way = { cli: ['conduit', 'show'], names: [conduit.conduit_id], path: `/v1/conduits/${encodeURIComponent(conduit.conduit_id)}` };
  return (
    <div className="explanation">
      <Card
        title={<Foreign text={`${conduit.source_name} → ${conduit.target_name}`} />}
        actions={<CopyAs way={way} />}
      >
        <dl className="facts">
          <dt>Services</dt>
          <dd>
            {conduit.services.map((each) => (
              <span key={serviceInWords(each)} className="row-of">
                <code>{serviceInWords(each)}</code> <Foreign text={each.protocol ?? ''} />
              </span>
            ))}
          </dd>
          <dt>Operations</dt>
          <dd>{conduit.operations.join(', ') || 'all'}</dd>
          <dt>Outside</dt>
          <dd>{conduit.source === EXTERNAL || conduit.target === EXTERNAL ? conduit.networks.join(', ') || 'anywhere' : '–'}</dd>
          <dt>Owner</dt>
          <dd>
            <Foreign text={conduit.owner} />
          </dd>
          <dt>Why</dt>
          <dd>
            <Foreign text={conduit.why} />
          </dd>
          <dt>Ends</dt>
          <dd>{conduit.expires_at ? <Time at={conduit.expires_at} /> : 'when somebody takes it away'}</dd>
          <dt>Seen</dt>
          <dd>{conduit.links ? `proposed from ${conduit.links.toLocaleString('en')} links` : 'added by a person'}</dd>
        </dl>
        {conduit.reasons.length > 0 && (
          <ul className="plain-list">
            {conduit.reasons.map((each) => (
              <li key={each}>
                <Foreign text={each} />
              </li>
            ))}
          </ul>
        )}
        {conduit.operations.length > 0 && (
          <p className="muted">Firewalls see ports, not operations: sensors watch for the others, and tell of them as drift.</p>
        )}
        <div className="row-of">
          <AnswerFor conduit={conduit} />
          <Act
            label="Take away"
            kind="danger"
            hasReason={false}
            isDisabled={!may('developPolicies')}
            title="Take this conduit out of the draft?"
            act={() => take(api.DELETE('/v1/conduits/{conduit_id}', { params: { path: { conduit_id: conduit.conduit_id } } }))}
          >
            <p>
              Nothing passes there once the draft is approved and enforced.
              {!isDraft && ' A draft is begun from the version in force if there is none.'}
            </p>
          </Act>
        </div>
      </Card>
    </div>
  );
}

function AnswerFor({ conduit }: { conduit: Conduit }) {
  const may = useMay();
  const [owner, setOwner] = useState(conduit.owner);
  const [why, setWhy] = useState(conduit.why);
  const [until, setUntil] = useState(conduit.expires_at?.slice(0, 10) ?? '');
  return (
    <Act
      label="Owner, why and end…"
      hasReason={false}
      isDisabled={!may('developPolicies')}
      title="Who answers for this conduit, and until when?"
      act={() =>
        take(
          api.PATCH('/v1/conduits/{conduit_id}', {
            params: { path: { conduit_id: conduit.conduit_id } },
            body: { owner: owner.trim(), why: why.trim(), expires_at: until ? `${until}T00:00:00Z` : null },
          }),
        )
      }
    >
      <p className="muted">It is changed in the draft.</p>
      <TextField className="field" value={owner} onChange={setOwner} autoFocus>
        <Label>Owner</Label>
        <Input className="input" maxLength={256} />
      </TextField>
      <TextField className="field" value={why} onChange={setWhy}>
        <Label>Why it is needed</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
      <TextField className="field" type="date" value={until} onChange={setUntil}>
        <Label>Ends at the beginning of this day (UTC); empty: it stays</Label>
        <Input className="input" />
      </TextField>
    </Act>
  );
}

function NewConduit({ which, zone }: { which: string; zone: string }) {
  const may = useMay();
  const zones = useZones(which);
  const [, change] = useQueryState();
  const [source, setSource] = useState(zone);
  const [target, setTarget] = useState('');
  const [services, setServices] = useState('');
  const [owner, setOwner] = useState('');
  const [why, setWhy] = useState('');
  const read = services.split(/[\s,]+/u).filter(Boolean);
  const isReady = source !== '' && target !== '' && source !== target && read.length > 0 && read.every((each) => SERVICE.test(each));
  return (
    <Act
      label="Add a conduit"
      hasReason={false}
      isReady={isReady}
      isDisabled={!may('developPolicies')}
      title="Add a conduit to the draft"
      act={() =>
        take(
          api.POST('/v1/conduits', {
            body: { source, target, services: read.map(serviceOf), operations: [], networks: [], owner: owner.trim(), why: why.trim() },
          }),
        )
      }
      onDone={() => change({ plan: 'draft' })}
    >
      <p className="muted">A draft is begun from the plan in force if there is none.</p>
      <Choose label="From the clients of" value={source} zones={zones.data ?? []} onChange={setSource} />
      <Choose label="To the servers of" value={target} zones={zones.data ?? []} onChange={setTarget} />
      <TextField className="field" value={services} onChange={setServices} isRequired>
        <Label>Services, such as tcp/502 udp/5000-5010 icmp</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
      <TextField className="field" value={owner} onChange={setOwner}>
        <Label>Owner</Label>
        <Input className="input" maxLength={256} />
      </TextField>
      <TextField className="field" value={why} onChange={setWhy}>
        <Label>Why it is needed</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
    </Act>
  );
}

function Choose({ label, value, zones, onChange }: { label: string; value: string; zones: Zone[]; onChange: (zone: string) => void }) {
  const id = `choose-${label.replaceAll(' ', '-').toLowerCase()}`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">choose…</option>
        <option value={EXTERNAL}>the outside</option>
        {zones.map((zone) => (
          <option key={zone.zone_id} value={zone.zone_id}>
            {visible(zone.name)}
          </option>
        ))}
      </select>
    </div>
  );
}

function serviceOf(text: string) {
  const match = SERVICE.exec(text);
  if (!match?.[1]) return { transport: 'icmp', port: 0, port_last: 0, protocol: '' };
  return { transport: match[1], port: Number(match[2]), port_last: Number(match[3] ?? 0), protocol: '' };
}

