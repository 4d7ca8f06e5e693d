// Who may operate the platform, what they log in with, and which browsers are logged in.
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { type CurrentSession, useSession } from '../api/session';
import { link } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { HOW } from './people-how';
import { PeopleNag } from './people-nag';
import { Sessions } from './people-sessions';
import { RoleChoice } from './roles-grant';
import { EVERYWHERE, Places, placesOf } from './roles-places';
import type { Role } from './roles-words';

type Person = Schemas['PersonView'];

export const MOST = 500;

export default function People() {
  const session = useSession();
  const people = useQuery({
    queryKey: ['people'],
    queryFn: () => take(api.GET('/v1/people', { params: { query: { limit: MOST } } })),
  });
  if (!session.data) return <ProblemNote error={session.error} />;
  return (
    <Page
      title="People and sessions"
      about={people.data && `${people.data.items.length} ${people.data.items.length === 1 ? 'person' : 'people'}`}
      actions={
        <>
          <Invite session={session.data} />
          <CopyAs way={{ cli: ['person', 'list'], path: '/v1/people' }} />
        </>
      }
    >
      <PeopleNag at="/people" />
      <Card title="People">
        <ProblemNote error={people.error} />
        {people.data?.items.length === 0 && <Empty>Nobody has a passkey yet. Register yours on the page of your account: then you are the first.</Empty>}
        <ul className="plain">
          {(people.data?.items ?? []).map((person) => (
            <Line key={person.person_id} person={person} session={session.data} />
          ))}
        </ul>
      </Card>
      <Sessions />
    </Page>
  );
}

function Line({ person, session }: { person: Person; session: CurrentSession }) {
  const params = { path: { person_id: person.person_id } };
  const isYou = person.person_id === session.person_id;
  return (
    <li className="line">
      <span>
        <strong>
          <Foreign text={person.name} />
        </strong>{' '}
        {isYou && <Badge tone="info">you</Badge>} {person.is_disabled && <Badge tone="bad">disabled</Badge>}{' '}
        <span className="muted">
          {person.passkeys} {person.passkeys === 1 ? 'passkey' : 'passkeys'}, {person.recovery_codes_left} recovery codes, last
          here <Time at={person.last_login_at} />
        </span>
      </span>
      <span className="row-of">
        <Link className="button quiet" href={link('/roles', { person: person.person_id })}>
          Roles
        </Link>
        {person.is_disabled ? (
          <Act
            label="Enable"
            title={`Enable ${person.name}?`}
            isDisabled={!session.may_let_in}
            act={(reason) => take(api.POST('/v1/people/{person_id}/enable', { params, body: { reason } }))}
          >
            <p>Their passkeys and recovery codes let them in again.</p>
          </Act>
        ) : (
          <Act
            label="Disable"
            kind="danger"
            needsReason
            title={`Disable ${isYou ? 'yourself' : person.name}?`}
            act={(reason) => take(api.POST('/v1/people/{person_id}/disable', { params, body: { reason } }))}
          >
            <p>Their sessions end at once, and nothing lets them in until somebody enables them.</p>
            {isYou && <p className="note warn">You are logged out, and somebody else has to enable you.</p>}
          </Act>
        )}
        <Act
          label="Delete"
          kind="danger"
          needsReason
          title={`Delete ${isYou ? 'yourself' : person.name}?`}
          act={(reason) =>
            take(api.DELETE('/v1/people/{person_id}', { params: { ...params, query: { reason } } }))
          }
        >
          <p>Passkeys, recovery codes and sessions go too, for good. The ledger keeps what they did, and their name.</p>
        </Act>
      </span>
    </li>
  );
}

function Invite({ session }: { session: CurrentSession }) {
  const [said, setSaid] = useState('');
  const [role, setRole] = useState<Role>(session.needs_second_admin ? 'admin' : 'operator');
  const [places, setPlaces] = useState(EVERYWHERE);
  const roles = useQuery({ queryKey: ['roles'], queryFn: () => take(api.GET('/v1/roles')), staleTime: 600_000 });
  const making = useMutation({
    mutationFn: () => take(api.POST('/v1/login-links', { body: { role, ...placesOf(places) } })),
  });
  const copy = async (url: string) => {
    try {
      await navigator.clipboard.writeText(url);
      setSaid('Copied.');
    } catch {
      setSaid('Select the link and copy it: this browser lets no page do it here.');
    }
  };
  return (
    <DialogTrigger
      onOpenChange={() => {
        making.reset();
        setSaid('');
      }}
    >
      <Button>Invite somebody</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <>
                <Heading slot="title">Invite somebody</Heading>
                {making.data ? (
                  <>
                    <p>
                      Hand this over in a way that nobody else can read: whoever opens it first is in as {role}. It works once and
                      ends <Time at={making.data.expires_at} />.
                    </p>
                    <pre className="code" aria-label="One-time link">
                      {making.data.url}
                    </pre>
                    <p role="status" className="muted">
                      {said}
                    </p>
                  </>
                ) : session.may_let_in ? (
                  <>
                    <p>Makes a link that logs one browser in, once, within the hour. It asks for a name and a passkey there.</p>
                    <RoleChoice
                      id="invite-role"
                      role={role}
                      onChange={setRole}
                      summary={roles.data?.items.find((each) => each.role === role)?.summary}
                    />
                    <Places value={places} onChange={setPlaces} />
                  </>
                ) : (
                  <p className="note warn">
                    You came by {HOW[session.kind]}: log in by a passkey first, or make a link on the server with{' '}
                    <code>vedette login-link</code>.
                  </p>
                )}
                <ProblemNote error={making.error} />
                <footer>
                  <Button onPress={close}>Close</Button>
                  {making.data ? (
                    <Button kind="primary" onPress={() => void copy(making.data.url)}>
                      Copy
                    </Button>
                  ) : (
                    <Button kind="primary" isDisabled={!session.may_let_in || making.isPending} onPress={() => making.mutate()}>
                      Make a link
                    </Button>
                  )}
                </footer>
              </>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}
