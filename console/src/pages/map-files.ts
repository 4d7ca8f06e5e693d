// The map as files for other programs. Pure.
import { csvCell } from '../ui/text';
import type { Line, Scene, Thing } from './map-scene';

const NODE_COLUMNS = ['node_id', 'name', 'address', 'role', 'level', 'zone', 'site', 'vendor', 'device_id', 'alerts', 'severity', 'proven', 'peers'] as const;
const EDGE_COLUMNS = ['protocols', 'packets', 'bytes', 'controls', 'crossing', 'is_external', 'is_alerting', 'first_at', 'last_at'] as const;

function row(cells: readonly unknown[]): string {
  return `${cells.map((cell) => csvCell(Array.isArray(cell) ? cell.join('; ') : String(cell ?? ''))).join(',')}\r\n`;
}

/** Write what is said as a table, one line for each pair; safe to open in a spreadsheet. */
export function edgesAsCsv(lines: readonly Line[]): string {
  const head = row(['from', 'to', 'from_id', 'to_id', ...EDGE_COLUMNS]);
  return head + lines.map(({ a, b, edge }) => row([a.label, b.label, a.id, b.id, ...EDGE_COLUMNS.map((name) => edge[name])])).join('');
}

/** Write the assets of a map as a table. */
export function nodesAsCsv(scene: Scene): string {
  return row(NODE_COLUMNS) + scene.map.nodes.map((node) => row(NODE_COLUMNS.map((name) => node[name]))).join('');
}

/** Put what matters first: alerts, then how many it talks with. */
export function inOrder(things: readonly Thing[]): Thing[] {
  return [...things].sort((one, other) => other.alerts - one.alerts || other.edges.length - one.edges.length || one.label.localeCompare(other.label));
}
