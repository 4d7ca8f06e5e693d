// What was decided about the device and what was done with it.
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { link } from '../app/url';
import { CopyAs } from '../ui/copy';
import { Badge, Card, Empty, Foreign, ProblemNote, Time } from '../ui/ui';
import { EntryLine } from './entry-line';

export function RecordOf({ device }: { device: string }) {
  const decisions = useQuery({
    queryKey: ['decisions', device],
    queryFn: () => take(api.GET('/v1/decisions', { params: { query: { limit: 50, device_id: device } } })),
    refetchInterval: 5_000,
  });
  const history = useQuery({
    queryKey: ['history', device],
    queryFn: () => take(api.GET('/v1/devices/{device_id}/history', { params: { path: { device_id: device } } })),
    refetchInterval: 5_000,
  });
  return (
    <div className="columns">
      <Card
        title="Access"
        actions={
          <>
            <Link href={link('/refusals', { device })}>Refusals only</Link>
            <CopyAs way={{ cli: ['decision', 'list'], options: ['--device', device], path: link('/v1/decisions', { device_id: device }) }} />
          </>
        }
      >
        <ProblemNote error={decisions.error} />
        {decisions.data?.items.length === 0 && <Empty>It has not been here yet.</Empty>}
        <ul className="plain">
          {(decisions.data?.items ?? []).map((each) => (
            <li key={each.decision_id} className="line">
              <span>
                <Badge tone={each.effect === 'deny' ? 'bad' : each.kind === 'connect' ? 'good' : 'plain'}>{each.kind}</Badge>{' '}
                {each.reason.replaceAll('_', ' ')} {each.detail && <Foreign text={each.detail} />}
                <div className="muted">
                  <Time at={each.decided_at} /> from <Foreign text={each.remote_address} mono />
                  {each.repeated > 1 && `, ${each.repeated} times`}
                </div>
              </span>
            </li>
          ))}
        </ul>
      </Card>
      <Card title="Ledger" actions={<Link href="/ledger">The whole ledger</Link>}>
        <ProblemNote error={history.error} />
        <ul className="plain">
          {[...(history.data?.acts ?? [])].reverse().map((entry) => (
            <EntryLine key={entry.position} entry={entry} />
          ))}
        </ul>
      </Card>
    </div>
  );
}
