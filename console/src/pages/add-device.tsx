// Add a device: say who it is, put the snippet on it, watch it come.
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Form, Input, Label, Radio, RadioGroup, Tab, TabList, TabPanel, Tabs, TextArea, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useStatus } from '../api/queries';
import { link, useQueryState } from '../app/url';
import { Code, save } from '../ui/code';
import { CopyAs } from '../ui/copy';
import { queryText } from '../ui/text';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { BY_ENROLLMENT, fingerprintIn, makeCertificate, type Place, type Snippet, WITH_CERTIFICATE } from './snippets';

type How = 'certificate' | 'enrollment';

const HEARD: Record<string, string> = { connect: 'connected', disconnect: 'was here, and left' };

export default function AddDevice() {
  const [parameters, change] = useQueryState();
  const device = parameters.get('id') ?? '';
  const how = (parameters.get('how') ?? 'certificate') as How;
  const asked = useStatus();
  const status = asked.data;
  const name = device || 'my-device';
  const place: Place | undefined = status && { host: status.hostname, port: status.ports.mqtt, idScope: status.id_scope, device: name };
  return (
    <Page title="Add a device">
      <Card title="1. Who is it?">
        <TextField className="field" value={device} onChange={(id) => change({ id })} autoFocus>
          <Label>Device id</Label>
          <Input className="input" maxLength={128} placeholder="pump-1" spellCheck={false} />
        </TextField>
        <RadioGroup value={how} onChange={(value) => change({ how: value })} className="choices">
          <Label>How does it prove who it is?</Label>
          <Radio value="certificate" className="choice">
            <strong>With a certificate made for it here and now</strong>
            <span className="muted">One device by hand. It is known by the certificate's fingerprint; the key stays on the device.</span>
          </Radio>
          <Radio value="enrollment" className="choice">
            <strong>By itself, with the certificate from its factory</strong>
            <span className="muted">Any number of devices. It receives a certificate of its own, and renews it.</span>
          </Radio>
        </RadioGroup>
      </Card>
      {how === 'certificate' ? <Pin name={name} device={device} /> : <Enroll />}
      <Card title="3. On the device">
        <Root />
        {!place && (asked.error ? <ProblemNote error={asked.error} /> : <Empty>Reading where devices connect…</Empty>)}
        {place && <Snippets snippets={how === 'certificate' ? WITH_CERTIFICATE : BY_ENROLLMENT} place={place} />}
        {place && how === 'enrollment' && (
          <>
            <p>With the certificate that it received, it connects and sends:</p>
            <Snippets snippets={WITH_CERTIFICATE} place={place} />
          </>
        )}
      </Card>
      <div className="watch">
        <Card title="4. Watch it come">
          {device ? <Heard device={device} how={how} /> : <p className="muted">Give it an id first.</p>}
        </Card>
      </div>
    </Page>
  );
}

function Pin({ name, device }: { name: string; device: string }) {
  const [thumbprint, setThumbprint] = useState('');
  const digest = fingerprintIn(thumbprint);
  const body: Schemas['NewDeviceView'] = {
    device_id: device,
    authentication: { type: 'self_signed', primary_thumbprint: digest },
  };
  const creating = useMutation({ mutationFn: () => take(api.POST('/v1/devices', { body })) });
  const known = useKnown(device, device !== '' && !creating.data).data?.items[0];
  return (
    <Card
      title="2. Register it"
      actions={
        <CopyAs
          way={{ cli: ['device', 'create', name, '--authentication', 'self_signed', '--thumbprint', digest || '…'], method: 'POST', path: '/v1/devices', body }}
        />
      }
    >
      <Code label="Make a key and a certificate on the device" text={makeCertificate(name)} />
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          creating.mutate();
        }}
      >
        <TextField className="field" value={thumbprint} onChange={setThumbprint} isRequired>
          <Label>The fingerprint that the last command prints</Label>
          <TextArea className="input" rows={2} spellCheck={false} placeholder="sha256 Fingerprint=AB:CD:…" />
        </TextField>
        <ProblemNote error={creating.error} />
        {creating.data ? (
          <p role="status">
            <Badge tone="good">registered</Badge>{' '}
            <Link href={`/devices/${encodeURIComponent(creating.data.device_id)}`}>
              <Foreign text={creating.data.device_id} />
            </Link>
            . Now run a program on it: step 3.
          </p>
        ) : (
          <>
            {known && (
              <p className="note warn" role="status">
                A device of this id is registered already: <Link href={`/devices/${encodeURIComponent(device)}`}>open it</Link>, or
                choose another id.
              </p>
            )}
            <span className="row-of">
              <Button type="submit" kind="primary" isDisabled={!device || creating.isPending}>
                Register
              </Button>
              {!device && <span className="muted">First give it an id, in step 1.</span>}
            </span>
          </>
        )}
      </Form>
    </Card>
  );
}

