// Service tokens: what programs show instead of a person, who answers for them, and when they were used last.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import {
  Checkbox,
  CheckboxGroup,
  Dialog,
  DialogTrigger,
  Form,
  Heading,
  Input,
  Label,
  Modal,
  ModalOverlay,
  TextField,
} from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useGroupName, useMay } from '../api/people';
import { serverNow } from '../api/server-clock';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { Code } from '../ui/code';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { EVERYWHERE, Places, placesOf } from './roles-places';
import { namesIn, placesInWords, PROGRAMS_ROLES, ROLES } from './roles-words';

type Token = Schemas['ServiceTokenView'];

const DAYS = [1, 7, 30, 60, 90] as const;
const SOON_MS = 7 * 86_400_000;

export default function ServiceTokens() {
  const [parameters, change] = useQueryState();
  const may = useMay();
  const tokens = useLongList<Token>(['service-tokens'], (after) =>
    take(api.GET('/v1/service-tokens', { params: { query: { limit: 200, after } } })),
  );
  const columns: Column<Token>[] = [
    { title: 'Token', width: 'minmax(140px, 1.4fr)', cell: (each) => <Foreign text={each.name} /> },
    { title: 'May', width: 'minmax(110px, 1fr)', cell: (each) => <Foreign text={each.roles.join(', ')} /> },
    { title: 'Last used', width: '120px', cell: (each) => <Time at={each.last_used_at} /> },
    { title: 'Ends', width: '120px', cell: (each) => <Ends token={each} /> },
  ];
  const items = tokens.items;
  const chosen = items.find((each) => each.token_id === parameters.get('id')) ?? items[0];
  return (
    <Page
      title="Service tokens"
      about="what programs show instead of a person"
      actions={
        <>
          {may('manageKeys') && <Make />}
          <CopyAs way={{ cli: ['token', 'list'], path: '/v1/service-tokens' }} />
        </>
      }
    >
      <ProblemNote error={tokens.error} />
      <div className="split">
        <Table
          label="Service tokens"
          columns={columns}
          items={items}
          offset={tokens.offset}
          keyOf={(each) => each.token_id}
          hasMore={tokens.hasMore}
          isLoading={tokens.isLoading}
          onMore={tokens.onMore}
          onBefore={tokens.onBefore}
          onCurrent={(each) => change({ id: each.token_id })}
          current={chosen?.token_id}
          empty="There is none. Make one for each program that calls the API: it may do only what its roles give, and ends by itself."
        />
        {chosen && <Detail key={chosen.token_id} token={chosen} />}
      </div>
    </Page>
  );
}

function ownerOf(token: Token): string {
  return token.owner_id === null ? 'the host’s administrator' : token.owner_name;
}

function hasEnded(token: Token): boolean {
  return Date.parse(token.expires_at) <= serverNow();
}

function Ends({ token }: { token: Token }) {
  if (hasEnded(token)) return <Badge>ended</Badge>;
  const isSoon = Date.parse(token.expires_at) - serverNow() < SOON_MS;
  return (
    <Badge tone={isSoon ? 'warn' : 'good'}>
      <Time at={token.expires_at} />
    </Badge>
  );
}

function Detail({ token }: { token: Token }) {
  const groupName = useGroupName();
  const may = useMay();
  return (
    <div className="explanation">
      <Card
        title={<Foreign text={token.name} />}
        actions={
          <CopyAs
            way={{
              cli: ['token', 'show'],
              names: [token.token_id],
              path: `/v1/service-tokens/${encodeURIComponent(token.token_id)}`,
            }}
          />
        }
      >
        <dl className="facts">
          <dt>May</dt>
          <dd>
            <Foreign text={token.roles.join(', ')} />
          </dd>
          <dt>Where</dt>
          <dd>
            <Foreign text={placesInWords(token, groupName)} />
          </dd>
          <dt>From</dt>
          <dd>{token.networks.length ? <Foreign text={token.networks.join(', ')} mono /> : 'any network'}</dd>
          <dt>Answers for it</dt>
          <dd>
            {token.owner_id === null ? (
              ownerOf(token)
            ) : (
              <Link href={link('/roles', { person: token.owner_id })}>
                <Foreign text={token.owner_name} />
              </Link>
            )}
          </dd>
          <dt>Made</dt>
          <dd>
            <Time at={token.created_at} />
          </dd>
          <dt>Last used</dt>
          <dd>
            <Time at={token.last_used_at} />
            {token.last_used_address && (
              <>
                {' '}
                from <Foreign text={token.last_used_address} mono />
              </>
            )}
          </dd>
          <dt>{hasEnded(token) ? 'Ended' : 'Ends'}</dt>
          <dd>
            <Time at={token.expires_at} />
          </dd>
        </dl>
        {!hasEnded(token) && may('restrict') && (
          <Act
            label="Revoke"
            kind="danger"
            needsReason
            title={`Revoke the service token ${token.name}?`}
            act={(reason) =>
              take(
                api.DELETE('/v1/service-tokens/{token_id}', {
                  params: { path: { token_id: token.token_id }, query: { reason } },
                }),
              )
            }
          >
            <p>The next request with it is refused. It cannot be undone: the program needs another token.</p>
          </Act>
        )}
      </Card>
    </div>
  );
}

