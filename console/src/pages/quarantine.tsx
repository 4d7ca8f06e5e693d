// Who is in quarantine, how deep and why, when somebody should look again, and the way back.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField, ToggleButton } from 'react-aria-components';
import { Link } from 'wouter';
import { ApiError, api, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { link, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { called } from '../ui/text';
import { Badge, Button, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { EntryLine } from './entry-line';
import { BudgetsOf, QuarantineModal, WaysOut } from './quarantine-acts';
import { MODES, type Quarantined, wayBack } from './quarantine-words';

const PAGE = 200;
const HISTORY = 8;

const COLUMNS: Column<Quarantined>[] = [
  { title: 'Device', width: 'minmax(100px, 1.2fr)', cell: (each) => <Foreign text={each.device_id} /> },
  {
    title: 'Mode',
    width: '96px',
    cell: (each) => <Badge tone={MODES[each.mode].tone}>{each.mode}</Badge>,
  },
  { title: 'Reason', width: 'minmax(110px, 2fr)', cell: (each) => <Foreign text={each.reason} /> },
  { title: 'Since', width: '112px', cell: (each) => <Time at={each.since} /> },
  {
    title: 'Look again',
    width: '116px',
    cell: (each) => (each.is_review_due ? <Badge tone="bad">overdue</Badge> : <Time at={each.review_at} />),
  },
];

export default function Quarantines() {
  const [parameters, change] = useQueryState();
  const isDue = parameters.get('due') === '1';
  const isWaiting = parameters.get('waits') === '1';
  const [said, setSaid] = useState('');
  const list = useLongList(['quarantines', isDue, isWaiting], (after) =>
    take(
      api.GET('/v1/quarantines', {
        params: { query: { limit: PAGE, after, is_due: isDue, waits_for_approval: isWaiting || undefined } },
      }),
    ),
  );
  const wanted = parameters.get('device') ?? '';
  const device = wanted || list.items[0]?.device_id || '';
  const filters = { is_due: isDue ? 'true' : '', waits_for_approval: isWaiting ? 'true' : '' };
  return (
    <Page
      title="Quarantine"
      about={list.isFirst ? '' : `${(list.offset + list.items.length).toLocaleString('en')}${list.hasMore ? ' and more' : ''}`}
      actions={
        <>
          <ToggleButton className="chip" isSelected={isDue} onChange={(isOn) => change({ due: isOn ? '1' : '', device: '' })}>
            To be looked at again
          </ToggleButton>
          <ToggleButton className="chip" isSelected={isWaiting} onChange={(isOn) => change({ waits: isOn ? '1' : '', device: '' })}>
            Waits for a second person
          </ToggleButton>
          <PutOne onSaid={setSaid} />
          <CopyAs
            way={{
              cli: ['quarantine', 'list'],
              options: [...(isDue ? ['--due'] : []), ...(isWaiting ? ['--waits'] : [])],
              path: link('/v1/quarantines', filters),
            }}
          />
        </>
      }
    >
      <ProblemNote error={list.error} />
      <p role="status" className={said ? 'note good' : 'visually-hidden'}>
        <bdi>{said}</bdi>
      </p>
      <div className="split">
        <Table
          label="Devices in quarantine"
          columns={COLUMNS}
          items={list.items}
          offset={list.offset}
          keyOf={(each) => each.device_id}
          hasMore={list.hasMore}
          isLoading={list.isLoading}
          onMore={list.onMore}
          onBefore={list.onBefore}
          onOpen={(each) => change({ device: each.device_id })}
          onCurrent={(each) => change({ device: each.device_id })}
          current={device}
          empty={
            isDue
              ? 'Nothing is overdue.'
              : isWaiting
                ? 'No cut waits for a second person.'
                : 'No device is in quarantine. Put one here when it behaves oddly: it keeps a narrow way to be repaired.'
          }
        />
        {device && <Detail key={device} device={device} onSaid={setSaid} />}
      </div>
    </Page>
  );
}

/** Ask for a device by its name, then what is asked of any quarantine. */
function PutOne({ onSaid }: { onSaid: (text: string) => void }) {
  const [name, setName] = useState('');
  const [device, setDevice] = useState('');
  return (
    <>
      <DialogTrigger onOpenChange={() => setName('')}>
        <Button kind="danger">Quarantine a device…</Button>
        <ModalOverlay className="modal-overlay" isDismissable>
          <Modal className="modal">
            <Dialog>
              {({ close }) => (
                <Form
                  onSubmit={(event) => {
                    event.preventDefault();
                    close();
                    setDevice(name.trim());
                  }}
                >
                  <Heading slot="title">Which device?</Heading>
                  <TextField className="field" value={name} onChange={setName} isRequired autoFocus>
                    <Label>Device id</Label>
                    <Input className="input" maxLength={128} />
                  </TextField>
                  <footer>
                    <Button onPress={close}>Cancel</Button>
                    <Button type="submit" kind="primary">
                      Go on
                    </Button>
                  </footer>
                </Form>
              )}
            </Dialog>
          </Modal>
        </ModalOverlay>
      </DialogTrigger>
      {device && (
        <QuarantineModal key={device} device={device} onSaid={onSaid} isOpen onOpenChange={(isOpen) => !isOpen && setDevice('')} />
      )}
    </>
  );
}

/** The quarantine of a device, or null where it is in none. */
export function useQuarantineOf(device: string) {
  const path = { path: { device_id: device } };
  return useQuery({
    queryKey: ['quarantine', device],
    queryFn: async () => {
      // Asked first whether it is in one: that it is not is an answer, and not a mistake.
      const preview = await take(api.GET('/v1/devices/{device_id}/quarantine/preview', { params: path }));
      if (preview.present_mode === null) return null;
      return take(api.GET('/v1/devices/{device_id}/quarantine', { params: path })).catch((error: unknown) => {
        if (error instanceof ApiError && error.problem.code === 'access.not_quarantined') return null;
        throw error;
      });
    },
    refetchInterval: 5_000,
    retry: false,
  });
}

function Detail({ device, onSaid }: { device: string; onSaid: (text: string) => void }) {
  const found = useQuarantineOf(device);
  const page = `/devices/${encodeURIComponent(device)}`;
  const path = `/v1/devices/${encodeURIComponent(device)}/quarantine`;
  return (
    <div className="explanation">
      <ProblemNote error={found.error} />
      {found.data === null && (
        <Card title={<Foreign text={device} />}>
          <p>
            It is not in quarantine. <Link href={link(page, { tab: 'access' })}>See what it may do</Link>
          </p>
        </Card>
      )}
      {found.data && (
        <>
          <Card
            title={<Foreign text={device} />}
            actions={
              <>
                <Badge tone={MODES[found.data.mode].tone}>{found.data.mode}</Badge>
                <CopyAs way={{ cli: ['quarantine', 'show'], names: [device], path }} />
              </>
            }
          >
            <About quarantined={found.data} />
          </Card>
          <Card title="The way back">
            <Way quarantined={found.data} />
            <WaysOut quarantined={found.data} onSaid={onSaid} />
          </Card>
          <Card title="Blast radius">
            <p className="muted">Devices cut off within the hour, of those that may be.</p>
            <BudgetsOf device={device} />
          </Card>
          <Trail device={device} />
          <Card title="What it may do now">
            <div className="row-of">
              <Link className="button" href={link(page, { tab: 'access' })}>
                Access, signals and risk
              </Link>
              <Link className="button" href={link('/decisions', { device })}>
                Decisions about it
              </Link>
            </div>
          </Card>
        </>
      )}
    </div>
  );
}

/** The facts of a quarantine. */
export function About({ quarantined }: { quarantined: Quarantined }) {
  return (
    <>
      <p>{MODES[quarantined.mode].leaves}</p>
      {quarantined.narrowed_because && (
        <p className="note warn">
          {quarantined.asked_mode} was asked for: <Foreign text={quarantined.narrowed_because} />.
          {quarantined.asked_by && ' It waits for a second person.'}
        </p>
      )}
      <dl className="facts">
        <dt>Reason</dt>
        <dd>
          <Foreign text={quarantined.reason} />
        </dd>
        <dt>Since</dt>
        <dd>
          <Time at={quarantined.since} />
          {quarantined.mode_since !== quarantined.since && (
            <>
              ; {quarantined.mode} <Time at={quarantined.mode_since} />
            </>
          )}
        </dd>
        <dt>Look again</dt>
        <dd>
          {quarantined.is_review_due && <Badge tone="bad">overdue</Badge>} <Time at={quarantined.review_at} />
        </dd>
        <dt>By</dt>
        <dd>
          <Foreign text={bare(quarantined.started_by)} />
          {quarantined.source !== quarantined.started_by && (
            <>
              , source <Foreign text={bare(quarantined.source)} />
            </>
          )}
        </dd>
        <dt>Was before</dt>
        <dd>{quarantined.former_lifecycle}</dd>
      </dl>
    </>
  );
}

/** Name who asked: a program or the host's token by its name, a person as one. */
function bare(actor: string): string {
  return called(actor.slice(actor.lastIndexOf(':') + 1));
}

const MARKS = { done: '✓', here: '●', later: '·' } as const;

export function Way({ quarantined }: { quarantined: Quarantined }) {
  return (
    <ol className="checks" aria-label="The way back">
      {wayBack(quarantined).map((step) => (
        <li key={step.title} className={step.state === 'later' ? 'later' : ''} aria-current={step.state === 'here' ? 'step' : undefined}>
          <span aria-hidden="true">{MARKS[step.state]}</span>
          <span>
            {step.state === 'here' ? <strong>{step.title}</strong> : step.title}
            <span className="muted"> – {step.about}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}

/** What was done about it, by whom. */
function Trail({ device }: { device: string }) {
  const history = useQuery({
    queryKey: ['history', device],
    queryFn: () => take(api.GET('/v1/devices/{device_id}/history', { params: { path: { device_id: device } } })),
    retry: false,
  });
  const acts = (history.data?.acts ?? []).filter((each) => each.action.startsWith('access.')).reverse();
  if (acts.length === 0) return null;
  return (
    <Card title="What was done">
      <ul className="plain">
        {acts.slice(0, HISTORY).map((entry) => (
          <EntryLine key={entry.position} entry={entry} />
        ))}
      </ul>
    </Card>
  );
}
