// What is wrong with an asset: open alerts, vulnerabilities; and what people did with it.
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { link } from '../app/url';
import { visible } from '../ui/text';
import { Badge, Card, Empty, Foreign, ProblemNote, Time, type Tone } from '../ui/ui';
import { EntryLine } from './entry-line';

type Asset = Schemas['AssetView'];

const SHOWN = 20;
const SEVERITIES: Record<string, Tone> = { critical: 'bad', high: 'bad', medium: 'warn', low: 'plain', informational: 'plain' };

export function RiskOf({ asset }: { asset: Asset }) {
  return (
    <div className="columns">
      <Alerts asset={asset} />
      <Vulnerabilities asset={asset} />
    </div>
  );
}

function Alerts({ asset }: { asset: Asset }) {
  const id = asset.asset_id;
  const found = useQuery({
    queryKey: ['alerts', 'of-asset', id],
    queryFn: () =>
      take(api.GET('/v1/alerts', { params: { query: { asset_id: id, is_loud: true, state: ['open', 'acknowledged'], limit: SHOWN } } })),
  });
  const items = found.data?.items ?? [];
  return (
    <Card title="Open alerts" actions={<Link href={link('/alerts', { asset: id })}>All alerts about it</Link>}>
      <ProblemNote error={found.error} />
      {found.data && items.length === 0 && <Empty>None is open.</Empty>}
      <ul className="plain">
        {items.map((each) => (
          <li key={each.alert_id} className="line">
            <span>
              <Badge tone={SEVERITIES[each.severity] ?? 'plain'}>{visible(each.severity)}</Badge>{' '}
              <Link href={`/alerts/${encodeURIComponent(each.alert_id)}`}>
                <Foreign text={each.title} />
              </Link>
              <div className="muted">
                <Time at={each.last_at} />
                {each.times > 1 && `, ${each.times.toLocaleString('en')} times`}, {visible(each.technique)}
              </div>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Vulnerabilities({ asset }: { asset: Asset }) {
  const id = asset.asset_id;
  const exposure = useQuery({
    queryKey: ['exposure', id],
    queryFn: () => take(api.GET('/v1/exposures', { params: { query: { asset_id: id } } })),
  });
  const found = useQuery({
    queryKey: ['vulnerabilities', 'of-asset', id],
    queryFn: () => take(api.GET('/v1/vulnerabilities', { params: { query: { asset_id: id, limit: SHOWN } } })),
  });
  const items = found.data?.items ?? [];
  const sum = exposure.data?.items[0];
  return (
    <Card title="Vulnerabilities" actions={<Link href={link('/vulnerabilities', { asset_id: id })}>All of it</Link>}>
      <ProblemNote error={found.error} />
      {sum && (
        <p>
          <Badge tone={sum.proven ? 'bad' : 'plain'}>{sum.proven} proven</Badge>{' '}
          <Badge tone={sum.maybe ? 'warn' : 'plain'}>{sum.maybe} maybe</Badge>
          {sum.unknown_reason && (
            <span className="muted">
              {' '}
              Whether there are more cannot be told: <Foreign text={sum.unknown_reason} />
            </span>
          )}
        </p>
      )}
      {exposure.data && !sum && <p className="muted">It was not compared with advisories yet.</p>}
      {found.data && items.length === 0 && <Empty>None is known from the advisories that were imported.</Empty>}
      <ul className="plain">
        {items.map((each) => (
          <li key={each.name} className="line">
            <span>
              <Badge tone={each.certainty === 'proven' ? 'bad' : 'warn'}>{visible(each.certainty)}</Badge> <Foreign text={each.name} />
              <div className="muted">
                <Foreign text={each.title} />
              </div>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function HistoryOf({ asset }: { asset: Asset }) {
  const id = asset.asset_id;
  const found = useQuery({
    queryKey: ['ledger', 'of-asset', id],
    queryFn: () => take(api.GET('/v1/ledger/entries', { params: { query: { target: id, limit: 100 } } })),
  });
  const items = [...(found.data?.items ?? [])].reverse();
  return (
    <Card title="What people did with it" actions={<Link href="/ledger">The whole ledger</Link>}>
      <ProblemNote error={found.error} />
      {found.data && items.length === 0 && <Empty>Nobody has said anything of it yet.</Empty>}
      <ul className="plain">
        {items.map((entry) => (
          <EntryLine key={entry.position} entry={entry} />
        ))}
      </ul>
    </Card>
  );
}
