// One capture: how far it is, and its report.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { ApiError, api, take } from '../api/client';
import { provePresence } from '../api/confirm';
import { useMay } from '../api/people';
import { nameIn, useQueryState } from '../app/url';
import { usePathname } from 'wouter/use-browser-location';
import { CopyAs } from '../ui/copy';
import { save } from '../ui/save';
import { Badge, Button, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { CaptureReport } from './capture-report';
import { type Capture, isOpen, percent, size, STATES } from './captures-words';
import './captures.css';

const LOOK_MS = 700;
const STEP_UP = 'operators.step_up_needed';

export default function CapturePage() {
  const id = nameIn(usePathname());
  const [parameters, change] = useQueryState();
  const found = useQuery({
    queryKey: ['capture', id],
    queryFn: () => take(api.GET('/v1/captures/{capture_id}', { params: { path: { capture_id: id } } })),
    refetchInterval: (query) => (query.state.data && isOpen(query.state.data) ? LOOK_MS : false),
  });
  const capture = found.data;
  return (
    <Page
      title={capture ? <Foreign text={capture.name} /> : 'Capture'}
      about={capture && <Badge tone={STATES[capture.state].tone}>{STATES[capture.state].words}</Badge>}
      actions={
        <>
          {capture?.has_report &&
            (['pdf', 'json'] as const).map((form) => (
              <a key={form} className="button" href={`/v1/captures/${encodeURIComponent(id)}/report?format=${form}`} download={`${id}.${form}`}>
                {form.toUpperCase()}
                <span className="visually-hidden"> of the report</span>
              </a>
            ))}
          <CopyAs way={{ cli: ['capture', 'report'], names: [id], path: `/v1/captures/${encodeURIComponent(id)}/report` }} />
        </>
      }
    >
      <ProblemNote error={found.error} />
      {capture && <Standing capture={capture} />}
      {capture?.has_report && <CaptureReport capture={capture} parameters={parameters} change={change} />}
    </Page>
  );
}

function Standing({ capture }: { capture: Capture }) {
  const step = capture.state === 'receiving' ? 'uploaded' : 'analyzed';
  return (
    <Card title="The capture" actions={<Acts capture={capture} />}>
      {isOpen(capture) && (
        <div className="field">
          <label htmlFor="capture-progress">
            {capture.state === 'waiting'
              ? 'Waits for its turn: one capture is analyzed at a time'
              : `${percent(capture)} % of ${size(capture.size_bytes)} ${step}, ${capture.packets.toLocaleString('en')} packets`}
          </label>
          <progress id="capture-progress" max={100} {...(capture.state === 'waiting' ? {} : { value: percent(capture) })} />
        </div>
      )}
      {capture.state === 'receiving' && <p className="muted">To go on after a break, choose the same file again under Captures.</p>}
      {capture.cause && (
        <div className={capture.state === 'failed' ? 'note bad' : 'note'} role="status">
          <Foreign text={capture.cause} />
        </div>
      )}
      <dl className="facts">
        <Pair name="Size">{size(capture.size_bytes)}</Pair>
        <Pair name="Site">
          <Foreign text={capture.site} />
        </Pair>
        <Pair name="Inventory">{capture.is_taken_in ? 'knows what it holds' : 'not changed'}</Pair>
        <Pair name="File">{capture.has_file ? (capture.is_kept ? 'kept' : 'deleted after the analysis') : 'deleted'}</Pair>
        <Pair name="Uploaded by">
          <Foreign text={capture.author} />
        </Pair>
        <Pair name="Begun">
          <Time at={capture.created_at} />
        </Pair>
        {capture.sha256 && (
          <Pair name="SHA-256">
            <Foreign text={capture.sha256} mono />
          </Pair>
        )}
      </dl>
    </Card>
  );
}

function Pair({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className="pair">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

async function download(id: string): Promise<ArrayBuffer> {
  const read = () => take(api.GET('/v1/captures/{capture_id}/content', { params: { path: { capture_id: id } }, parseAs: 'arrayBuffer' }));
  try {
    return (await read()) as unknown as ArrayBuffer;
  } catch (problem) {
    if (!(problem instanceof ApiError) || problem.problem.code !== STEP_UP) throw problem;
    await provePresence('GET', `/v1/captures/${id}/content`);
    return (await read()) as unknown as ArrayBuffer;
  }
}

function Acts({ capture }: { capture: Capture }) {
  const may = useMay();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [isAsked, setAsked] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const path = { capture_id: capture.capture_id };
  const act = async (what: () => Promise<void>) => {
    setError(null);
    try {
      await what();
    } catch (problem) {
      setError(problem);
    }
    setAsked(false);
    void queries.invalidateQueries({ queryKey: ['capture'] });
  };
  const remove = () =>
    act(async () => {
      await take(api.DELETE('/v1/captures/{capture_id}', { params: { path } }));
      navigate('/captures');
    });
  return (
    <>
      <ProblemNote error={error} />
      {capture.has_file && capture.is_kept && !isOpen(capture) && may('readPackets') && (
        <Button onPress={() => void act(async () => save(`${capture.capture_id}.capture`, 'application/octet-stream', await download(capture.capture_id)))}>
          Download the file
        </Button>
      )}
      {isOpen(capture) && (
        <Button onPress={() => void act(async () => void (await take(api.POST('/v1/captures/{capture_id}/cancel', { params: { path } }))))}>
          Cancel
        </Button>
      )}
      {isAsked ? (
        <>
          <span>The file and its report go for good.</span>
          <Button kind="danger" onPress={() => void remove()}>
            Delete it
          </Button>
          <Button onPress={() => setAsked(false)}>Keep it</Button>
        </>
      ) : (
        <Button onPress={() => setAsked(true)}>Delete…</Button>
      )}
    </>
  );
}