function Enroll() {
  const enrollments = useQuery({
    queryKey: ['enrollments'],
    queryFn: () => take(api.GET('/v1/enrollments', { params: { query: { limit: 100 } } })),
  });
  const open = enrollments.data?.items.filter((each) => each.is_enabled);
  return (
    <Card title="2. Is there an enrollment that covers it?">
      <ProblemNote error={enrollments.error} />
      {!open ? (
        !enrollments.error && <Empty>Reading the enrollments…</Empty>
      ) : open.length === 0 ? (
        <p>
          No enrollment is open. <Link href="/authorities">Register the maker's authority</Link>, then{' '}
          <Link href="/enrollments">open one</Link>.
        </p>
      ) : (
        <>
          <p>One of these must name its maker's authority and its id:</p>
          <ul className="plain">
            {open.map((each) => (
              <li key={each.enrollment_id}>
                <Link href={link('/enrollments', { id: each.enrollment_id })}>
                  <Foreign text={each.name} />
                </Link>{' '}
                <span className="muted">
                  for {each.kind === 'group' ? 'ids like ' : ''}
                  <Foreign text={each.kind === 'group' ? each.id_pattern : each.registration_id} mono />
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function Root() {
  const own = useQuery({ queryKey: ['own-authorities'], queryFn: () => take(api.GET('/v1/own-authorities')) });
  const chain = own.data?.items.find((each) => each.purpose === 'services')?.chain_pem ?? own.data?.items[0]?.chain_pem ?? '';
  const root = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/gu)?.at(-1) ?? '';
  if (!root) return <ProblemNote error={own.error} />;
  return (
    <>
      <p className="row-of">
        <span>It must trust this platform: put the root certificate beside the program, as root.pem.</span>
        <Button onPress={() => save('root.pem', root)}>Save root.pem</Button>
      </p>
      <details>
        <summary>Show it</summary>
        <Code label="root.pem" text={root} />
      </details>
    </>
  );
}

function Snippets({ snippets, place }: { snippets: Snippet[]; place: Place }) {
  return (
    <Tabs className="tabs">
      <TabList aria-label="Language" items={snippets}>
        {(each) => <Tab id={each.id}>{each.title}</Tab>}
      </TabList>
      {snippets.map((each) => (
        <TabPanel key={each.id} id={each.id}>
          <p className="muted">
            It needs <code>{each.language}</code>
            {each.run && (
              <>
                , and is run by <code>{each.run}</code>
              </>
            )}
          </p>
          <Code label={each.title} text={each.text(place)} file={each.file} />
        </TabPanel>
      ))}
    </Tabs>
  );
}

/** Look whether a device is registered. */
function useKnown(device: string, isWanted: boolean) {
  return useQuery({
    queryKey: ['heard', device, 'known'],
    // Asked for as a list: that nobody is there yet is an answer, and not a mistake.
    queryFn: () => take(api.GET('/v1/devices', { params: { query: { limit: 1, where: `deviceId = ${queryText(device)}` } } })),
    enabled: isWanted,
    refetchInterval: 1_500,
    retry: false,
  });
}

function Heard({ device, how }: { device: string; how: How }) {
  const heard = useQuery({
    queryKey: ['heard', device],
    queryFn: () => take(api.GET('/v1/decisions', { params: { query: { limit: 5, device_id: device } } })),
    refetchInterval: 1_500,
    retry: false,
  });
  const last = heard.data?.items[0];
  // To enroll is an act, not a decision: the device is simply there afterwards.
  const enrolled = useKnown(device, how === 'enrollment' && !last);
  const there = enrolled.data?.items[0];
  return (
    <div role="status" aria-live="polite">
      {!last && there ? (
        <p>
          <Badge tone="good">enrolled</Badge> <Time at={there.created_at} />. It has not connected yet.{' '}
          <Link href={`/devices/${encodeURIComponent(device)}`}>Open the device</Link>
        </p>
      ) : !last ? (
        <p>
          <Badge tone="info">listening</Badge> Nothing was heard of <Foreign text={device} /> yet. Run the program: it shows here within
          a second or two.
        </p>
      ) : last.effect === 'deny' ? (
        <p>
          <Badge tone="bad">refused</Badge> <Time at={last.decided_at} />: {last.reason.replaceAll('_', ' ')}.{' '}
          <Foreign text={last.hint} /> <Link href={link('/refusals', { device })}>Why</Link>
        </p>
      ) : (
        <p>
          <Badge tone="good">{HEARD[last.kind] ?? 'heard'}</Badge>{' '}
          <Time at={last.decided_at} />. <Link href={link(`/devices/${encodeURIComponent(device)}`, { tab: 'live' })}>See what it sends</Link>
        </p>
      )}
    </div>
  );
}
