// What one is called at the identity provider, and what binds or unbinds it.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, take } from '../api/client';
import { provePresence } from '../api/confirm';
import type { CurrentSession } from '../api/session';
import { Act } from '../ui/act';
import { Card, Foreign, ProblemNote, Time } from '../ui/ui';

export function IdentitiesCard({ label, url, personId, session }: {
  label: string;
  url: string;
  personId: string;
  session: CurrentSession;
}) {
  const identities = useQuery({
    queryKey: ['identities', personId],
    queryFn: () => take(api.GET('/v1/people/{person_id}/identities', { params: { path: { person_id: personId } } })),
  });
  const [refused, setRefused] = useState<unknown>(null);
  const items = identities.data?.items ?? [];
  const link = `${url}?purpose=link`;
  const confirmAndLink = async () => {
    try {
      await provePresence('GET', link);
      window.location.assign(link);
    } catch (problem) {
      setRefused(problem);
    }
  };
  const isOnlyWay = items.length === 1 && session.passkeys === 0;
  return (
    <Card
      title="At the identity provider"
      actions={
        <a
          className="button"
          href={link}
          onClick={(event) => {
            if (session.passkeys === 0 || isFresh(session.stepped_up_at)) return;
            event.preventDefault();
            void confirmAndLink();
          }}
        >
          Link {label}
        </a>
      }
    >
      <ProblemNote error={identities.error ?? refused} />
      {identities.data && items.length === 0 && <p className="muted">Nothing is linked: you cannot come in through it yet.</p>}
      <ul className="plain" aria-label="Your identities at the provider">
        {items.map((each) => (
          <li key={each.external_id} className="line">
            <span>
              <strong>
                <Foreign text={each.subject} />
              </strong>{' '}
              <span className="muted">
                at <Foreign text={each.issuer} />, linked <Time at={each.created_at} />, last used <Time at={each.last_login_at} />
              </span>
            </span>
            <Act
              label="Unlink"
              kind="danger"
              needsReason
              title={`Unlink ${each.subject}?`}
              act={(reason) =>
                take(
                  api.DELETE('/v1/identities/{external_id}', {
                    params: { path: { external_id: each.external_id }, query: { reason } },
                  }),
                )
              }
            >
              <p>It lets you in no more; sessions that it began end at once, this one too if it is one of them.</p>
              {isOnlyWay && <p className="note warn">You have no passkey: only a recovery code or a link will let you in.</p>}
            </Act>
          </li>
        ))}
      </ul>
    </Card>
  );
}

// A minute less than the platform takes it for: the way to the provider begins a moment later.
const FRESH_MS = 4 * 60_000;

function isFresh(at: string | null): boolean {
  return at !== null && Date.now() - Date.parse(at) < FRESH_MS;
}
