// Asks for a passkey: for a new person by a one-time link, or one more for whoever is logged in.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Form, Input, Label, TextField } from 'react-aria-components';
import { whyNoPasskeys } from '../api/passkeys';
import { browserOf, type CurrentSession, registerPasskey } from '../api/session';
import { Button, Foreign, ProblemNote } from '../ui/ui';

export function NewPasskey({ session, onDone }: { session: CurrentSession; onDone: (codes: string[]) => void }) {
  const [person, setPerson] = useState('');
  const [name, setName] = useState(() => browserOf(navigator.userAgent).slice(0, 64));
  const queries = useQueryClient();
  const registering = useMutation({
    mutationFn: () => registerPasskey(name, session.person_id === null ? person : ''),
    onSuccess: async (made) => {
      onDone(made.recovery_codes);
      await queries.invalidateQueries();
    },
  });
  const here = session.passkeys_here;
  const whyNot = whyNoPasskeys();
  if (whyNot || !here.is_possible)
    return (
      <div className="note warn">
        <p>{whyNot || <Foreign text={`${here.why_not}.`} />}</p>
        {here.hint && (
          <p className="muted">
            What to do: <Foreign text={here.hint} />
          </p>
        )}
      </div>
    );
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        registering.mutate();
      }}
    >
      {session.person_id === null && (
        <TextField className="field" value={person} onChange={setPerson} isRequired autoFocus autoComplete="name">
          <Label>Your name, as colleagues know you</Label>
          <Input className="input" maxLength={64} />
        </TextField>
      )}
      <TextField className="field" value={name} onChange={setName} isRequired autoComplete="off">
        <Label>Name of the passkey</Label>
        <Input className="input" maxLength={64} />
      </TextField>
      <ProblemNote error={registering.error} />
      <Button type="submit" kind="primary" isDisabled={registering.isPending}>
        {registering.isPending ? 'The browser makes your passkey…' : 'Register a passkey'}
      </Button>
    </Form>
  );
}
