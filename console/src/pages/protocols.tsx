// The protocol catalogue: what is spoken here, by how many, about what, and what anybody could read.
import { Link } from 'wouter';
import type { Schemas } from '../api/client';
import { link, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { visible } from '../ui/text';
import { Badge, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { useProtocols } from './network-links';
import { Kind, Marks } from './network-parts';
import { bytesInWords, many } from './network-words';

type Protocol = Schemas['ProtocolView'];

const FAMILIES: Record<Protocol['family'], string> = { ot: 'plant', iot: 'things', it: 'office', '': 'unknown' };

const COLUMNS: Column<Protocol>[] = [
  { title: 'Protocol', width: 'minmax(96px, 2fr)', cell: (each) => each.title ? <Foreign text={each.title} /> : <span className="muted">not recognized</span> },
  {
    title: 'Certainty',
    width: '84px',
    cell: (each) => each.certainty ? visible(each.certainty) : <span className="muted">–</span>,
  },
  { title: 'Of', width: '56px', cell: (each) => FAMILIES[each.family] },
  { title: 'Assets', width: '52px', cell: (each) => <span className="number">{each.assets.toLocaleString('en')}</span> },
  { title: 'Links', width: '48px', cell: (each) => <span className="number">{each.links.toLocaleString('en')}</span> },
  { title: 'Marks', width: 'minmax(96px, 1fr)', cell: (each) => <Marks protocol={each} /> },
  { title: 'Seen', width: '104px', cell: (each) => <Time at={each.last_at} /> },
];

export default function Protocols() {
  const [parameters, change] = useQueryState();
  const found = useProtocols('');
  const items = found.data ?? [];
  const wanted = parameters.get('protocol');
  const chosen = items.find((each) => each.protocol === wanted) ?? items[0];
  const spoken = items.filter((each) => each.certainty !== 'guess');
  const guessed = items.length - spoken.length;
  const flagged = spoken.filter((each) => each.clear_text || each.legacy).length;
  return (
    <Page
      title="Protocols"
      about={found.data && `${spoken.length} spoken, ${flagged} of them in clear text or legacy${guessed ? `; ${guessed} guessed by a port alone` : ''}`}
      actions={<CopyAs way={{ cli: ['link', 'protocols'], path: '/v1/network-protocols' }} />}
    >
      <ProblemNote error={found.error} />
      <div className="split">
        <Table
          label="Protocols"
          columns={COLUMNS}
          items={items}
          keyOf={(each) => each.protocol}
          isLoading={found.isLoading}
          onCurrent={(each) => change({ protocol: each.protocol })}
          current={chosen?.protocol}
          empty={
            <>
              Nothing was heard yet. <Link href="/sensors">Set up a sensor</Link>.
            </>
          }
        />
        {chosen && <Detail protocol={chosen} />}
      </div>
    </Page>
  );
}

function Detail({ protocol: each }: { protocol: Protocol }) {
  const to = (more: Record<string, string> = {}) => link('/network-links', { protocol: each.protocol, ...more });
  return (
    <div className="explanation">
      <Card title={visible(each.title || 'Not recognized')} actions={<Link href={to()}>Its links</Link>}>
        <Marks protocol={each} />
        <dl className="facts">
          <dt>Certainty</dt>
          <dd>{each.certainty ? visible(each.certainty) : <span className="muted">unknown</span>}</dd>
          <dt>Over</dt>
          <dd>
            <Foreign text={each.transports.join(', ')} />
          </dd>
          {each.clear_text && (
            <>
              <dt>Clear text</dt>
              <dd>{each.clear_text}</dd>
            </>
          )}
          {each.legacy && (
            <>
              <dt>Legacy</dt>
              <dd>{each.legacy}</dd>
            </>
          )}
          <dt>Spoken by</dt>
          <dd>
            {many(each.assets, 'asset')} on <Link href={to()}>{many(each.links, 'link')}</Link>
          </dd>
          <dt>Leaving the network</dt>
          <dd>{each.external ? <Link href={to({ external: 'yes' })}>{many(each.external, 'link')}</Link> : 'none'}</dd>
          <dt>Seen</dt>
          <dd>
            {many(each.flows, 'flow')}, {many(each.packets, 'packet')}, {bytesInWords(each.bytes)}
          </dd>
          <dt>First</dt>
          <dd>
            <Time at={each.first_at} />
          </dd>
        </dl>
      </Card>
      <Card title="What was asked in it">
        {each.kinds.length === 0 && <Empty>It is recognized, not read: no operations are known of it.</Empty>}
        <ul className="plain">
          {each.kinds.map(({ kind, times }) => (
            <li key={kind} className="line">
              <Kind kind={kind} />
              <Link href={to({ view: 'operations', kind })}>{many(times, 'time')}</Link>
            </li>
          ))}
        </ul>
        {each.failures > 0 && (
          <p>
            <Badge tone="warn">{each.failures.toLocaleString('en')} refused</Badge>
          </p>
        )}
      </Card>
    </div>
  );
}
