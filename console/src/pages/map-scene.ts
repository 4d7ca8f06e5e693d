// What a map holds, found quickly: what lies under the pointer, in sight, or next to something in a direction. Pure.
import type { Schemas } from '../api/client';
import { visible } from '../ui/text';
import { plain } from './network-words';

export type NetworkMap = Schemas['NetworkMapView'];
export type MapNode = Schemas['MapNodeView'];
export type MapEdge = Schemas['MapEdgeView'];
export type MapGroup = Schemas['MapGroupView'];

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What can be chosen on a map: an asset, whoever is outside, or a closed group. */
export interface Thing extends Rect {
  id: string;
  /** Of its middle. */
  cx: number;
  cy: number;
  label: string;
  node: MapNode | null;
  group: MapGroup | null;
  alerts: number;
  /** Places of its edges. */
  edges: number[];
}

export interface Line {
  a: Thing;
  b: Thing;
  edge: MapEdge;
}

/** The part of a map that is seen: its upper left corner, and how many pixels a unit takes. */
export interface View {
  x: number;
  y: number;
  zoom: number;
}

export const NODE_RADIUS = 13;
const NODE_REACH = 22;
const GRID = 240;
const ZOOM_LEAST = 0.02;
const ZOOM_MOST = 3;
const FIT_MOST = 1.25;
const MARGIN = 24;

export class Scene {
  readonly things: Thing[] = [];
  readonly lines: Line[] = [];
  readonly groups: MapGroup[];
  readonly bounds: Rect;
  private readonly byId = new Map<string, Thing>();
  private readonly grid = new Map<string, Thing[]>();

  constructor(readonly map: NetworkMap) {
    const names = new Map(map.groups.map((group) => [group.group_id, group]));
    const isOneSite = map.groups.filter(({ kind }) => kind === 'site').length < 2;
    this.groups = map.groups;
    for (const node of map.nodes) this.add(ofNode(node));
    for (const group of map.groups) if (group.is_closed) this.add(ofGroup(group, names, isOneSite));
    for (const edge of map.edges) {
      const a = this.byId.get(edge.source);
      const b = this.byId.get(edge.target);
      if (!a || !b) continue;
      a.edges.push(this.lines.length);
      b.edges.push(this.lines.length);
      this.lines.push({ a, b, edge });
    }
    this.bounds = around([...this.things, ...map.groups]);
  }

  find(id: string): Thing | undefined {
    return this.byId.get(id);
  }

  /** Return what lies at a point; nodes lie over closed groups. */
  pick(x: number, y: number): Thing | undefined {
    const there = (this.grid.get(`${Math.floor(x / GRID)} ${Math.floor(y / GRID)}`) ?? []).filter((thing) => holds(thing, x, y));
    return there.find((thing) => thing.node) ?? there[0];
  }

  /** Return what lies in a rectangle at least partly. */
  within(rect: Rect): Thing[] {
    return this.things.filter((thing) => meet(thing, rect));
  }

  /** Return what lies nearest in a direction: far ahead counts less than far aside. */
  towards(from: Thing, dx: number, dy: number): Thing | undefined {
    let best: Thing | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const thing of this.things) {
      if (thing === from) continue;
      const along = (thing.cx - from.cx) * dx + (thing.cy - from.cy) * dy;
      const aside = Math.abs((thing.cx - from.cx) * dy) + Math.abs((thing.cy - from.cy) * dx);
      if (along <= 0 || aside > along * 2) continue;
      const cost = along + aside * 2;
      if (cost < least) {
        least = cost;
        best = thing;
      }
    }
    return best;
  }

  /** Return what lies nearest to a point. */
  nearest(x: number, y: number): Thing | undefined {
    let best: Thing | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const thing of this.things) {
      const distance = (thing.cx - x) ** 2 + (thing.cy - y) ** 2;
      if (distance < least) {
        least = distance;
        best = thing;
      }
    }
    return best;
  }

  /** Return those whom something talks with. */
  peers(thing: Thing): Set<Thing> {
    return new Set(thing.edges.map((place) => this.lines[place]!).map(({ a, b }) => (a === thing ? b : a)));
  }

  /** Return what a text is found in: name, address, role, maker or registered device; in any case of letters. */
  search(text: string): Set<string> {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return new Set();
    return new Set(this.things.filter((thing) => wordsOf(thing).toLowerCase().includes(wanted)).map((thing) => thing.id));
  }

  private add(thing: Thing): void {
    this.things.push(thing);
    this.byId.set(thing.id, thing);
    for (let x = Math.floor(thing.x / GRID); x <= Math.floor((thing.x + thing.width) / GRID); x += 1)
      for (let y = Math.floor(thing.y / GRID); y <= Math.floor((thing.y + thing.height) / GRID); y += 1) {
        const key = `${x} ${y}`;
        const there = this.grid.get(key);
        if (there) there.push(thing);
        else this.grid.set(key, [thing]);
      }
  }
}

function ofNode(node: MapNode): Thing {
  const rect = { x: node.x - NODE_REACH, y: node.y - NODE_REACH, width: 2 * NODE_REACH, height: 2 * NODE_REACH };
  const label = node.name || node.address || node.node_id;
  return { ...rect, id: node.node_id, cx: node.x, cy: node.y, label, node, group: null, alerts: node.alerts, edges: [] };
}

function ofGroup(group: MapGroup, groups: ReadonlyMap<string, MapGroup>, isOneSite: boolean): Thing {
  const { x, y, width, height } = group;
  const middle = { cx: x + width / 2, cy: y + height / 2 };
  return { x, y, width, height, ...middle, id: group.group_id, label: groupPath(group, groups, isOneSite), node: null, group, alerts: group.alerts, edges: [] };
}

