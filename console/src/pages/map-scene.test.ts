import { describe as suite, expect, test } from 'vitest';
import { edgesAsCsv, inOrder, nodesAsCsv } from './map-files';
import { isNarrowed, mapOptions, mapPath, mapQueryIn, momentAt, STEPS, stepAt } from './map-query';
import { describe, fit, lineKind, type MapEdge, type MapGroup, type MapNode, Scene, shapeOf, shown, zoomed } from './map-scene';

const NODE: MapNode = {
  node_id: '', asset_id: '', group_id: 'grp_1', x: 0, y: 0, name: '', address: '', vendor: '', role: '', level: '', zone: '', site: 'north',
  device_id: '', is_managed: false, is_new: false, is_talking_outside: false, criticality: 'normal', alerts: 0, severity: '', proven: 0,
  maybe: 0, priority: 0, peers: 0,
};
const GROUP: MapGroup = {
  group_id: 'grp_1', kind: 'site', name: 'north', parent: '', x: -100, y: -100, width: 900, height: 700, is_closed: false, assets: 3, alerts: 0, severity: '',
};
const EDGE: MapEdge = {
  source: '', target: '', is_two_way: false, protocols: ['modbus'], packets: 1, bytes: 100, first_at: '2026-11-22T10:00:00.000Z',
  last_at: '2026-11-22T11:00:00.000Z', is_external: false, controls: 0, crossing: '', is_alerting: false, pairs: 1,
};

function node(id: string, x: number, y: number, more: Partial<MapNode> = {}): MapNode {
  return { ...NODE, node_id: id, asset_id: id, x, y, name: id, ...more };
}

function scene(nodes: MapNode[], edges: MapEdge[] = [], groups: MapGroup[] = [GROUP]): Scene {
  return new Scene({
    grouping: 'zone', nodes, edges, groups, assets: nodes.length, closed: 0, limit: 2000, edges_left_out: 0, links_to_groups: 0, protocols: [],
    sites: [], zones: [], first_at: '', last_at: '',
  });
}

const PLANT = scene(
  [node('plc', 0, 200), node('hmi', 0, 0, { alerts: 2, severity: 'high', role: 'hmi' }), node('=desk', 300, 10)],
  [
    { ...EDGE, source: 'hmi', target: 'plc' },
    { ...EDGE, source: '=desk', target: 'plc' },
    { ...EDGE, source: 'hmi', target: 'gone' },
  ],
);

suite('what lies where', () => {
  test('a point hits what is there and nothing beside it', () => {
    expect(PLANT.pick(5, 195)?.id).toBe('plc');
    expect(PLANT.pick(100, 100)).toBeUndefined();
  });

  test('a node lies over the closed group around it', () => {
    const closed = scene([node('out', 0, 0)], [], [{ ...GROUP, is_closed: true }]);
    expect(closed.pick(0, 0)?.id).toBe('out');
    expect(closed.pick(500, 300)?.id).toBe('grp_1');
  });

  test('arrows lead to the neighbour in their direction, and nowhere at the end', () => {
    const hmi = PLANT.find('hmi')!;
    expect(PLANT.towards(hmi, 0, 1)?.id).toBe('plc');
    expect(PLANT.towards(hmi, 1, 0)?.id).toBe('=desk');
    expect(PLANT.towards(hmi, -1, 0)).toBeUndefined();
  });

  test('from anywhere arrows reach everything on a grid', () => {
    const grid = scene(Array.from({ length: 100 }, (_, at) => node(`n${at}`, (at % 10) * 120, Math.floor(at / 10) * 72)));
    const reached = new Set(['n0']);
    const waiting = [grid.find('n0')!];
    for (let from = waiting.pop(); from; from = waiting.pop())
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
        const next = grid.towards(from, dx, dy);
        if (next && !reached.has(next.id)) {
          reached.add(next.id);
          waiting.push(next);
        }
      }
    expect(reached.size).toBe(100);
  });

  test('only what is in sight is drawn', () => {
    expect(PLANT.within({ x: 200, y: -50, width: 200, height: 100 }).map(({ id }) => id)).toEqual(['=desk']);
  });

  test('an edge to what is not shown is left out', () => {
    expect(PLANT.lines).toHaveLength(2);
    expect([...PLANT.peers(PLANT.find('plc')!)].map(({ id }) => id)).toEqual(['hmi', '=desk']);
  });

  test('a search minds no case and finds addresses and roles', () => {
    const found = scene([node('a', 0, 0, { name: 'Press', address: '10.0.0.5', role: 'engineering_station' })]);
    for (const text of ['press', '0.0.5', 'engineering st']) expect(found.search(text)).toEqual(new Set(['a']));
    expect(found.search(' ')).toEqual(new Set());
  });
});

