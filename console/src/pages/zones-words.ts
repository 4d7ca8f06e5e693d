// Zones and conduits in words, and where their boxes stand in the picture. Pure.
import type { Conduit, Judged, Service, Violation, Zone } from './zones-queries';

export const LEVELS = ['external', '5', '4', '3.5', '3', '2', '1', '0', ''] as const;
const LEVEL_WORDS: Record<string, string> = {
  external: 'Outside',
  '5': 'Level 5, enterprise',
  '4': 'Level 4, site business',
  '3.5': 'Level 3.5, DMZ',
  '3': 'Level 3, site operations',
  '2': 'Level 2, supervision',
  '1': 'Level 1, control',
  '0': 'Level 0, process',
  '': 'No level',
};

export function levelInWords(level: string): string {
  return LEVEL_WORDS[level] ?? `Level ${level}`;
}

/** Write a service as `tcp/502` or `udp/5000-5010`. */
export function serviceInWords(service: Service): string {
  if (!['tcp', 'udp', 'sctp'].includes(service.transport)) return service.transport;
  const last = service.port_last ? `-${service.port_last}` : '';
  return `${service.transport}/${service.port ?? 0}${last}`;
}

export function servicesInWords(services: Service[], most = 6): string {
  const shown = services.slice(0, most).map(serviceInWords).join(', ');
  return services.length > most ? `${shown} and ${services.length - most} more` : shown;
}

/** Say what a replay comes to, such as `would block 3 of 12,000 links`. */
export function blockedInWords(blocked: number, all: number, what: string): string {
  return `would block ${blocked.toLocaleString('en')} of ${all.toLocaleString('en')} ${what}`;
}

const VERDICTS: Record<Judged['verdict'], string> = {
  inside: 'within a zone',
  local: 'broadcast or multicast',
  outside: 'between others',
  conduit: 'allowed by a conduit',
  blocked: 'no conduit allows it',
  operation: 'the service is allowed, not the operation',
  layer2: 'beneath IP: only VLANs part them',
};

export function verdictInWords(verdict: Judged['verdict']): string {
  return VERDICTS[verdict];
}

/** What a conduit that allows a violation would say. */
export function conduitFor(each: Pick<Violation, 'source' | 'target' | 'transport' | 'port' | 'protocol' | 'operations'>) {
  const hasPort = ['tcp', 'udp', 'sctp'].includes(each.transport);
  return {
    source: each.source,
    target: each.target,
    services: [{ transport: each.transport, port: hasPort ? each.port : 0, port_last: 0, protocol: each.protocol }],
    operations: [...each.operations].sort(),
  };
}

/** Whether a conduit can allow it: both ends in the plan, and over IP. */
export function mayBeAllowed(each: Pick<Violation, 'source' | 'target' | 'transport' | 'verdict'>): boolean {
  const isPlanned = (zone: string) => zone !== '' && zone !== 'unassigned';
  return (
    each.verdict !== 'layer2' &&
    isPlanned(each.source) &&
    isPlanned(each.target) &&
    each.source !== each.target &&
    ['tcp', 'udp', 'sctp', 'icmp'].includes(each.transport)
  );
}

export interface Box {
  id: string;
  name: string;
  level: string;
  zone: Zone | null;
  x: number;
  y: number;
}

export interface Lane {
  level: string;
  y: number;
  height: number;
}

export interface Picture {
  boxes: Map<string, Box>;
  lanes: Lane[];
  width: number;
  height: number;
}

export const BOX = { width: 190, height: 46, gapX: 28, gapY: 18 };
const LANE_PAD = 30;
const LEFT = 16;
const PER_ROW = 5;

/** Place zones in lanes by level, the outside on top; rows of a lane are cut at five. */
export function placeZones(zones: Zone[], conduits: Pick<Conduit, 'source' | 'target'>[]): Picture {
  const hasOutside = conduits.some((each) => each.source === 'external' || each.target === 'external');
  const boxes = new Map<string, Box>();
  const lanes: Lane[] = [];
  let y = 0;
  let widest = 1;
  for (const level of LEVELS) {
    const here: Omit<Box, 'x' | 'y'>[] =
      level === 'external'
        ? hasOutside
          ? [{ id: 'external', name: 'the outside', level, zone: null }]
          : []
        : sorted(zones.filter((zone) => zone.level === level)).map((zone) => ({ id: zone.zone_id, name: zone.name, level, zone }));
    if (here.length === 0) continue;
    const rows = Math.ceil(here.length / PER_ROW);
    here.forEach((box, index) => {
      const row = Math.floor(index / PER_ROW);
      boxes.set(box.id, {
        ...box,
        x: LEFT + (index % PER_ROW) * (BOX.width + BOX.gapX),
        y: y + LANE_PAD + row * (BOX.height + BOX.gapY),
      });
    });
    widest = Math.max(widest, Math.min(here.length, PER_ROW));
    const height = LANE_PAD + rows * (BOX.height + BOX.gapY);
    lanes.push({ level, y, height });
    y += height;
  }
  return { boxes, lanes, width: LEFT * 2 + widest * (BOX.width + BOX.gapX) - BOX.gapX, height: y };
}

function sorted(zones: Zone[]): Zone[] {
  return [...zones].sort((one, other) => one.site.localeCompare(other.site) || one.name.localeCompare(other.name));
}

/** Return the line of a conduit: from the nearer edges of two boxes, bowed beside boxes that stand in one lane. */
export function lineBetween(from: Box, to: Box): string {
  const middle = (box: Box) => ({ x: box.x + BOX.width / 2, y: box.y + BOX.height / 2 });
  const [a, b] = [middle(from), middle(to)];
  if (from.y === to.y) {
    const depth = from.y + BOX.height + 16;
    return `M ${a.x} ${from.y + BOX.height} C ${a.x} ${depth}, ${b.x} ${depth}, ${b.x} ${to.y + BOX.height}`;
  }
  const isDown = to.y > from.y;
  const [startY, endY] = isDown ? [from.y + BOX.height, to.y] : [from.y, to.y + BOX.height];
  const half = (startY + endY) / 2;
  return `M ${a.x} ${startY} C ${a.x} ${half}, ${b.x} ${half}, ${b.x} ${endY}`;
}

export interface Attack {
  client_address: string;
  server_address: string;
  transport?: string;
  port?: number;
}

const ATTACK_LINE = /^(\S+)\s+(\S+)\s+(tcp|udp|sctp|icmp)(?:\/(\d{1,5}))?$/u;
export const ATTACK_MAX = 1000;

/** Read connections of an attack, one a line: `203.0.113.7 10.1.2.3 tcp/502`. Throws what is wrong with which line. */
export function readAttack(text: string): Attack[] {
  const lines = text.split('\n').map((line) => line.trim());
  const found = lines.flatMap((line, index) => {
    if (!line || line.startsWith('#')) return [];
    const match = ATTACK_LINE.exec(line);
    const port = Number(match?.[4] ?? 0);
    if (!match || port > 65_535) throw new Error(`Line ${index + 1}: write it as 203.0.113.7 10.1.2.3 tcp/502.`);
    return [{ client_address: match[1]!, server_address: match[2]!, transport: match[3]!, port }];
  });
  if (found.length > ATTACK_MAX) throw new Error(`${found.length} connections; ${ATTACK_MAX} is the most.`);
  return found;
}
