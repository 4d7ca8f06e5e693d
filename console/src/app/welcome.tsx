// Whoever came by a one-time link or a recovery code is asked for a passkey, so that they can come back.
import { useState } from 'react';
import icon from '../icon.svg';
import type { CurrentSession } from '../api/session';
import { Button, Card } from '../ui/ui';
import { NewPasskey } from './new-passkey';
import './login.css';
import { RecoveryCodes } from './recovery-codes';

export function Welcome({ session, onDone }: { session: CurrentSession; onDone: () => void }) {
  const [codes, setCodes] = useState<string[] | null>(null);
  const isNew = session.person_id === null;
  return (
    <main className="entrance">
      <h1>
        <img src={icon} alt="" /> Vedette
      </h1>
      {codes === null ? (
        <>
          <Card title={isNew ? 'You came by a one-time link' : `Welcome back, ${session.name}`}>
            <p>
              {isNew
                ? 'It is used up now. Register a passkey, and you log in with this machine’s fingerprint, face or PIN, or with a security key. What you do stands on record under your name.'
                : 'That recovery code is used up. Register a new passkey, and remove the one that you have lost.'}
            </p>
            <NewPasskey session={session} onDone={(made) => (made.length ? setCodes(made) : onDone())} />
          </Card>
          <Button kind="quiet" onPress={onDone}>
            Skip for now
          </Button>
        </>
      ) : (
        <Card title="Keep these recovery codes">
          <RecoveryCodes codes={codes} />
          <Button kind="primary" onPress={onDone}>
            I have kept them
          </Button>
        </Card>
      )}
    </main>
  );
}
