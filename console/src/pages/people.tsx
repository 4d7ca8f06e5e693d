// Who may operate the platform, what they log in with, and which browsers are logged in.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { type CurrentSession, useSession } from '../api/session';
import { NewPasskey } from '../app/new-passkey';
import { RecoveryCodes } from '../app/recovery-codes';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { PeopleNag } from './people-nag';
import { Sessions } from './people-sessions';

type Person = Schemas['PersonView'];
type Passkey = Schemas['PasskeyView'];

export const MOST = 500;
const HOW: Record<CurrentSession['kind'], string> = {
  token: 'a token',
  link: 'a one-time link',
  passkey: 'a passkey',
  recovery: 'a recovery code',
  oidc: 'single sign-on',
  totp: 'a code of an app',
  cli: 'the command line',
  'service-token': 'a service token',
};

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
      <PeopleNag isHere />
      <You session={session.data} />
      <Card title="People">
        <ProblemNote error={people.error} />
        {people.data?.items.length === 0 && <Empty>Nobody has a passkey yet. Register yours above: then you are the first.</Empty>}
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

function You({ session }: { session: CurrentSession }) {
  return (
    <Card
      title="You"
      actions={
        <>
          {session.person_id !== null && <Rename id={session.person_id} name={session.name} />}
          <AddPasskey session={session} />
          {session.person_id !== null && <NewCodes left={session.recovery_codes_left} />}
        </>
      }
    >
      <dl className="facts">
        <dt>Name</dt>
        <dd>
          <Foreign text={session.name} />
        </dd>
        <dt>On record as</dt>
        <dd>
          <Foreign text={session.actor_id} mono />
        </dd>
        <dt>Logged in by</dt>
        <dd>
          {HOW[session.kind]}; ends <Time at={session.expires_at} />, or after {session.idle_minutes} minutes without use
        </dd>
        <dt>Recovery codes</dt>
        <dd>{session.person_id === null ? 'come with your first passkey' : `${session.recovery_codes_left} left`}</dd>
        {session.person_id !== null && (
          <>
            <dt>Passkeys</dt>
            <dd>
              <Passkeys personId={session.person_id} />
            </dd>
          </>
        )}
      </dl>
    </Card>
  );
}

function Passkeys({ personId }: { personId: string }) {
  const passkeys = useQuery({
    queryKey: ['passkeys', personId],
    queryFn: () => take(api.GET('/v1/passkeys', { params: { query: { person_id: personId } } })),
  });
  const items = passkeys.data?.items ?? [];
  return (
    <>
      <ProblemNote error={passkeys.error} />
      {passkeys.data && items.length === 0 && (
        <p className="note warn">You have no passkey: when this session ends, only a recovery code lets you in.</p>
      )}
      <ul className="plain" aria-label="Your passkeys">
        {items.map((each) => (
          <PasskeyLine key={each.passkey_id} passkey={each} isLast={items.length === 1} />
        ))}
      </ul>
    </>
  );
}

