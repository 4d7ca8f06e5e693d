// Draws a map on a canvas: boxes, lines, shapes, words; the farther away, the less of it.
import { visible } from '../ui/text';
import { groupName, LINE_KINDS, type Line, type LineKind, lineKind, type MapGroup, NODE_RADIUS, type Scene, shapeOf, type Shape, type Thing, type View } from './map-scene';

/** Colours as the tokens of the theme have them. */
export type Look = Record<'paper' | 'card' | 'sunken' | 'line' | 'line-strong' | 'ink' | 'ink-soft' | 'accent' | 'accent-soft' | 'bad' | 'warn' | 'info' | 'focus' | 'font', string>;

export interface Marked {
  chosen: string;
  /** What is looked for; empty: nothing is. */
  found: ReadonlySet<string>;
  hasFocus: boolean;
}

const NAMES: (keyof Look)[] = ['paper', 'card', 'sunken', 'line', 'line-strong', 'ink', 'ink-soft', 'accent', 'accent-soft', 'bad', 'warn', 'info', 'focus', 'font'];
// From these sizes on: shapes instead of dots, words under them, dashes and arrows.
const SHAPES_FROM = 0.22;
const WORDS_FROM = 0.62;
// With more lines than these there are no dashes, and each is fainter, so that one still sees what lies beneath.
const DASHES_MOST = 400;
const CLEAR_MOST = 600;
const TITLE_WIDTH = 46;
const LABEL_CHARS = 16;
const FAINT = 0.16;
const ALERTING_WIDTH = 1.4;

const STYLES: Record<LineKind, { color: keyof Look; width: number; dash: number[]; alpha: number }> = {
  plain: { color: 'line-strong', width: 1, dash: [], alpha: 0.55 },
  zone: { color: 'ink-soft', width: 1.4, dash: [2, 3], alpha: 0.85 },
  external: { color: 'info', width: 1.6, dash: [7, 4], alpha: 0.9 },
  level: { color: 'warn', width: 2.2, dash: [10, 3, 2, 3], alpha: 1 },
};

/** Read the colours of the theme in force. */
export function readLook(): Look {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Look;
}

/** Draw all that is in sight; the context's unit is a pixel of the page. */
export function draw(context: CanvasRenderingContext2D, scene: Scene, view: View, size: { width: number; height: number }, look: Look, marked: Marked): void {
  const sight = { x: view.x, y: view.y, width: size.width / view.zoom, height: size.height / view.zoom };
  context.save();
  context.fillStyle = look.paper;
  context.fillRect(0, 0, size.width, size.height);
  context.setLineDash([]);
  for (const group of scene.groups) if (meets(group, sight)) drawGroup(context, group, view, look);
  const chosen = scene.find(marked.chosen);
  const near = chosen ? scene.peers(chosen) : null;
  const things = scene.within(sight);
  const closed = things.filter(({ group }) => group);
  for (const thing of closed) drawClosed(context, thing, view, look, isFaint(thing, chosen, near, marked));
  drawLines(context, scene.lines, view, sight, look, chosen);
  for (const { group } of closed) if (group) writeClosed(context, group, view, look);
  if (view.zoom < SHAPES_FROM) drawDots(context, things, view, look);
  else for (const thing of things) if (thing.node) drawNode(context, thing, view, look, isFaint(thing, chosen, near, marked));
  for (const group of scene.groups) if (group.kind === 'site' && !group.is_closed && meets(group, sight)) writeSite(context, group, view, look);
  for (const id of marked.found) {
    const thing = scene.find(id);
    if (thing) ring(context, thing, view, look.accent, 2);
  }
  if (chosen) ring(context, chosen, view, marked.hasFocus ? look.focus : look.ink, 3);
  context.restore();
}

function isFaint(thing: Thing, chosen: Thing | undefined, near: Set<Thing> | null, marked: Marked): boolean {
  if (chosen && near && near.size) return thing !== chosen && !near.has(thing) && !marked.found.has(thing.id);
  return marked.found.size > 0 && !marked.found.has(thing.id);
}

interface Sight {
  x: number;
  y: number;
  width: number;
  height: number;
}

function meets(one: Sight, sight: Sight): boolean {
  return one.x < sight.x + sight.width && sight.x < one.x + one.width && one.y < sight.y + sight.height && sight.y < one.y + one.height;
}

