// The ways in: a passkey, a recovery code, or a one-time link that is made on the server.
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Form, Input, Label, TextField } from 'react-aria-components';
import icon from '../icon.svg';
import { api, take } from '../api/client';
import { whyNoPasskeys } from '../api/passkeys';
import { logInByApp, logInByCode, logInByPasskey } from '../api/session';
import { Button, Card, Foreign, ProblemNote } from '../ui/ui';
import './login.css';

export function Login({ said, onIn }: { said: string; onIn: () => void }) {
  const [code, setCode] = useState('');
  const byPasskey = useMutation({ mutationFn: logInByPasskey, onSuccess: onIn });
  const byCode = useMutation({ mutationFn: logInByCode, onSuccess: onIn });
  // Where this cannot be told, a passkey is still a way in.
  const methods = useQuery({ queryKey: ['login-methods'], queryFn: () => take(api.GET('/login/methods')), staleTime: 60_000 });
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
        {methods.data?.oidc && (
          <a className="button wide" href={methods.data.oidc_url}>
            <Foreign text={methods.data.oidc} />
          </a>
        )}
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
      {methods.data?.totp && <ByApp onIn={onIn} />}
    </main>
  );
}

function ByApp({ onIn }: { onIn: () => void }) {
  const [key, setKey] = useState('');
  const [code, setCode] = useState('');
  const entering = useMutation({ mutationFn: () => logInByApp(key, code), onSuccess: onIn });
  return (
    <details className="card">
      <summary>No passkey works on this machine? Use a code of your app</summary>
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          entering.mutate();
        }}
      >
        <TextField className="field" value={key} onChange={setKey} isRequired autoComplete="off">
          <Label>Sign-in key</Label>
          <Input className="input mono" maxLength={64} spellCheck={false} placeholder="xxxx-xxxx-xxxx-xxxx-xxxx" />
        </TextField>
        <TextField className="field" value={code} onChange={setCode} isRequired autoComplete="one-time-code">
          <Label>Code that the app shows now</Label>
          <Input className="input mono" inputMode="numeric" maxLength={16} placeholder="123456" />
        </TextField>
        <ProblemNote error={entering.error} />
        <Button type="submit" isDisabled={entering.isPending}>
          Log in by code
        </Button>
        <p className="muted">Type them on this page only: {window.location.host}. Whoever has both gets in.</p>
      </Form>
    </details>
  );
}
