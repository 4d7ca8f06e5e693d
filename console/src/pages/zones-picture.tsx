// A picture of zones by Purdue level and the conduits between them; the tables beneath and beside say the same.
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { link } from '../app/url';
import { visible } from '../ui/text';
import { Card } from '../ui/ui';
import type { Conduit, Violation, Zone } from './zones-queries';
import { BOX, type Box, levelInWords, lineBetween, placeZones } from './zones-words';

const ZONES_MAX = 150;
const NAME_CHARS = 21;

export function ZonePicture({ zones, conduits, violations, plan }: {
  zones: Zone[];
  conduits: Conduit[];
  violations: Violation[];
  plan: string;
}) {
  const sites = useMemo(() => [...new Set(zones.map((zone) => zone.site))].sort(), [zones]);
  const [site, setSite] = useState<string | null>(null);
  const isMuch = zones.length > ZONES_MAX;
  const chosen = site ?? (isMuch ? (sites[0] ?? '') : null);
  const shown = useMemo(
    () => (chosen === null ? zones : zones.filter((zone) => zone.site === chosen)).slice(0, ZONES_MAX),
    [zones, chosen],
  );
  if (zones.length === 0) return null;
  return (
    <Card
      title="Zones and conduits"
      actions={
        sites.length > 1 && (
          <label className="row-of">
            <span className="muted">Site</span>
            <select className="input" value={chosen ?? '*'} onChange={(event) => setSite(event.target.value === '*' ? null : event.target.value)}>
              {!isMuch && <option value="*">all</option>}
              {sites.map((each) => (
                <option key={each} value={each}>
                  {visible(each) || 'no site'}
                </option>
              ))}
            </select>
          </label>
        )
      }
    >
      <Drawn zones={shown} conduits={conduits} violations={violations} plan={plan} />
      <p className="row-of legend">
        <span className="key conduit" /> conduit
        {violations.length > 0 && (
          <>
            <span className="key violation" /> traffic that breaks the plan
          </>
        )}
        <span className="muted">Point at a zone to see only its own. Conduits lead from clients to servers.</span>
      </p>
      {shown.length < zones.length && <p className="muted flat">{`${shown.length} of ${zones.length} zones are drawn; the table has all.`}</p>}
    </Card>
  );
}

function Drawn({ zones, conduits, violations, plan }: { zones: Zone[]; conduits: Conduit[]; violations: Violation[]; plan: string }) {
  const [near, setNear] = useState('');
  const picture = useMemo(() => placeZones(zones, conduits), [zones, conduits]);
  const broken = useMemo(() => pairsOf(violations), [violations]);
  const allowed = useMemo(() => pairsOf(conduits), [conduits]);
  const lines = (pairs: [string, string][], kind: string) =>
    pairs.map(([source, target]) => {
      const [from, to] = [picture.boxes.get(source), picture.boxes.get(target)];
      if (!from || !to || from === to) return null;
      const isNear = near === '' || near === source || near === target;
      return <path key={`${kind} ${source} ${target}`} className={`${kind} ${isNear ? '' : 'far'}`} d={lineBetween(from, to)} markerEnd={`url(#${kind}-end)`} />;
    });
  return (
    <div className="zone-picture" role="group" aria-label="Picture of zones and conduits">
      <svg width="100%" style={{ minWidth: picture.width }} height={picture.height} onMouseLeave={() => setNear('')}>
        <defs>
          {['conduit', 'violation'].map((kind) => (
            <marker key={kind} id={`${kind}-end`} className={kind} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M 0 0 L 8 4 L 0 8 z" />
            </marker>
          ))}
        </defs>
        {picture.lanes.map((lane) => (
          <g key={lane.level}>
            <line className="lane" x1={0} x2="100%" y1={lane.y + 0.5} y2={lane.y + 0.5} />
            <text className="lane-name" x={16} y={lane.y + 18}>
              {levelInWords(lane.level)}
            </text>
          </g>
        ))}
        {lines(allowed, 'conduit')}
        {lines(broken, 'violation')}
        {[...picture.boxes.values()].map((box) => (
          <ZoneBox key={box.id} box={box} plan={plan} isFar={near !== '' && near !== box.id && !touches(allowed, broken, near, box.id)} onNear={setNear} />
        ))}
      </svg>
    </div>
  );
}

function ZoneBox({ box, plan, isFar, onNear }: { box: Box; plan: string; isFar: boolean; onNear: (id: string) => void }) {
  const name = visible(box.name);
  // Names that a proposal gives begin with the site, which is chosen above.
  const own = box.zone?.site && name.startsWith(`${visible(box.zone.site)} `) ? name.slice(visible(box.zone.site).length + 1) : name;
  const short = own.length > NAME_CHARS ? `${own.slice(0, NAME_CHARS - 1)}…` : own;
  const zone = box.zone;
  const kinds = [zone?.kind === 'micro' ? 'micro' : '', zone?.is_critical ? 'critical' : ''].filter(Boolean);
  const about = zone ? [`${zone.named_members} named`, `risk ${zone.risk}`, ...kinds].join(' · ') : 'no asset of ours';
  const drawn = (
    <g className={`zone-box ${isFar ? 'far' : ''} ${zone?.is_critical ? 'critical' : ''}`} onMouseEnter={() => onNear(box.id)}>
      <rect x={box.x} y={box.y} width={BOX.width} height={BOX.height} rx={7} />
      <text className="name" x={box.x + 10} y={box.y + 19}>
        {short}
      </text>
      <text className="about" x={box.x + 10} y={box.y + 36}>
        {about}
      </text>
    </g>
  );
  if (!zone) return drawn;
  return (
    <Link
      href={link(`/zones/${encodeURIComponent(zone.zone_id)}`, { plan })}
      aria-label={`${name}, ${levelInWords(zone.level)}`}
      onFocus={() => onNear(box.id)}
      onBlur={() => onNear('')}
    >
      {drawn}
    </Link>
  );
}

function pairsOf(ends: { source: string; target: string }[]): [string, string][] {
  return [...new Map(ends.map(({ source, target }) => [`${source} ${target}`, [source, target] as [string, string]])).values()];
}

function touches(allowed: [string, string][], broken: [string, string][], one: string, other: string): boolean {
  return [...allowed, ...broken].some(([a, b]) => (a === one && b === other) || (a === other && b === one));
}

