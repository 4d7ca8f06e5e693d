// Who stands at an end of an alert.
import { Link } from 'wouter';
import { Badge, Foreign } from '../ui/ui';
import { type End } from './alerts-words';

/** One end: what the inventory calls it, and its address. */
export function EndLink({ end }: { end: End }) {
  if (!end.address) return <span className="muted">nobody in particular</span>;
  const name = end.name || end.device_id;
  const shown = (
    <>
      {name && name !== end.address && (
        <>
          <Foreign text={name} />{' '}
        </>
      )}
      <Foreign text={end.address} mono />
    </>
  );
  return (
    <>
      {end.asset_id ? <Link href={`/assets/${encodeURIComponent(end.asset_id)}`}>{shown}</Link> : shown}{' '}
      {(end.criticality === 'high' || end.criticality === 'critical') && <Badge tone="warn">{end.criticality} asset</Badge>}
    </>
  );
}