suite('the view', () => {
  test('everything fits, and little is not blown up', () => {
    const view = fit({ x: 0, y: 0, width: 10_000, height: 100 }, 1000, 500);
    expect(view.zoom).toBeCloseTo(0.0952);
    expect((10_000 - view.x) * view.zoom).toBeLessThanOrEqual(1000);
    expect(fit({ x: 0, y: 0, width: 10, height: 10 }, 1000, 500).zoom).toBe(1.25);
  });

  test('what lies under the pointer stays there when one zooms', () => {
    const view = { x: 10, y: 20, zoom: 0.5 };
    const near = zoomed(view, 3, 400, 300);
    expect(near.x + 400 / near.zoom).toBeCloseTo(view.x + 400 / view.zoom);
    expect(near.y + 300 / near.zoom).toBeCloseTo(view.y + 300 / view.zoom);
    expect(zoomed(view, 1e9, 0, 0).zoom).toBe(3);
    expect(zoomed(view, 0, 0, 0).zoom).toBe(0.02);
  });

  test('what is seen already moves nothing; what is not comes to the middle', () => {
    const view = { x: 0, y: 0, zoom: 1 };
    expect(shown(view, 100, 100, 400, 300)).toBe(view);
    expect(shown(view, 1000, 1000, 400, 300)).toEqual({ x: 800, y: 850, zoom: 1 });
  });
});

suite('words and signs', () => {
  test('who cannot see it hears what it is', () => {
    expect(describe(PLANT.find('hmi')!)).toBe('hmi, hmi, level unknown, 2 open alerts, gravest high, talks with 1');
    const hostile = scene([node('a', 0, 0, { name: 'x\u202ey', level: '1', is_new: true })]);
    expect(describe(hostile.find('a')!)).toContain('x⟨U+202E⟩y');
    const closed = scene([], [], [{ ...GROUP, is_closed: true, kind: 'level', name: '1', parent: 'grp_0', alerts: 3 }]);
    expect(describe(closed.find('grp_1')!)).toBe('Level 1, closed group of 3 assets, 3 open alerts, talks with 0');
  });

  test('a closed group is named with its site where there are several', () => {
    const site = (id: string): MapGroup => ({ ...GROUP, group_id: id, name: id });
    const level: MapGroup = { ...GROUP, group_id: 'grp_2', kind: 'level', name: '1', parent: 'north', is_closed: true };
    expect(scene([], [], [site('north'), site('south'), level]).find('grp_2')?.label).toBe('Level 1, north');
    expect(scene([], [], [site('north'), level]).find('grp_2')?.label).toBe('Level 1');
  });

  test('shapes tell roles, and lines what matters most', () => {
    expect([shapeOf({ asset_id: '', role: '' }), shapeOf({ asset_id: 'a', role: 'hmi' }), shapeOf({ asset_id: 'a', role: 'odd' })]).toEqual([
      'outside', 'diamond', 'circle',
    ]);
    expect(lineKind({ ...EDGE, crossing: 'level', is_external: true })).toBe('level');
    expect(lineKind({ ...EDGE, is_external: true })).toBe('external');
    expect(lineKind({ ...EDGE, crossing: 'zone' })).toBe('zone');
  });
});

suite('the address', () => {
  test('is what the API and the command line are asked', () => {
    const query = mapQueryIn(new URLSearchParams('by=subnet&level=1&focus=ast_1&hops=9&open=g1,g2&alerts=1&limit=9999'));
    expect(query).toMatchObject({ grouping: 'subnet', level: '1', focus: 'ast_1', hops: 4, open: ['g1', 'g2'], is_alerting: true, limit: 5000 });
    expect(mapPath(query)).toContain('&open=g1&open=g2');
    expect(mapOptions(query).join(' ')).toBe('--grouping subnet --level 1 --focus ast_1 --hops 4 --limit 5000 --open g1 --open g2 --alerting');
    expect(isNarrowed(query)).toBe(true);
  });

  test('that says nonsense asks for the usual', () => {
    const query = mapQueryIn(new URLSearchParams('by=colour&level=7&limit=x'));
    expect(query).toMatchObject({ grouping: 'zone', level: undefined, hops: undefined, limit: 2000 });
    expect(isNarrowed(query)).toBe(false);
  });

  test('keeps the step of the slider', () => {
    const [first, last] = ['2026-11-22T00:00:00.000Z', '2026-11-23T00:00:00.000Z'];
    for (const step of [0, 1, 77, STEPS]) expect(stepAt(momentAt(step, first, last), first, last)).toBe(step);
    expect(stepAt('1990-01-01T00:00:00Z', first, last)).toBe(0);
  });
});

suite('files', () => {
  test('a spreadsheet runs no formula out of a name', () => {
    const lines = edgesAsCsv(PLANT.lines).split('\r\n');
    expect(lines[0]).toContain('from,to,');
    expect(lines[2]).toMatch(/^'=desk,plc,/u);
    expect(nodesAsCsv(PLANT)).toContain("\r\n'=desk,'=desk,");
  });

  test('what has alerts comes first', () => {
    expect(inOrder(PLANT.things).map(({ id }) => id)).toEqual(['hmi', 'plc', '=desk']);
  });
});