function Make() {
  const [secret, setSecret] = useState('');
  return (
    <DialogTrigger onOpenChange={() => setSecret('')}>
      <Button kind="primary">Make a token</Button>
      <ModalOverlay className="modal-overlay">
        <Modal className="modal">
          <Dialog>
            {({ close }) =>
              secret ? (
                <>
                  <Heading slot="title">Keep this token</Heading>
                  <p>It is shown now and never again: only its digest is kept. Put it where the program reads it, and nowhere else.</p>
                  <Code label="Service token" text={secret} />
                  <Code
                    label="How the program sends it"
                    text={`curl -H "Authorization: Bearer $(cat token)" ${window.location.origin}/v1/status`}
                  />
                  <footer>
                    <Button kind="primary" onPress={close}>
                      I have kept it
                    </Button>
                  </footer>
                </>
              ) : (
                <MakeForm close={close} onMade={setSecret} />
              )
            }
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function MakeForm({ close, onMade }: { close: () => void; onMade: (secret: string) => void }) {
  const [name, setName] = useState('');
  const [roles, setRoles] = useState<string[]>(['auditor']);
  const [places, setPlaces] = useState(EVERYWHERE);
  const [networks, setNetworks] = useState('');
  const [days, setDays] = useState(90);
  const [error, setError] = useState<unknown>(null);
  const [isWorking, setWorking] = useState(false);
  const queries = useQueryClient();
  const make = async () => {
    setWorking(true);
    setError(null);
    try {
      const body = { name, roles, ...placesOf(places), networks: namesIn(networks), lifetime_days: days };
      const made = await take(api.POST('/v1/service-tokens', { body }));
      onMade(made.secret);
      await queries.invalidateQueries({ queryKey: ['service-tokens'] });
    } catch (problem) {
      setError(problem);
    } finally {
      setWorking(false);
    }
  };
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <Heading slot="title">Make a service token</Heading>
      <p>You answer for it: it opens nothing while you are disabled. It gives nobody access, whatever its roles.</p>
      <TextField className="field" value={name} onChange={setName} isRequired autoFocus>
        <Label>What it is for</Label>
        <Input className="input" maxLength={64} placeholder="siem export" />
      </TextField>
      <CheckboxGroup className="field" value={roles} onChange={setRoles}>
        <Label className="label">What it may do</Label>
        <span className="row-of">
          {[...ROLES, ...PROGRAMS_ROLES].map((role) => (
            <Checkbox key={role} value={role} className="check">
              <span className="box" aria-hidden="true" /> {role}
            </Checkbox>
          ))}
        </span>
      </CheckboxGroup>
      <Places value={places} onChange={setPlaces} />
      <TextField className="field" value={networks} onChange={setNetworks} autoComplete="off">
        <Label>Only from these networks (none: from anywhere)</Label>
        <Input className="input mono" maxLength={512} placeholder="10.20.0.0/16, 2001:db8::/48" spellCheck={false} />
      </TextField>
      <div className="field">
        <label htmlFor="token-days">It ends by itself after</label>
        <select id="token-days" className="input" value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {DAYS.map((each) => (
            <option key={each} value={each}>
              {each === 1 ? '1 day' : `${each} days`}
            </option>
          ))}
        </select>
      </div>
      <ProblemNote error={error} />
      <footer>
        <Button onPress={close}>Cancel</Button>
        <Button type="submit" kind="primary" isDisabled={isWorking || roles.length === 0}>
          {isWorking ? 'Working…' : 'Make it'}
        </Button>
      </footer>
    </Form>
  );
}