function drawGroup(context: CanvasRenderingContext2D, group: MapGroup, view: View, look: Look): void {
  const x = (group.x - view.x) * view.zoom;
  const y = (group.y - view.y) * view.zoom;
  const width = group.width * view.zoom;
  const height = group.height * view.zoom;
  context.globalAlpha = 1;
  context.fillStyle = group.kind === 'site' ? look.sunken : group.kind === 'level' ? look.paper : look.card;
  context.fillRect(x, y, width, height);
  context.strokeStyle = group.kind === 'site' ? look['line-strong'] : look.line;
  context.lineWidth = 1;
  context.strokeRect(x, y, width, height);
  if (width < TITLE_WIDTH || group.is_closed || group.kind === 'site') return;
  const isSmall = group.kind === 'level';
  const room = 30 * view.zoom;
  if (isSmall && room < 11) return;
  context.fillStyle = isSmall ? look['ink-soft'] : look.ink;
  write(context, groupName(group), x + 6, y + Math.min(Math.max(room, 16), 20) - 6, width - 12, look, isSmall ? 11 : 12.5, false);
}

/** Write the name of a site above it, over whatever is there: from afar it is what one finds one's way by. */
function writeSite(context: CanvasRenderingContext2D, group: MapGroup, view: View, look: Look): void {
  const width = group.width * view.zoom;
  if (width < TITLE_WIDTH) return;
  const x = Math.max((group.x - view.x) * view.zoom, 0);
  const y = Math.max((group.y - view.y) * view.zoom, 17);
  context.globalAlpha = 1;
  context.fillStyle = look.ink;
  context.strokeStyle = look.paper;
  context.lineWidth = 4;
  write(context, groupName(group), x + 4, y - 5, width - 8, look, 12.5, true, true);
}

