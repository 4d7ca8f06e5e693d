// What sensors saw of a registered device: the assets that it is taken for.
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { link } from '../app/url';
import { Badge, Card, Empty, Foreign, ProblemNote, Time } from '../ui/ui';
import { labelOf, plain } from './network-words';

const MOST = 20;

export function SeenOnTheNetwork({ device }: { device: string }) {
  const found = useQuery({
    queryKey: ['assets', 'of-device', device],
    queryFn: () => take(api.GET('/v1/assets', { params: { query: { device_id: device, limit: MOST } } })),
    refetchInterval: 10_000,
  });
  const items = found.data?.items ?? [];
  return (
    <Card title="Seen on the network" actions={<Link href="/assets">All assets</Link>}>
      <ProblemNote error={found.error} />
      {found.data && items.length === 0 && (
        <Empty>
          No sensor saw an asset that is this device. An asset is matched when the device connects from its address, or when a person says
          so on the asset's page.
        </Empty>
      )}
      <ul className="plain">
        {items.map((each) => (
          <li key={each.asset_id} className="line">
            <span>
              <Link href={`/assets/${encodeURIComponent(each.asset_id)}`}>
                <Foreign text={labelOf(each)} />
              </Link>{' '}
              <Foreign text={[...each.ips, ...each.macs].join(', ')} mono />
              <div className="muted">
                {each.device_type && <Foreign text={`${plain(each.device_type)}, `} />}
                {each.level && `level ${each.level}, `}seen <Time at={each.last_at} />
                {each.management && (
                  <>
                    ; <Foreign text={each.management.because} />
                  </>
                )}
              </div>
            </span>
            <span className="row-of">
              {each.open_alerts > 0 && (
                <Link href={link('/alerts', { asset: each.asset_id })}>
                  <Badge tone="bad">{each.open_alerts === 1 ? '1 alert' : `${each.open_alerts} alerts`}</Badge>
                </Link>
              )}
              <Link href={`/assets/${encodeURIComponent(each.asset_id)}?tab=links`}>Links</Link>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
