// A command line waits to be let in: compare the code, see where it is, and decide.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Form, Input, Label, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useSession } from '../api/session';
import { useQueryState } from '../app/url';
import { Button, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';

type Waiting = Schemas['DeviceAuthorizationView'];

export default function CommandLine() {
  const [parameters] = useQueryState();
  const code = parameters.get('user_code') ?? '';
  return (
    <Page title="Let a command line in" about="vedette login waits for you">
      {code ? <Shown key={code} code={code} /> : <Ask />}
    </Page>
  );
}

function Ask() {
  const [code, setCode] = useState('');
  const [, change] = useQueryState();
  return (
    <Card title="Which one?">
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          change({ user_code: code.trim() }, true);
        }}
      >
        <TextField className="field" value={code} onChange={setCode} isRequired autoFocus autoComplete="off">
          <Label>The code that the command line shows</Label>
          <Input className="input mono" maxLength={64} placeholder="WDJB-MJHT" spellCheck={false} autoCapitalize="characters" />
        </TextField>
        <Button type="submit" kind="primary">
          Continue
        </Button>
      </Form>
      <p className="muted">
        It comes from <code>vedette login</code>, and is good for ten minutes.
      </p>
    </Card>
  );
}

function Shown({ code }: { code: string }) {
  const [, change] = useQueryState();
  const path = { user_code: code };
  const waiting = useQuery({
    queryKey: ['command-line', code],
    queryFn: () => take(api.GET('/v1/device-authorizations/{user_code}', { params: { path } })),
    retry: false,
    // Once it is decided it waits no more: what was shown stays.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  if (waiting.error)
    return (
      <Card title="Nothing waits with this code">
        <ProblemNote error={waiting.error} />
        <p>
          <Button onPress={() => change({ user_code: '' })}>Type another code</Button>
        </p>
      </Card>
    );
  return waiting.data ? <Decide waiting={waiting.data} /> : null;
}

function Decide({ waiting }: { waiting: Waiting }) {
  const session = useSession();
  const queries = useQueryClient();
  const params = { path: { user_code: waiting.user_code } };
  const deciding = useMutation({
    mutationFn: (isIn: boolean) =>
      take(
        isIn
          ? api.POST('/v1/device-authorizations/{user_code}/approve', { params })
          : api.POST('/v1/device-authorizations/{user_code}/deny', { params }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['sessions'] }),
  });
  if (deciding.data)
    return (
      <Card title={deciding.data.state === 'approved' ? 'The command line is logged in' : 'It was denied'}>
        {deciding.data.state === 'approved' ? (
          <p role="status">
            It acts as you for 12 hours at most. You can close this page, and end it at any time under{' '}
            <Link href="/account">your account</Link>.
          </p>
        ) : (
          <p role="status">It is told so. If you did not start it, somebody tried to act as you: tell whoever looks after security.</p>
        )}
      </Card>
    );
  return (
    <Card title="Log this command line in?">
      <p>Does it show this very code?</p>
      <p className="user-code" aria-label="Code">
        {waiting.user_code}
      </p>
      <dl className="facts">
        <dt>It is at</dt>
        <dd>
          <Foreign text={waiting.address} mono />
        </dd>
        <dt>It says it is</dt>
        <dd>
          <Foreign text={waiting.user_agent} mono />
        </dd>
        <dt>Waits since</dt>
        <dd>
          <Time at={waiting.created_at} />
        </dd>
        <dt>It will act as</dt>
        <dd>
          <Foreign text={session.data?.name} />
        </dd>
      </dl>
      <p className="note warn">
        Approve only a command that you started yourself, just now. If somebody sent you this code or this link, deny it.
      </p>
      <ProblemNote error={deciding.error} />
      <span className="row-of">
        <Button kind="primary" isDisabled={deciding.isPending} onPress={() => deciding.mutate(true)}>
          Approve
        </Button>
        <Button kind="danger" isDisabled={deciding.isPending} onPress={() => deciding.mutate(false)}>
          Deny
        </Button>
      </span>
    </Card>
  );
}
