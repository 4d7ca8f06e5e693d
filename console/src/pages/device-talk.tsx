// Ask the device something now (a direct method), or leave it something for later (a command).
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Form, Input, Label, TextArea, TextField } from 'react-aria-components';
import { api, take } from '../api/client';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { prettyJson, visible } from '../ui/text';
import { Badge, Button, Card, Empty, Foreign, ProblemNote, Time } from '../ui/ui';
import { type Owner, pathOf } from './device-twin';

export function Talk({ device, module, isConnected }: Owner & { isConnected: boolean }) {
  return (
    <div className="columns">
      <Method device={device} module={module} isConnected={isConnected} />
      {!module && <Commands device={device} />}
    </div>
  );
}

function parsePayload(text: string): unknown {
  return text.trim() === '' ? null : JSON.parse(text);
}

function Method({ device, module, isConnected }: Owner & { isConnected: boolean }) {
  const [name, setName] = useState('ping');
  const [payload, setPayload] = useState('');
  const [problem, setProblem] = useState('');
  const edit = (text: string) => {
    setPayload(text);
    // A field that is invalid keeps its form from being sent.
    setProblem('');
  };
  const call = useMutation({
    mutationFn: (body: unknown) =>
      module
        ? take(
            api.POST('/v1/devices/{device_id}/modules/{module_id}/methods/{name}', {
              params: { path: { device_id: device, module_id: module, name } },
              body: { payload: body },
            }),
          )
        : take(
            api.POST('/v1/devices/{device_id}/methods/{name}', {
              params: { path: { device_id: device, name } },
              body: { payload: body },
            }),
          ),
  });
  return (
    <Card
      title="Direct method"
      actions={
        <CopyAs
          way={{
            cli: ['method', 'invoke'],
            names: [device, name],
            options: [...(payload.trim() ? ['--payload', payload] : []), ...(module ? ['--module', module] : [])],
            method: 'POST',
            path: `${pathOf({ device, module })}/methods/${encodeURIComponent(name)}`,
            body: { payload: problem ? null : safely(payload) },
          }}
        />
      }
    >
      {!isConnected && <p className="muted">It is not connected: a method is answered now or not at all.</p>}
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          try {
            const body = parsePayload(payload);
            setProblem('');
            call.mutate(body);
          } catch (error) {
            setProblem(`The payload is not JSON: ${error instanceof Error ? error.message : String(error)}`);
          }
        }}
      >
        <TextField className="field" value={name} onChange={setName} isRequired>
          <Label>Method</Label>
          <Input className="input" maxLength={100} />
        </TextField>
        <TextField className="field" value={payload} onChange={edit} isInvalid={problem !== ''}>
          <Label>Payload, JSON (empty for null)</Label>
          <TextArea className="input" rows={4} spellCheck={false} />
        </TextField>
        {problem && <p role="alert">{visible(problem)}</p>}
        <ProblemNote error={call.error} />
        <Button type="submit" kind="primary" isDisabled={call.isPending}>
          {call.isPending ? 'Waiting for its answer…' : 'Invoke'}
        </Button>
      </Form>
      {call.data && (
        <div role="status">
          <p>
            <Badge tone={call.data.status < 400 ? 'good' : 'bad'}>answered {call.data.status}</Badge>
          </p>
          <pre className="code" tabIndex={0} role="region" aria-label="Answer">
            {prettyJson(call.data.payload)}
          </pre>
        </div>
      )}
    </Card>
  );
}

function safely(text: string): unknown {
  try {
    return parsePayload(text);
  } catch {
    return null;
  }
}

function Commands({ device }: { device: string }) {
  const path = { path: { device_id: device } };
  const [body, setBody] = useState('');
  const queries = useQueryClient();
  const queue = useQuery({
    queryKey: ['commands', device],
    queryFn: () => take(api.GET('/v1/devices/{device_id}/commands', { params: { ...path, query: { limit: 50 } } })),
    refetchInterval: 3_000,
  });
  const sending = useMutation({
    mutationFn: () => take(api.POST('/v1/devices/{device_id}/commands', { params: path, body: { body } })),
    onSuccess: async () => {
      setBody('');
      await queries.invalidateQueries({ queryKey: ['commands', device] });
    },
  });
  const items = queue.data?.items ?? [];
  return (
    <Card
      title="Commands"
      actions={
        <CopyAs
          way={{
            cli: ['command', 'send'],
            names: [device, body || '…'],
            method: 'POST',
            path: `/v1/devices/${encodeURIComponent(device)}/commands`,
            body: { body },
          }}
        />
      }
    >
      <p className="muted">A command waits until the device takes it, an hour if nothing else is said.</p>
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          sending.mutate();
        }}
      >
        <TextField className="field" value={body} onChange={setBody}>
          <Label>Text</Label>
          <TextArea className="input" rows={3} />
        </TextField>
        <ProblemNote error={sending.error ?? queue.error} />
        <Button type="submit" kind="primary" isDisabled={sending.isPending}>
          Send
        </Button>
      </Form>
      {items.length === 0 ? (
        <Empty>Nothing waits for it.</Empty>
      ) : (
        <>
          <ul className="plain">
            {items.map((each) => (
              <li key={each.command_id} className="line">
                <span>
                  <Foreign text={each.message_id} mono /> <Badge tone={each.state === 'queued' ? 'info' : 'warn'}>{each.state}</Badge>
                  <div className="muted">
                    {each.size_bytes} bytes, sent <Time at={each.enqueued_at} />, ends <Time at={each.expires_at} />
                    {each.delivery_count > 1 && `, tried ${each.delivery_count} times`}
                  </div>
                </span>
              </li>
            ))}
          </ul>
          <Act
            label="Purge"
            kind="danger"
            title={`Throw away ${items.length} ${items.length === 1 ? 'command' : 'commands'}?`}
            act={(reason) =>
              take(api.DELETE('/v1/devices/{device_id}/commands', { params: { ...path, query: { reason: reason || undefined } } }))
            }
          >
            <p>The device never gets them. Their senders are told, if they asked for feedback.</p>
          </Act>
        </>
      )}
    </Card>
  );
}