/** Name a group alone: `level 1`, `zone Cell 1`. */
export function groupName(group: Pick<MapGroup, 'kind' | 'name'>): string {
  if (group.kind === 'level') return group.name ? `Level ${group.name}` : 'Level unknown';
  if (group.kind === 'site') return group.name || 'No site';
  return group.name || `No ${group.kind}`;
}

/** Name a group with those around it; a site goes without saying where it is the only one. */
function groupPath(group: MapGroup, groups: ReadonlyMap<string, MapGroup>, isOneSite: boolean): string {
  const parent = groups.get(group.parent);
  if (!parent || (parent.kind === 'site' && isOneSite)) return groupName(group);
  return `${groupName(group)}, ${groupPath(parent, groups, isOneSite)}`;
}

function wordsOf({ node, label }: Thing): string {
  return node ? [node.name, node.address, plain(node.role), node.vendor, node.device_id].join('\n') : label;
}

function holds(rect: Rect, x: number, y: number): boolean {
  return x >= rect.x && x <= rect.x + rect.width && y >= rect.y && y <= rect.y + rect.height;
}

function meet(one: Rect, other: Rect): boolean {
  return (
    one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height
  );
}

/** Return the smallest rectangle around others. */
export function around(rects: readonly Rect[]): Rect {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, width, height } of rects) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + width);
    bottom = Math.max(bottom, y + height);
  }
  return rects.length ? { x: left, y: top, width: right - left, height: bottom - top } : { x: 0, y: 0, width: 0, height: 0 };
}

/** Return the view that shows a rectangle as large as it can be. */
export function fit(rect: Rect, width: number, height: number): View {
  const zoom = Math.min((width - 2 * MARGIN) / Math.max(rect.width, 1), (height - 2 * MARGIN) / Math.max(rect.height, 1));
  const used = Math.max(ZOOM_LEAST, Math.min(FIT_MOST, zoom));
  return { zoom: used, x: rect.x + rect.width / 2 - width / used / 2, y: rect.y + rect.height / 2 - height / used / 2 };
}

/** Return a view that is nearer or farther by a factor; what lies at a point of the screen stays there. */
export function zoomed(view: View, factor: number, atX: number, atY: number): View {
  const zoom = Math.max(ZOOM_LEAST, Math.min(ZOOM_MOST, view.zoom * factor));
  return { zoom, x: view.x + atX / view.zoom - atX / zoom, y: view.y + atY / view.zoom - atY / zoom };
}

/** Return a view in which a point is seen: the same, where it is seen already. */
export function shown(view: View, cx: number, cy: number, width: number, height: number): View {
  const x = (cx - view.x) * view.zoom;
  const y = (cy - view.y) * view.zoom;
  if (x >= MARGIN && y >= MARGIN && x <= width - MARGIN && y <= height - MARGIN) return view;
  return { ...view, x: cx - width / view.zoom / 2, y: cy - height / view.zoom / 2 };
}

/** Say in words what something on the map is, for whoever hears it. */
export function describe(thing: Thing): string {
  const { node, group } = thing;
  const talks = `talks with ${thing.edges.length}`;
  if (group) {
    const alerts = group.alerts ? `, ${group.alerts} open alerts` : '';
    return `${visible(thing.label)}, closed group of ${group.assets} assets${alerts}, ${talks}`;
  }
  if (!node?.asset_id) return `Outside of ${visible(node?.site ?? '')}, ${talks}`;
  const parts = [visible(thing.label), node.role ? plain(node.role) : 'role unknown', node.level ? `level ${node.level}` : 'level unknown'];
  if (node.zone) parts.push(`zone ${visible(node.zone)}`);
  if (node.alerts) parts.push(`${node.alerts} open ${node.alerts === 1 ? 'alert' : 'alerts'}, gravest ${node.severity}`);
  if (node.proven) parts.push(`${node.proven} proven vulnerabilities`);
  if (node.is_new) parts.push('not acknowledged');
  if (node.is_talking_outside) parts.push('talks with the outside');
  return [...parts, talks].join(', ');
}

const SHAPES: Record<string, Shape> = {
  controller: 'square',
  outstation: 'square',
  protection_relay: 'square',
  building_controller: 'square',
  io_device: 'square',
  drive: 'square',
  meter: 'square',
  hmi: 'diamond',
  master: 'diamond',
  engineering_station: 'diamond',
  historian: 'diamond',
  server: 'diamond',
  gateway: 'hexagon',
  router: 'hexagon',
  switch: 'hexagon',
  firewall: 'hexagon',
  access_point: 'hexagon',
};

export type Shape = 'circle' | 'square' | 'diamond' | 'hexagon' | 'outside';

/** Return what an asset is drawn as, by its role: never by colour alone. */
export function shapeOf(node: Pick<MapNode, 'asset_id' | 'role'>): Shape {
  return node.asset_id ? (SHAPES[node.role] ?? 'circle') : 'outside';
}

export type LineKind = 'level' | 'external' | 'zone' | 'plain';
export const LINE_KINDS: LineKind[] = ['plain', 'zone', 'external', 'level'];

/** Return the pattern of an edge: what it passes. */
export function lineKind(edge: Pick<MapEdge, 'crossing' | 'is_external'>): LineKind {
  if (edge.crossing === 'level') return 'level';
  if (edge.is_external) return 'external';
  return edge.crossing === 'zone' ? 'zone' : 'plain';
}
