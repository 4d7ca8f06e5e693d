// What belongs to an alert: the other parts of its incident, and what it speaks for.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { link } from '../app/url';
import { Act } from '../ui/act';
import { visible } from '../ui/text';
import { Badge, Card, Foreign, ProblemNote, Time } from '../ui/ui';
import { unmerge } from './alerts-acts';
import { type Alert, SEVERITIES } from './alerts-words';

const SHOWN = 50;

function useSome(key: string, query: { incident_id?: string; merged_into?: string }) {
  return useQuery({
    queryKey: ['alert-counts', 'of', key],
    queryFn: () => take(api.GET('/v1/alerts', { params: { query: { ...query, limit: SHOWN } } })),
    enabled: key !== '',
    refetchInterval: 10_000,
  });
}

/** What the same doer did about the same time, in the order in which it began. */
export function Incident({ alert }: { alert: Alert }) {
  const found = useSome(alert.incident_id, { incident_id: alert.incident_id });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const parts = (found.data?.items ?? []).filter((each) => !each.merged_into).sort((one, other) => one.first_at.localeCompare(other.first_at));
  const isOpen = alert.state !== 'closed' && !alert.merged_into;
  if (parts.length < 2) return null;
  return (
    <Card
      title="Incident"
      actions={
        <Link className="button quiet" href={link('/alerts', { incident: alert.incident_id, stand: 'all' })}>
          All of it
        </Link>
      }
    >
      <p className="muted">What the same doer did, without a pause of half an hour.</p>
      <ProblemNote error={found.error} />
      <ul className="plain" aria-label="Parts of the incident">
        {parts.map((each) => (
          <li key={each.alert_id} className="line" aria-current={each.alert_id === alert.alert_id ? 'true' : undefined}>
            <span>
              <Badge tone={SEVERITIES[each.severity]}>{each.severity}</Badge>{' '}
              {each.alert_id === alert.alert_id ? (
                <strong>
                  <Foreign text={each.title} />
                </strong>
              ) : (
                <Link href={`/alerts/${encodeURIComponent(each.alert_id)}`}>
                  <Foreign text={each.title} />
                </Link>
              )}
              <div className="muted">
                <Time at={each.first_at} />
              </div>
            </span>
            {isOpen && each.alert_id !== alert.alert_id && each.state !== 'closed' && (
              <input
                type="checkbox"
                aria-label={`Merge ${visible(each.title)}`}
                checked={chosen.has(each.alert_id)}
                onChange={(event) => {
                  const next = new Set(chosen);
                  if (event.target.checked) next.add(each.alert_id);
                  else next.delete(each.alert_id);
                  setChosen(next);
                }}
              />
            )}
          </li>
        ))}
      </ul>
      {isOpen && (
        <Act
          label="Merge the chosen into this"
          isDisabled={chosen.size === 0}
          needsReason
          title={`Merge ${chosen.size} ${chosen.size === 1 ? 'alert' : 'alerts'} into this one?`}
          act={(reason) =>
            take(
              api.POST('/v1/alerts/{alert_id}/merge', {
                params: { path: { alert_id: alert.alert_id } },
                body: { alert_ids: [...chosen], reason },
              }),
            )
          }
          onDone={() => setChosen(new Set())}
        >
          <p>This one speaks for them; what they count later is counted in it. Each can be unmerged.</p>
        </Act>
      )}
    </Card>
  );
}

/** What an alert speaks for: the same event by another rule, or what people merged into it. */
export function Merged({ alert }: { alert: Alert }) {
  const found = useSome(`merged ${alert.alert_id} ${alert.revision}`, { merged_into: alert.alert_id });
  const items = found.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Card title="Further evidence">
      <ul className="plain">
        {items.map((each) => (
          <li key={each.alert_id} className="line">
            <span>
              <Link href={`/alerts/${encodeURIComponent(each.alert_id)}`}>
                <Foreign text={each.title} />
              </Link>
              <div className="muted">
                {each.history.at(-1)?.act === 'join' ? 'the same event, told by another rule' : 'merged by a person'} · <Time at={each.first_at} />
                {each.slice_bytes > 0 && ' · with packets'}
              </div>
            </span>
            <Act label="Unmerge" needsReason title="Let it speak for itself again?" act={(reason) => unmerge(each.alert_id, reason)}>
              <p>
                <Foreign text={each.title} /> is loud again, and what it counted is taken from this one.
              </p>
            </Act>
          </li>
        ))}
      </ul>
    </Card>
  );
}
