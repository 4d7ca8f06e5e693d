// The evidence of an alert: facts, and the packets behind it, which only some may read and never unnoticed.
import { useState } from 'react';
import { ApiError, api, take } from '../api/client';
import { provePresence } from '../api/confirm';
import { save } from '../ui/save';
import { clockTime } from '../ui/text';
import { Button, Card, Foreign, ProblemNote } from '../ui/ui';
import { hexDump, type Packet, packetWords, readPackets } from './alerts-packets';
import { type Alert } from './alerts-words';

const SHOWN = 50;
const STEP_UP = 'operators.step_up_needed';

export function Evidence({ alert }: { alert: Alert }) {
  const facts = Object.entries(alert.detail);
  return (
    <Card title="Evidence">
      {facts.length > 0 && (
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name} className="pair">
              <dt>
                <Foreign text={name.replaceAll('_', ' ')} />
              </dt>
              <dd>
                <Foreign text={value === null ? '' : String(value)} />
              </dd>
            </div>
          ))}
          {alert.protocol && (
            <div className="pair">
              <dt>protocol</dt>
              <dd>
                <Foreign text={alert.protocol} />
              </dd>
            </div>
          )}
        </dl>
      )}
      {alert.slice_bytes > 0 ? (
        <Packets alert={alert} />
      ) : (
        <p className="muted">No packets are kept: the sensor sent none, or their time is over.</p>
      )}
    </Card>
  );
}

async function readSlice(alert: string): Promise<ArrayBuffer> {
  const path = { path: { alert_id: alert } };
  const read = () => take(api.GET('/v1/alerts/{alert_id}/slice', { params: path, parseAs: 'arrayBuffer' }));
  try {
    return (await read()) as unknown as ArrayBuffer;
  } catch (problem) {
    if (!(problem instanceof ApiError) || problem.problem.code !== STEP_UP) throw problem;
    await provePresence('GET', `/v1/alerts/${alert}/slice`);
    return (await read()) as unknown as ArrayBuffer;
  }
}

function Packets({ alert }: { alert: Alert }) {
  const [capture, setCapture] = useState<ArrayBuffer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isReading, setReading] = useState(false);
  const read = async () => {
    setError(null);
    setReading(true);
    try {
      setCapture(await readSlice(alert.alert_id));
    } catch (problem) {
      setError(problem);
    }
    setReading(false);
  };
  const packets = capture ? readPackets(capture) : [];
  return (
    <>
      <p>
        {alert.slice_bytes.toLocaleString('en')} bytes of the conversation behind it are kept, payload left out.{' '}
        <span className="muted">The ledger says who read them.</span>
      </p>
      <div className="row-of">
        {capture ? (
          <Button onPress={() => save(`${alert.alert_id}.pcapng`, 'application/octet-stream', capture)}>Download (pcapng)</Button>
        ) : (
          <Button isDisabled={isReading} onPress={() => void read()}>
            {isReading ? 'Reading…' : 'Read the packets'}
          </Button>
        )}
      </div>
      <ProblemNote error={error} />
      {capture && (
        <div role="region" aria-label="Packets" className="packets" tabIndex={0}>
          <p className="muted">
            {packets.length} {packets.length === 1 ? 'packet' : 'packets'}
            {packets.length > SHOWN && `, the first ${SHOWN}`}
          </p>
          {packets.slice(0, SHOWN).map((packet, number) => (
            <One key={`${packet.at} ${number}`} packet={packet} number={number + 1} />
          ))}
        </div>
      )}
    </>
  );
}

function One({ packet, number }: { packet: Packet; number: number }) {
  return (
    <details open={number === 1}>
      <summary>
        {number}. {clockTime(packet.at / 1000)} {packetWords(packet)}{' '}
        <span className="muted">
          {packet.bytes.length} of {packet.size} bytes
        </span>
      </summary>
      <pre className="code">{hexDump(packet.bytes)}</pre>
    </details>
  );
}
