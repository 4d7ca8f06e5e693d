// What one logs in with: passkeys, and the recovery codes for when they are lost.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import type { CurrentSession } from '../api/session';
import { NewPasskey } from '../app/new-passkey';
import { RecoveryCodes } from '../app/recovery-codes';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Badge, Button, Card, Foreign, ProblemNote, Time } from '../ui/ui';

type Passkey = Schemas['PasskeyView'];

export function PasskeysCard({ session }: { session: CurrentSession }) {
  const person = session.person_id;
  return (
    <Card
      title="Passkeys"
      actions={
        <>
          <AddPasskey session={session} />
          {person !== null && (
            <CopyAs
              way={{
                cli: ['passkey', 'list'],
                options: ['--person', person],
                path: `/v1/passkeys?person_id=${encodeURIComponent(person)}`,
              }}
            />
          )}
        </>
      }
    >
      {person === null ? (
        <p className="note warn">You came by a one-time link. Register a passkey, and you are somebody here who can come back.</p>
      ) : (
        <Passkeys personId={person} />
      )}
    </Card>
  );
}

export function CodesCard({ session }: { session: CurrentSession }) {
  return (
    <Card title="Recovery codes" actions={<NewCodes left={session.recovery_codes_left} />}>
      <p>
        <strong className="number">{session.recovery_codes_left} left</strong>{' '}
        <span className="muted">Each lets you in once when your passkeys are lost.</span>
      </p>
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