function drawLines(context: CanvasRenderingContext2D, lines: readonly Line[], view: View, sight: Sight, look: Look, chosen: Thing | undefined): void {
  const byKind = new Map<LineKind, Line[]>();
  const own: Line[] = [];
  let count = 0;
  for (const line of lines) {
    const { a, b } = line;
    if (Math.max(a.cx, b.cx) < sight.x || Math.min(a.cx, b.cx) > sight.x + sight.width) continue;
    if (Math.max(a.cy, b.cy) < sight.y || Math.min(a.cy, b.cy) > sight.y + sight.height) continue;
    count += 1;
    if (a === chosen || b === chosen) {
      own.push(line);
      continue;
    }
    const kind = lineKind(line.edge);
    const others = byKind.get(kind);
    if (others) others.push(line);
    else byKind.set(kind, [line]);
  }
  // Dashes cost a hundred times as much as whole lines, and where there are so many nobody could tell them apart.
  const hasDashes = count < DASHES_MOST;
  const strength = (own.length ? FAINT : 1) * Math.max(0.2, Math.min(1, CLEAR_MOST / Math.max(count, 1)));
  for (const kind of LINE_KINDS) strokeAll(context, byKind.get(kind) ?? [], kind, view, look, hasDashes, strength);
  for (const kind of LINE_KINDS) {
    const mine = own.filter(({ edge }) => lineKind(edge) === kind);
    strokeAll(context, mine, kind, view, { ...look, 'line-strong': look.accent }, true, 1.6);
    if (view.zoom >= SHAPES_FROM) for (const line of mine) arrow(context, line, view, line.edge.is_alerting ? look.bad : kind === 'plain' ? look.accent : look[STYLES[kind].color]);
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function strokeAll(context: CanvasRenderingContext2D, lines: readonly Line[], kind: LineKind, view: View, look: Look, hasDashes: boolean, strength: number): void {
  if (!lines.length) return;
  const style = STYLES[kind];
  const scale = Math.max(0.5, Math.min(1.2, view.zoom * 2));
  for (const [isAlerting, isControl] of [[false, false], [false, true], [true, false], [true, true]]) {
    context.beginPath();
    let isAny = false;
    for (const { a, b, edge } of lines) {
      if (edge.controls > 0 !== isControl || edge.is_alerting !== isAlerting) continue;
      isAny = true;
      context.moveTo((a.cx - view.x) * view.zoom, (a.cy - view.y) * view.zoom);
      context.lineTo((b.cx - view.x) * view.zoom, (b.cy - view.y) * view.zoom);
    }
    if (!isAny) continue;
    context.strokeStyle = isAlerting ? look.bad : look[style.color];
    context.globalAlpha = Math.min(1, (isAlerting ? 1 : style.alpha) * strength);
    context.lineWidth = Math.max(style.width, isAlerting ? ALERTING_WIDTH : 0) * scale * (isControl ? 2.2 : 1) + (isAlerting ? 0.8 : 0);
    context.setLineDash(hasDashes ? style.dash : []);
    context.stroke();
  }
}

function arrow(context: CanvasRenderingContext2D, { a, b, edge }: Line, view: View, color: string): void {
  context.fillStyle = color;
  context.globalAlpha = 1;
  for (const [from, to] of edge.is_two_way ? ([[a, b], [b, a]] as const) : ([[a, b]] as const)) {
    const angle = Math.atan2(to.cy - from.cy, to.cx - from.cx);
    const back = (to.node ? NODE_RADIUS + 3 : 3) * view.zoom;
    const x = (to.cx - view.x) * view.zoom - Math.cos(angle) * back;
    const y = (to.cy - view.y) * view.zoom - Math.sin(angle) * back;
    context.beginPath();
    context.moveTo(x, y);
    for (const turn of [0.45, -0.45]) context.lineTo(x - Math.cos(angle + turn) * 9, y - Math.sin(angle + turn) * 9);
    context.fill();
  }
}

function drawClosed(context: CanvasRenderingContext2D, thing: Thing, view: View, look: Look, faint: boolean): void {
  const group = thing.group!;
  const x = (group.x - view.x) * view.zoom;
  const y = (group.y - view.y) * view.zoom;
  const width = group.width * view.zoom;
  const height = group.height * view.zoom;
  context.globalAlpha = faint ? 0.45 : 0.94;
  context.fillStyle = look['accent-soft'];
  context.fillRect(x, y, width, height);
  context.globalAlpha = 1;
  context.strokeStyle = group.alerts ? look.bad : look.accent;
  context.lineWidth = group.alerts ? 3 : 1.5;
  context.strokeRect(x, y, width, height);
}

function writeClosed(context: CanvasRenderingContext2D, group: MapGroup, view: View, look: Look): void {
  const x = (group.x - view.x) * view.zoom;
  const y = (group.y - view.y) * view.zoom;
  const width = group.width * view.zoom;
  const height = group.height * view.zoom;
  if (width < TITLE_WIDTH || height < 14) return;
  context.globalAlpha = 1;
  context.fillStyle = look.ink;
  context.strokeStyle = look['accent-soft'];
  context.lineWidth = 3;
  write(context, groupName(group), x + 6, y + 14, width - 12, look, 12.5, true, true);
  const alerts = group.alerts ? `, ${group.alerts.toLocaleString('en')} alerts` : '';
  if (height > 30) write(context, `${group.assets.toLocaleString('en')} assets${alerts}`, x + 6, y + 29, width - 12, look, 11.5, false, true);
}

function drawDots(context: CanvasRenderingContext2D, things: readonly Thing[], view: View, look: Look): void {
  const size = Math.max(2, 2 * NODE_RADIUS * view.zoom);
  for (const isAlerting of [false, true]) {
    context.fillStyle = isAlerting ? look.bad : look.ink;
    // One that has alerts is larger too: colour alone says nothing to some.
    const side = isAlerting ? Math.max(5, size * 1.8) : size;
    for (const { cx, cy, node } of things)
      if (node && node.alerts > 0 === isAlerting) context.fillRect((cx - view.x) * view.zoom - side / 2, (cy - view.y) * view.zoom - side / 2, side, side);
  }
}

function outline(context: CanvasRenderingContext2D, shape: Shape, x: number, y: number, radius: number): void {
  context.beginPath();
  if (shape === 'square') context.rect(x - radius * 0.86, y - radius * 0.86, radius * 1.72, radius * 1.72);
  else if (shape === 'circle') context.arc(x, y, radius, 0, 2 * Math.PI);
  else if (shape === 'outside') context.ellipse(x, y, radius * 1.7, radius, 0, 0, 2 * Math.PI);
  else {
    const corners = shape === 'diamond' ? 4 : 6;
    const reach = shape === 'diamond' ? 1.2 : 1.08;
    for (let corner = 0; corner < corners; corner += 1) {
      const angle = (2 * Math.PI * corner) / corners;
      context.lineTo(x + Math.cos(angle) * radius * reach, y + Math.sin(angle) * radius * reach);
    }
    context.closePath();
  }
}

function drawNode(context: CanvasRenderingContext2D, thing: Thing, view: View, look: Look, faint: boolean): void {
  const node = thing.node!;
  const x = (thing.cx - view.x) * view.zoom;
  const y = (thing.cy - view.y) * view.zoom;
  const radius = NODE_RADIUS * view.zoom;
  context.globalAlpha = faint ? 0.3 : 1;
  outline(context, shapeOf(node), x, y, radius);
  // Filled: it is a registered device. A broken outline: nobody has said yet that it is known.
  context.fillStyle = node.is_managed ? look.accent : look.card;
  context.fill();
  context.setLineDash(node.is_new && node.asset_id ? [3, 2.5] : []);
  context.strokeStyle = node.asset_id ? look.ink : look.info;
  context.lineWidth = Math.max(1, 1.6 * view.zoom) * (node.criticality === 'critical' || node.criticality === 'high' ? 2 : 1);
  context.stroke();
  context.setLineDash([]);
  if (node.alerts) badge(context, x + radius * 0.9, y - radius * 0.9, radius, '!', look.bad, look);
  if (node.proven) badge(context, x - radius * 0.9, y - radius * 0.9, radius, 'V', look.warn, look);
  if (view.zoom < WORDS_FROM) return;
  context.fillStyle = look.ink;
  context.textAlign = 'center';
  // What lies behind a name must not be read as part of it.
  context.strokeStyle = look.paper;
  context.lineWidth = 3;
  write(context, cut(thing.label), x, y + radius + 13, 118 * view.zoom, look, 11.5, false, true);
  context.textAlign = 'start';
  context.globalAlpha = 1;
}

function badge(context: CanvasRenderingContext2D, x: number, y: number, radius: number, text: string, color: string, look: Look): void {
  const size = Math.max(4, radius * 0.62);
  context.beginPath();
  context.moveTo(x, y - size * 1.15);
  context.lineTo(x + size * 1.1, y + size * 0.8);
  context.lineTo(x - size * 1.1, y + size * 0.8);
  context.closePath();
  context.fillStyle = color;
  context.fill();
  if (size < 6) return;
  context.fillStyle = look.card;
  context.textAlign = 'center';
  write(context, text, x, y + size * 0.62, size * 2, look, size * 1.3, true);
  context.textAlign = 'start';
}

function ring(context: CanvasRenderingContext2D, thing: Thing, view: View, color: string, width: number): void {
  context.globalAlpha = 1;
  context.strokeStyle = color;
  context.lineWidth = width;
  const gap = 4;
  const radius = Math.max(NODE_RADIUS * view.zoom, 3) + gap;
  const x = (thing.cx - view.x) * view.zoom;
  const y = (thing.cy - view.y) * view.zoom;
  if (thing.node) outline(context, shapeOf(thing.node) === 'outside' ? 'outside' : 'circle', x, y, radius);
  else {
    context.beginPath();
    context.rect((thing.x - view.x) * view.zoom - gap, (thing.y - view.y) * view.zoom - gap, thing.width * view.zoom + 2 * gap, thing.height * view.zoom + 2 * gap);
  }
  context.stroke();
}

function cut(text: string): string {
  const seen = visible(text);
  return seen.length > LABEL_CHARS ? `${seen.slice(0, LABEL_CHARS - 1)}…` : seen;
}

const FONTS = new Map<string, string>();

function write(context: CanvasRenderingContext2D, text: string, x: number, y: number, room: number, look: Look, size: number, isBold: boolean, hasHalo = false): void {
  const key = `${size} ${isBold} ${look.font}`;
  let font = FONTS.get(key);
  if (!font) FONTS.set(key, (font = `${isBold ? '600 ' : ''}${size}px ${look.font}`));
  context.font = font;
  const seen = visible(text);
  // A canvas squeezes what is too long; that is read worse than what is cut.
  const most = Math.max(3, Math.floor(room / (size * 0.56)));
  const shown = seen.length > most ? `${seen.slice(0, most - 1)}…` : seen;
  if (hasHalo) context.strokeText(shown, x, y);
  context.fillText(shown, x, y);
}
