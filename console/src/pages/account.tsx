// One's own account: what one is called, what one logs in with, and where one is logged in.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { useGroupName, useRights } from '../api/people';
import { type CurrentSession, useSession } from '../api/session';
import { CopyAs } from '../ui/copy';
import { Badge, Button, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { AppCard } from './account-app';
import { IdentitiesCard } from './account-identities';
import { CodesCard, PasskeysCard } from './account-passkeys';
import { HOW } from './people-how';
import { PeopleNag } from './people-nag';
import { Sessions } from './people-sessions';
import { placesInWords } from './roles-words';

export default function Account() {
  const session = useSession();
  const methods = useQuery({ queryKey: ['login-methods'], queryFn: () => take(api.GET('/login/methods')), staleTime: 60_000 });
  if (!session.data) return <ProblemNote error={session.error} />;
  const person = session.data.person_id;
  const has = methods.data;
  return (
    <Page
      title="Your account"
      about="what you log in with, and where you are logged in"
      actions={<CopyAs way={{ path: '/v1/session' }} />}
    >
      <PeopleNag at="/account" />
      <You session={session.data} />
      <PasskeysCard session={session.data} />
      {person !== null && (
        <div className="columns">
          <CodesCard session={session.data} />
          {has && (has.totp || session.data.has_authenticator_app) && <AppCard session={session.data} personId={person} isOn={has.totp} />}
          {has?.oidc && <IdentitiesCard label={has.oidc} url={has.oidc_url} personId={person} session={session.data} />}
        </div>
      )}
      {person !== null && <Sessions personId={person} />}
    </Page>
  );
}

function You({ session }: { session: CurrentSession }) {
  const rights = useRights();
  const groupName = useGroupName();
  const holdings = rights.data?.holdings ?? [];
  return (
    <Card title="You" actions={session.person_id !== null && <Rename id={session.person_id} name={session.name} />}>
      <dl className="facts">
        <dt>Name</dt>
        <dd>
          <Foreign text={session.name} />
        </dd>
        <dt>On record as</dt>
        <dd>
          <Foreign text={session.actor_id} mono />
        </dd>
        <dt>Roles</dt>
        <dd>
          <Link href="/roles">
            {holdings.length
              ? <Foreign text={holdings.map((each) => `${each.role} ${placesInWords(each, groupName)}`).join(', ')} />
              : 'none'}
          </Link>
        </dd>
        <dt>Logged in by</dt>
        <dd>
          {HOW[session.kind]}; ends <Time at={session.expires_at} />, or after {session.idle_minutes} minutes without use{' '}
          {session.is_phishable && <Badge tone="warn">can be given away to a page that looks like this one</Badge>}
        </dd>
        <dt>Proved to be you</dt>
        <dd>
          {session.stepped_up_at ? <Time at={session.stepped_up_at} /> : 'not in this session'}
          <span className="muted">; weighty acts ask for your passkey when that was more than five minutes ago</span>
        </dd>
      </dl>
    </Card>
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
