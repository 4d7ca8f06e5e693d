// Who stands behind an alert, what was done to them by it, and the cut that only a person decides.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { Badge, Card, Foreign, ProblemNote } from '../ui/ui';
import { EndLink } from './alert-end';
import { type Alert, type End } from './alerts-words';
import { useQuarantineOf } from './quarantine';
import { QuarantineAct, QuarantineLink } from './quarantine-acts';

const CLASSES: Record<string, string> = {
  'network-alarm': 'It was narrowed to its limited zone: it stays connected, and does nothing else.',
  'network-alert': 'Its risk was raised; nothing was taken from it.',
};

export function Devices({ alert }: { alert: Alert }) {
  const ends = [alert.source, alert.target].filter((each) => each.address);
  const managed = ends.filter((each) => each.device_id);
  const others = ends.filter((each) => !each.device_id);
  return (
    <Card title="Devices behind it">
      {managed.map((end) => (
        <Device key={end.address} end={end} alert={alert} />
      ))}
      {others.map((end) => (
        <p key={end.address}>
          <EndLink end={end} /> <span className="muted">is no registered device: nothing here can narrow or cut it.</span>
        </p>
      ))}
      {others.length > 0 && (
        <p className="muted">
          What stops it is a <Link href="/zones">zone's rule set</Link> on a firewall, or somebody on site.
        </p>
      )}
      {ends.length === 0 && <p className="muted">It names nobody.</p>}
    </Card>
  );
}

function Device({ end, alert }: { end: End; alert: Alert }) {
  const [said, setSaid] = useState('');
  const health = useQuery({
    queryKey: ['health', end.device_id, ''],
    queryFn: () => take(api.GET('/v1/devices/{device_id}/health', { params: { path: { device_id: end.device_id } } })),
    retry: false,
  });
  const quarantine = useQuarantineOf(end.device_id);
  const told = (health.data?.findings ?? []).map((each) => each.finding_class).find((each) => each in CLASSES);
  const offered = alert.suggestions.find((each) => each.device_id === end.device_id);
  return (
    <div className="device-behind">
      <p>
        <Link href={`/devices/${encodeURIComponent(end.device_id)}`}>
          <Foreign text={end.device_id} />
        </Link>{' '}
        <span className="muted">{end === alert.source ? 'did it' : 'it was done to'}, as far as its address says</span>
      </p>
      <ProblemNote error={health.error ?? quarantine.error} />
      <p>
        {quarantine.data ? (
          <QuarantineLink device={end.device_id} mode={quarantine.data.mode} />
        ) : told ? (
          <>
            <Badge tone={told === 'network-alarm' ? 'warn' : 'info'}>{told === 'network-alarm' ? 'narrowed' : 'risk raised'}</Badge>{' '}
            {CLASSES[told]}
          </>
        ) : (
          <span className="muted">Nothing was done to it, or what was done has ended.</span>
        )}
      </p>
      {offered && quarantine.data?.mode !== 'cut' && (
        <>
          <p>An address can be forged, so nothing cuts it off by itself. The cut is yours:</p>
          <QuarantineAct device={end.device_id} label="Cut it off…" first="cut" onSaid={setSaid} />
        </>
      )}
      <p role="status">
        <Foreign text={said || ' '} />
      </p>
    </div>
  );
}
