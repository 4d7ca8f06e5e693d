// Refused connections: which check failed, on which certificate, what to do next.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { ToggleButton } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { queryText } from '../ui/text';
import { Badge, Button, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { NewPin } from './device-pin';
import { CHECKS, checkOf } from './reasons';
import { apart, gather, type RefusalGroup } from './refusal-groups';

type Refusal = Schemas['DecisionView'];
type Device = Schemas['DeviceView'];

const PAGE = 200;
// One that tries again and again fills many pages: how many are read before one asks for more.
const PAGES_AT_FIRST = 5;

const COLUMNS: Column<RefusalGroup>[] = [
  { title: 'Last', width: '112px', cell: ({ newest }) => <Time at={newest.decided_at} /> },
  { title: 'Who', width: 'minmax(84px, 1fr)', cell: ({ newest }) => <Foreign text={nameOf(newest)} /> },
  {
    title: 'Why',
    width: 'minmax(150px, 1fr)',
    cell: ({ newest }) => <Badge tone={newest.kind === 'cut' ? 'bad' : 'warn'}>{`${newest.kind === 'cut' ? 'cut off: ' : ''}${newest.reason.replaceAll('_', ' ')}`}</Badge>,
  },
  { title: 'Times', width: '44px', cell: ({ count }) => <span className="number">{count.toLocaleString('en')}</span> },
  { title: 'From', width: 'minmax(72px, 110px)', cell: ({ newest }) => <Foreign text={newest.remote_address} mono /> },
];

export default function Refusals() {
  const [parameters, change] = useQueryState();
  const device = parameters.get('device') ?? '';
  const list = useInfiniteQuery({
    queryKey: ['refusals', 'list', device],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      take(
        api.GET('/v1/refusals', {
          params: { query: { limit: PAGE, after: pageParam, device_id: device || undefined } },
        }),
      ),
    getNextPageParam: (page) => page.next || undefined,
    refetchInterval: 10_000,
  });
  const isApart = parameters.get('each') === '1';
  const [mostPages, setMostPages] = useState(PAGES_AT_FIRST);
  const pages = list.data?.pages.length ?? 0;
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const groups = useMemo(() => (isApart ? apart(items) : gather(items)), [items, isApart]);
  const chosen = items.find((each) => each.decision_id === parameters.get('id')) ?? items[0];
  const group = chosen && groups.find((each) => each.ids.has(chosen.decision_id));
  return (
    <Page
      title="Refused connections"
      about={device ? <Foreign text={device} /> : 'newest first'}
      actions={
        <>
          <ToggleButton className="chip" isSelected={isApart} onChange={(isOn) => change({ each: isOn ? '1' : '' })}>
            One by one
          </ToggleButton>
          {device && <Button onPress={() => change({ device: '', id: '' })}>Show all</Button>}
          <CopyAs
            way={{
              cli: ['refusal', 'list'],
              options: device ? ['--device', device] : [],
              path: link('/v1/refusals', { device_id: device }),
            }}
          />
        </>
      }
    >
      <ProblemNote error={list.error} />
      <div className="split">
        <div className="stack">
          <Table
            label="Refused connections"
            columns={COLUMNS}
            items={groups}
            keyOf={keyOf}
            hasMore={list.hasNextPage && pages < mostPages}
            isLoading={list.isFetching}
            onMore={() => void list.fetchNextPage()}
            onOpen={({ newest }) => change({ id: newest.decision_id })}
            onCurrent={({ newest }) => change({ id: newest.decision_id })}
            current={group?.key}
            empty="Nobody was refused. A device that cannot get in shows up here within a second, with the reason."
          />
          {list.hasNextPage && pages >= mostPages && (
            <Button onPress={() => setMostPages(pages + PAGES_AT_FIRST)}>Look further back</Button>
          )}
        </div>
        {chosen && <Explanation refusal={chosen} group={group} />}
      </div>
    </Page>
  );
}

function keyOf(group: RefusalGroup): string {
  return group.key;
}

function nameOf(refusal: Refusal): string {
  return refusal.module_id ? `${refusal.device_id}/${refusal.module_id}` : refusal.device_id;
}

function Explanation({ refusal, group }: { refusal: Refusal; group: RefusalGroup | undefined }) {
  const device = useNow(refusal);
  const back = backSince(refusal, device);
  const failed = CHECKS.findIndex((check) => check.id === checkOf(refusal.reason));
  return (
    <div className="explanation" aria-live="polite">
      <Card
        title={<Foreign text={nameOf(refusal) || 'somebody without a name'} />}
        actions={<Link href={link('/decisions', { device: refusal.device_id, id: refusal.cursor })}>Why it was decided so</Link>}
      >
        <p>
          <strong>{refusal.kind === 'cut' ? 'Cut off' : 'Refused'}:</strong> {refusal.reason.replaceAll('_', ' ')}
          {refusal.detail && (
            <>
              {' – '}
              <Foreign text={refusal.detail} />
            </>
          )}
        </p>
        <ol className="checks">
          {CHECKS.map((check, index) => (
            <li key={check.id} className={index < failed ? 'passed' : index === failed ? 'failed' : 'later'}>
              <span aria-hidden="true">{index < failed ? '✓' : index === failed ? '✗' : '·'}</span>
              <span>
                {check.title}
                <span className="visually-hidden">
                  {index < failed ? ', passed' : index === failed ? ', failed' : ', not looked at any more'}
                </span>
                {index === failed && <span className="muted"> – {check.about}</span>}
              </span>
            </li>
          ))}
        </ol>
      </Card>
      <Card title="What to do">
        {back && (
          <p className="note good" role="status">
            It is in again: connected <Time at={back} />. Nothing is left to do here.
          </p>
        )}
        <p className={back ? 'muted' : undefined}>{refusal.hint ? <Foreign text={refusal.hint} /> : <span className="muted">Look at the certificate and the checks above.</span>}</p>
        <Remedy key={refusal.decision_id} refusal={refusal} device={device} />
      </Card>
      <Card title="What was shown">
        <dl className="facts">
          <dt>Certificate</dt>
          <dd>{refusal.certificate_subject ? <Foreign text={refusal.certificate_subject} /> : 'none was presented'}</dd>
          {refusal.certificate_sha256 && (
            <>
              <dt>Issued by</dt>
              <dd>
                <Foreign text={refusal.certificate_issuer} />
              </dd>
              <dt>Ends</dt>
              <dd>
                <Time at={refusal.certificate_not_after} />
              </dd>
              <dt>Serial</dt>
              <dd>
                <Foreign text={refusal.certificate_serial} mono />
              </dd>
              <dt>SHA-256</dt>
              <dd>
                <Foreign text={refusal.certificate_sha256} mono />
              </dd>
            </>
          )}
          <dt>TLS</dt>
          <dd>{refusal.tls_version ?? '–'}</dd>
          <dt>From</dt>
          <dd>
            <Foreign text={refusal.remote_address} mono /> at {refusal.gateway}
          </dd>
          {refusal.policies.length > 0 && (
            <>
              <dt>Policies</dt>
              <dd>
                <Foreign text={refusal.policies.join(', ')} />
              </dd>
            </>
          )}
          <dt>When</dt>
          <dd>
            <Time at={refusal.decided_at} />, {refusal.repeated} {refusal.repeated === 1 ? 'time' : 'times'}
            {group && group.ids.size > 1 && (
              <>
                ; {group.count.toLocaleString('en')} times since <Time at={group.oldest.decided_at} />
              </>
            )}
          </dd>
        </dl>
      </Card>
    </div>
  );
}

/** Read the device as it is now; undefined where nobody is registered by that name. */
function useNow(refusal: Refusal): Device | undefined {
  const found = useQuery({
    queryKey: ['refusals', 'since', refusal.device_id],
    // Asked for as a list: that it is not registered is an answer, and not a mistake.
    queryFn: () => take(api.GET('/v1/devices', { params: { query: { limit: 1, where: `deviceId = ${queryText(refusal.device_id)}` } } })),
    enabled: refusal.device_id !== '' && !refusal.module_id,
    refetchInterval: 3_000,
    retry: false,
  });
  return found.data?.items[0];
}

/** Return since when it is in again; empty while it is not: whoever has mended something waits for that. */
function backSince(refusal: Refusal, device: Device | undefined): string {
  const presence = device?.presence;
  if (refusal.module_id || !presence?.is_connected || !presence.since) return '';
  return Date.parse(presence.since) > Date.parse(refusal.decided_at) ? presence.since : '';
}

/** What a click can mend, for the reasons that one can. */
export function Remedy({ refusal, device }: { refusal: Refusal; device?: Device }) {
  const [done, setDone] = useState('');
  const path = { path: { device_id: refusal.device_id } };
  const page = (
    <Link className="button" href={`/devices/${encodeURIComponent(refusal.device_id)}`}>
      Open the device
    </Link>
  );
  const said = (
    <span role="status" className="muted">
      {done}
    </span>
  );
  switch (refusal.reason) {
    case 'unknown_identity':
      return (
        <Link className="button primary" href={link('/add-device', { id: refusal.device_id })}>
          Add this device
        </Link>
      );
    case 'disabled':
      return (
        <div className="row-of">
          <Act
            label="Enable the device"
            kind="primary"
            title={`Enable ${refusal.device_id}?`}
            act={(reason) => take(api.POST('/v1/devices/{device_id}/enable', { params: path, body: { reason } }))}
            onDone={() => setDone('It is enabled, and comes in when it next tries.')}
          >
            <p>It comes in when it next tries, mostly within half a minute.</p>
          </Act>
          {page}
          {said}
        </div>
      );
    case 'certificate_expired':
    case 'certificate_not_permitted':
      return (
        <div className="row-of">
          <Act
            label="Let it enroll once more"
            kind={refusal.reason === 'certificate_expired' ? 'primary' : undefined}
            needsReason
            title={`Let ${refusal.device_id} enroll once more?`}
            act={(reason) =>
              take(api.POST('/v1/devices/{device_id}/allow-reenrollment', { params: path, body: { reason } }))
            }
            onDone={() => setDone('It may enroll once more, until this time tomorrow. It comes when it next tries to enroll.')}
          >
            <p>
              For a day, once. It needs an enrollment that covers it, and its factory certificate. A device that has none receives a new
              certificate on the spot, which is registered instead.
            </p>
          </Act>
          {device?.authentication.type === 'self_signed' && (
            <NewPin device={device} onDone={() => setDone('Registered. It comes in when it next tries with it.')} />
          )}
          {page}
          {said}
        </div>
      );
    case 'takeover_damped':
      return (
        <Link className="button primary" href="/clone-alerts">
          See the clone alert
        </Link>
      );
    default:
      return refusal.generation_id ? page : null;
  }
}
