// Beside the map: what is chosen, whom it talks with, and what the signs mean.
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { link } from '../app/url';
import { Badge, Button, Card, Foreign, Time } from '../ui/ui';
import { LINE_KINDS, lineKind, type LineKind, type Scene, type Thing } from './map-scene';
import { bytesInWords, plain } from './network-words';

const PEERS_SHOWN = 12;
const WHY: Record<LineKind, ReactNode> = {
  level: <Badge tone="warn">past a level</Badge>,
  external: <Badge tone="info">outside</Badge>,
  zone: <Badge>between zones</Badge>,
  plain: null,
};

/** What is known of what is chosen, and what one can do next. */
export function Chosen({ thing, scene, onOpen, onFocus, onChoose }: {
  thing: Thing;
  scene: Scene;
  onOpen: () => void;
  onFocus: (id: string) => void;
  onChoose: (thing: Thing) => void;
}) {
  const { node, group } = thing;
  return (
    <Card
      title={<Foreign text={thing.label} />}
      actions={
        <>
          {node?.asset_id && <Button onPress={() => onFocus(node.asset_id)}>Only around it</Button>}
          {group && <Button kind="primary" onPress={onOpen}>Open the group</Button>}
        </>
      }
    >
      {group && (
        <p>
          {group.assets.toLocaleString('en')} assets
          {group.alerts > 0 && <>, {group.alerts.toLocaleString('en')} open alerts</>}.
        </p>
      )}
      {node && !node.asset_id && (
        <p>
          Everybody outside of <Foreign text={node.site} /> whom an asset there talks with.{' '}
          <Link href="/external-connections">See who they are</Link>
        </p>
      )}
      {node?.asset_id && (
        <dl className="facts">
          <dt>Asset</dt>
          <dd>
            <Link href={`/assets/${encodeURIComponent(node.asset_id)}`}>Open it</Link>
          </dd>
          <dt>Address</dt>
          <dd>
            <Foreign text={node.address} mono />
          </dd>
          <dt>What it is</dt>
          <dd>
            <Foreign text={[node.vendor, plain(node.role)].filter(Boolean).join(', ') || 'unknown'} />
          </dd>
          <dt>Where</dt>
          <dd>
            <Foreign text={[node.site, node.zone, node.level && `level ${node.level}`].filter(Boolean).join(', ') || 'unknown'} />
          </dd>
          <dt>Device</dt>
          <dd>
            {node.device_id ? (
              <Link href={`/devices/${encodeURIComponent(node.device_id)}`}>
                <Foreign text={node.device_id} />
              </Link>
            ) : (
              'none registered'
            )}
          </dd>
          {node.alerts > 0 && (
            <>
              <dt>Alerts</dt>
              <dd>
                <Link href={link('/alerts', { asset: node.asset_id })}>{node.alerts} open</Link> <Badge tone="bad">{node.severity}</Badge>
              </dd>
            </>
          )}
          {(node.proven > 0 || node.maybe > 0) && (
            <>
              <dt>Vulnerable</dt>
              <dd>
                <Link href={link('/vulnerabilities', { asset: node.asset_id })}>
                  {node.proven} proven, {node.maybe} possible
                </Link>
              </dd>
            </>
          )}
        </dl>
      )}
      <Peers thing={thing} scene={scene} onChoose={onChoose} />
    </Card>
  );
}

function Peers({ thing, scene, onChoose }: { thing: Thing; scene: Scene; onChoose: (thing: Thing) => void }) {
  if (!thing.edges.length) return <p className="muted">Under these filters it talks with nobody.</p>;
  const lines = thing.edges.map((place) => scene.lines[place]!);
  return (
    <>
      <h3>Talks with</h3>
      <ul className="map-peers">
        {lines.slice(0, PEERS_SHOWN).map(({ a, b, edge }) => {
          const other = a === thing ? b : a;
          return (
            <li key={other.id}>
              <Button kind="quiet" onPress={() => onChoose(other)}>
                <Foreign text={other.label} />
              </Button>
              <span className="muted">
                <Foreign text={edge.protocols.join(', ') || 'unknown protocol'} />, {bytesInWords(edge.bytes)}
                {edge.controls > 0 && `, ${edge.controls.toLocaleString('en')} ${edge.controls === 1 ? 'change' : 'changes'} asked for`}, <Time at={edge.last_at} />
              </span>
              {edge.is_alerting && <Badge tone="bad">alerts</Badge>}
              {WHY[lineKind(edge)]}
            </li>
          );
        })}
      </ul>
      {lines.length > PEERS_SHOWN && <p className="muted">and {lines.length - PEERS_SHOWN} more; “Only around it” shows them.</p>}
    </>
  );
}

const LINES: Record<LineKind, string> = {
  plain: 'talks with',
  zone: 'between zones: dotted',
  external: 'leaves the network: dashed',
  level: 'past a Purdue level: dash and dot',
};

/** What the signs of the map mean. */
export function Legend() {
  return (
    <details className="map-legend">
      <summary>Legend</summary>
      <ul>
        <li>
          <Sign path="M5 5h14v14H5z" /> controller, I/O, drive, meter
        </li>
        <li>
          <Sign path="M12 3l9 9-9 9-9-9z" /> HMI, master, station, server
        </li>
        <li>
          <Sign path="M3 12l4.5-8h9l4.5 8-4.5 8h-9z" /> gateway, switch, router
        </li>
        <li>
          <Sign path="M12 4a8 8 0 1 0 .01 0z" /> any other, or unknown
        </li>
        <li>
          <Sign path="M12 6c-6 0-10 2.500-10 6s4 6 10 6 10-2.500 10-6-4-6-10-6z" /> outside of the site
        </li>
        <li>
          <Sign path="M5 5h14v14H5z" className="filled" /> filled: a registered device
        </li>
        <li>
          <Sign path="M5 5h14v14H5z" className="broken" /> broken outline: not acknowledged
        </li>
        <li>
          <Sign path="M12 4l9 16H3z" className="bad" /> ! open alerts
        </li>
        <li>
          <Sign path="M12 4l9 16H3z" className="warn" /> V proven vulnerabilities
        </li>
        {LINE_KINDS.map((kind) => (
          <li key={kind}>
            <Sign path="M1 12h22" className={`line-${kind}`} /> {LINES[kind]}
          </li>
        ))}
        <li>
          <Sign path="M1 12h22" className="line-alert" /> red and thicker: an end has open alerts
        </li>
        <li>
          <Sign path="M1 12h22" className="line-control" /> wide: writes, control or programs were asked for
        </li>
      </ul>
    </details>
  );
}

function Sign({ path, className = '' }: { path: string; className?: string }) {
  return (
    <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" className={`map-sign ${className}`}>
      <path d={path} />
    </svg>
  );
}