function PasskeyLine({ passkey, isLast }: { passkey: Passkey; isLast: boolean }) {
  return (
    <li className="line">
      <span>
        <strong>
          <Foreign text={passkey.name} />
        </strong>{' '}
        {passkey.is_synced && <Badge tone="info">synced by its maker</Badge>}{' '}
        <span className="muted">
          added <Time at={passkey.created_at} />, last used <Time at={passkey.last_used_at} />
        </span>
      </span>
      <Act
        label="Remove"
        kind="danger"
        title={`Remove the passkey “${passkey.name}”?`}
        act={(reason) =>
          take(
            api.DELETE('/v1/passkeys/{passkey_id}', {
              params: { path: { passkey_id: passkey.passkey_id }, query: { reason } },
            }),
          )
        }
      >
        <p>It opens nothing any more, and other sessions that it began end at once. This one goes on.</p>
        {isLast && <p className="note warn">It is your last one: only a recovery code or a one-time link will let you in.</p>}
        <p className="muted">Your authenticator still shows it: delete it there too.</p>
      </Act>
    </li>
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

function AddPasskey({ session }: { session: CurrentSession }) {
  const [codes, setCodes] = useState<string[]>([]);
  return (
    <DialogTrigger onOpenChange={() => setCodes([])}>
      <Button kind={session.passkeys === 0 ? 'primary' : ''}>Add a passkey</Button>
      <ModalOverlay className="modal-overlay">
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <>
                <Heading slot="title">{codes.length ? 'Keep these recovery codes' : 'Add a passkey'}</Heading>
                {codes.length ? (
                  <RecoveryCodes codes={codes} />
                ) : (
                  <NewPasskey session={session} onDone={(made) => (made.length ? setCodes(made) : close())} />
                )}
                <footer>
                  <Button kind={codes.length ? 'primary' : ''} onPress={close}>
                    {codes.length ? 'I have kept them' : 'Cancel'}
                  </Button>
                </footer>
              </>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function NewCodes({ left }: { left: number }) {
  const queries = useQueryClient();
  const making = useMutation({
    mutationFn: () => take(api.POST('/v1/recovery-codes')),
    onSuccess: () => queries.invalidateQueries(),
  });
  return (
    <DialogTrigger onOpenChange={() => making.reset()}>
      <Button>New recovery codes</Button>
      <ModalOverlay className="modal-overlay">
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <>
                <Heading slot="title">{making.data ? 'Keep these recovery codes' : 'Make new recovery codes?'}</Heading>
                {making.data ? (
                  <RecoveryCodes codes={making.data.recovery_codes} />
                ) : (
                  <p>{left ? `Your ${left} former ones are void then.` : 'You have none left.'} The new ones are shown once.</p>
                )}
                <ProblemNote error={making.error} />
                <footer>
                  <Button kind={making.data ? 'primary' : ''} onPress={close}>
                    {making.data ? 'I have kept them' : 'Cancel'}
                  </Button>
                  {!making.data && (
                    <Button kind="primary" isDisabled={making.isPending} onPress={() => making.mutate()}>
                      Make them
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

function Rename({ id, name }: { id: string; name: string }) {
  const [draft, setDraft] = useState(name);
  const queries = useQueryClient();
  const renaming = useMutation({
    mutationFn: () =>
      take(
        api.PATCH('/v1/people/{person_id}', {
          params: { path: { person_id: id } },
          body: { name: draft },
          headers: { 'Content-Type': 'application/merge-patch+json' },
        }),
      ),
    onSuccess: () => queries.invalidateQueries(),
  });
  return (
    <DialogTrigger
      onOpenChange={() => {
        renaming.reset();
        setDraft(name);
      }}
    >
      <Button>Rename</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <Form
                onSubmit={(event) => {
                  event.preventDefault();
                  renaming.mutate(undefined, { onSuccess: close });
                }}
              >
                <Heading slot="title">What are you called?</Heading>
                <TextField className="field" value={draft} onChange={setDraft} isRequired autoFocus>
                  <Label>Name; what is on record keeps the former one</Label>
                  <Input className="input" maxLength={64} />
                </TextField>
                <ProblemNote error={renaming.error} />
                <footer>
                  <Button onPress={close}>Cancel</Button>
                  <Button type="submit" kind="primary" isDisabled={renaming.isPending}>
                    Rename
                  </Button>
                </footer>
              </Form>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function Invite({ session }: { session: CurrentSession }) {
  const [said, setSaid] = useState('');
  const making = useMutation({ mutationFn: () => take(api.POST('/v1/login-links')) });
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
                      Hand this over in a way that nobody else can read: whoever opens it first is in, with all rights. It works once
                      and ends <Time at={making.data.expires_at} />.
                    </p>
                    <pre className="code" aria-label="One-time link">
                      {making.data.url}
                    </pre>
                    <p role="status" className="muted">
                      {said}
                    </p>
                  </>
                ) : session.may_let_in ? (
                  <p>Makes a link that logs one browser in, once, within the hour. It asks for a name and a passkey there.</p>
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
