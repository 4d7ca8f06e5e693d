// Codes of an app: a way in where no passkey works, and a weaker one, which is said.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import type { CurrentSession } from '../api/session';
import { Act } from '../ui/act';
import { Code } from '../ui/code';
import { QrCode } from '../ui/qr-code';
import { Badge, Button, Card, ProblemNote } from '../ui/ui';

export function AppCard({ session, personId, isOn }: { session: CurrentSession; personId: string; isOn: boolean }) {
  const has = session.has_authenticator_app;
  return (
    <Card
      title="Codes of an app"
      actions={
        <>
          {isOn && <Enroll has={has} />}
          {has && (
            <Act
              label="Remove"
              kind="danger"
              needsReason
              title="Remove your authenticator app?"
              act={(reason) =>
                take(api.DELETE('/v1/people/{person_id}/totp', { params: { path: { person_id: personId }, query: { reason } } }))
              }
            >
              <p>Its codes and its sign-in key open nothing any more; sessions that they began end at once.</p>
            </Act>
          )}
        </>
      }
    >
      <p>
        {has ? <Badge tone={isOn ? 'warn' : 'plain'}>{isOn ? 'set up' : 'set up, switched off here'}</Badge> : <Badge>not set up</Badge>}{' '}
        <span className="muted">
          Only for machines where no passkey works. Key and code can be given away to a page that looks like this one: such
          sessions are marked, and never count as proof that it is you.
        </span>
      </p>
    </Card>
  );
}

function Enroll({ has }: { has: boolean }) {
  const [made, setMade] = useState<Schemas['NewTotpView'] | null>(null);
  const begin = useMutation({ mutationFn: () => take(api.POST('/v1/totp')), onSuccess: setMade });
  return (
    <DialogTrigger
      onOpenChange={() => {
        setMade(null);
        begin.reset();
      }}
    >
      <Button>{has ? 'Set up anew' : 'Set up'}</Button>
      <ModalOverlay className="modal-overlay">
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <>
                <Heading slot="title">Log in by codes of an app</Heading>
                {made ? (
                  <Confirm made={made} close={close} />
                ) : (
                  <>
                    <p>
                      You get a secret for an authenticator app and a sign-in key to keep. {has && 'The ones before are void then. '}
                      Your passkey is asked for first.
                    </p>
                    <ProblemNote error={begin.error} />
                    <footer>
                      <Button onPress={close}>Cancel</Button>
                      <Button kind="primary" autoFocus isDisabled={begin.isPending} onPress={() => begin.mutate()}>
                        {begin.isPending ? 'Working…' : 'Make a secret'}
                      </Button>
                    </footer>
                  </>
                )}
              </>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function Confirm({ made, close }: { made: Schemas['NewTotpView']; close: () => void }) {
  const [code, setCode] = useState('');
  const queries = useQueryClient();
  const confirm = useMutation({
    mutationFn: () => take(api.POST('/v1/totp/confirm', { body: { code: code.trim() } })),
    onSuccess: async () => {
      close();
      await queries.invalidateQueries();
    },
  });
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        confirm.mutate();
      }}
    >
      <p>
        All of this is shown once. Let the app read the square, type the secret into it, or{' '}
        <a href={made.url}>open it in an app on this machine</a>.
      </p>
      <div className="qr-beside">
        <QrCode label="QR code for the app" text={made.url} />
        <Code label="Secret for the app" text={made.secret.replace(/(.{4})(?=.)/gu, '$1 ')} />
      </div>
      <p>Keep the sign-in key apart from the app, such as in a password manager. You type it together with each code.</p>
      <Code label="Sign-in key" text={made.key} />
      <TextField className="field" value={code} onChange={setCode} isRequired autoFocus autoComplete="one-time-code">
        <Label>The code that the app shows now</Label>
        <Input className="input mono" inputMode="numeric" maxLength={16} placeholder="123456" />
      </TextField>
      <ProblemNote error={confirm.error} />
      <footer>
        <Button onPress={close}>Cancel</Button>
        <Button type="submit" kind="primary" isDisabled={confirm.isPending}>
          {confirm.isPending ? 'Working…' : 'I kept the key; switch it on'}
        </Button>
      </footer>
    </Form>
  );
}
