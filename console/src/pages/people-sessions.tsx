// Which browsers are logged in, and an end to any of them.
import { useQuery } from '@tanstack/react-query';
import { api, type Schemas, take } from '../api/client';
import { browserOf } from '../api/session';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Card, Foreign, ProblemNote, Time } from '../ui/ui';

type Session = Schemas['SessionView'];

const BY: Record<Session['kind'], string> = {
  link: 'one-time link',
  passkey: 'passkey',
  recovery: 'recovery code',
  oidc: 'single sign-on',
  totp: 'code of an app',
  cli: 'command line',
};

/** The sessions of a person, or all that one may see. */
export function Sessions({ personId }: { personId?: string }) {
  const sessions = useQuery({
    queryKey: ['sessions', personId],
    queryFn: () => take(api.GET('/v1/sessions', { params: { query: { limit: 500, person_id: personId } } })),
    refetchInterval: 15_000,
  });
  return (
    <Card
      title={personId === undefined ? 'Sessions' : 'Where you are logged in'}
      actions={
        <CopyAs
          way={
            personId === undefined
              ? { cli: ['session', 'list'], path: '/v1/sessions' }
              : {
                  cli: ['session', 'list'],
                  options: ['--person', personId],
                  path: `/v1/sessions?person_id=${encodeURIComponent(personId)}`,
                }
          }
        />
      }
    >
      <ProblemNote error={sessions.error} />
      <ul className="plain" aria-label="Sessions">
        {(sessions.data?.items ?? []).map((each) => (
          <Line key={each.session_id} session={each} />
        ))}
      </ul>
    </Card>
  );
}

function Line({ session }: { session: Session }) {
  return (
    <li className="line">
      <span>
        <strong>
          <Foreign text={session.name} />
        </strong>{' '}
        {session.is_current && <Badge tone="info">this browser</Badge>}{' '}
        <span className="muted">
          by {BY[session.kind]} from <Foreign text={session.address} />, began <Time at={session.created_at} />, used{' '}
          <Time at={session.last_used_at} /> · <Foreign text={browserOf(session.user_agent)} />
        </span>
      </span>
      {!session.is_current && (
        <Act
          label="End"
          kind="danger"
          title={`End the session of ${session.name}?`}
          act={(reason) =>
            take(
              api.DELETE('/v1/sessions/{session_id}', {
                params: { path: { session_id: session.session_id }, query: { reason } },
              }),
            )
          }
        >
          <p>That browser is logged out at once.</p>
        </Act>
      )}
    </li>
  );
}
