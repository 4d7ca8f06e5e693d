// The ways in: a passkey, a recovery code, or a one-time link that is made on the server.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Form, Input, Label, TextField } from 'react-aria-components';
import icon from '../icon.svg';
import { whyNoPasskeys } from '../api/passkeys';
import { logInByCode, logInByPasskey } from '../api/session';
import { Button, Card, ProblemNote } from '../ui/ui';
import './login.css';

export function Login({ said, onIn }: { said: string; onIn: () => void }) {
  const [code, setCode] = useState('');
  const byPasskey = useMutation({ mutationFn: logInByPasskey, onSuccess: onIn });
  const byCode = useMutation({ mutationFn: logInByCode, onSuccess: onIn });
  const whyNot = whyNoPasskeys();
  return (
    <main className="entrance">
      <h1>
        <img src={icon} alt="" /> Vedette
      </h1>
      {said && (
        <p role="status" className="note">
          {said}
        </p>
      )}
      <Card title="Log in">
        {whyNot ? (
          <p className="note warn">{whyNot}</p>
        ) : (
          <Button kind="primary" autoFocus isDisabled={byPasskey.isPending} onPress={() => byPasskey.mutate()}>
            {byPasskey.isPending ? 'The browser asks for your passkey…' : 'Log in by passkey'}
          </Button>
        )}
        <ProblemNote error={byPasskey.error} />
      </Card>
      <Card title="No passkey yet?">
        <p>Whoever runs the server makes a one-time link. Open it in this browser, within the hour:</p>
        <pre className="code">vedette login-link</pre>
        <p className="muted">A colleague who is logged in by passkey can make one too, under “People and sessions”.</p>
      </Card>
      <details className="card">
        <summary>Lost your passkey? Use a recovery code</summary>
        <Form
          onSubmit={(event) => {
            event.preventDefault();
            byCode.mutate(code);
          }}
        >
          <TextField className="field" value={code} onChange={setCode} isRequired autoComplete="off">
            <Label>Recovery code</Label>
            <Input className="input mono" maxLength={64} spellCheck={false} placeholder="xxxx-xxxx-xxxx-xxxx-xxxx" />
          </TextField>
          <ProblemNote error={byCode.error} />
          <Button type="submit" isDisabled={byCode.isPending}>
            Log in by recovery code
          </Button>
        </Form>
      </details>
    </main>
  );
}
