import { describe, expect, it } from 'vitest';
import type { Zone } from './zones-queries';
import { BOX, conduitFor, lineBetween, mayBeAllowed, placeZones, readAttack, servicesInWords } from './zones-words';

const zone = (id: string, level: string, name = id): Zone => ({
  zone_id: id,
  name,
  kind: 'zone',
  site: '',
  level,
  risk: 0,
  is_critical: false,
  interface: '',
  rules: [],
  named_members: 0,
  reasons: [],
  plan_number: 1,
  plan_revision: 1,
});

describe('the picture', () => {
  it('has a lane for each level that has zones, from the outside down to no level', () => {
    const zones = [zone('a', '1'), zone('b', ''), zone('c', '3.5'), zone('d', '5')];
    const picture = placeZones(zones, [{ source: 'd', target: 'external' }]);
    expect(picture.lanes.map((lane) => lane.level)).toEqual(['external', '5', '3.5', '1', '']);
    const tops = ['external', 'd', 'c', 'a', 'b'].map((id) => picture.boxes.get(id)!.y);
    expect(tops).toEqual([...tops].sort((one, other) => one - other));
  });

  it('never lays a box over another, however many zones a level has', () => {
    const zones = Array.from({ length: 23 }, (_, index) => zone(`z${index}`, '1'));
    const boxes = [...placeZones(zones, []).boxes.values()];
    expect(boxes).toHaveLength(23);
    for (const one of boxes)
      for (const other of boxes)
        if (one !== other)
          expect(Math.abs(one.x - other.x) >= BOX.width || Math.abs(one.y - other.y) >= BOX.height).toBe(true);
  });

  it('has no outside that no conduit leads to', () => {
    expect(placeZones([zone('a', '1')], []).boxes.has('external')).toBe(false);
  });

  it('bows lines between zones of one row beneath them', () => {
    const { boxes } = placeZones([zone('a', '1'), zone('b', '1')], []);
    const [a, b] = [boxes.get('a')!, boxes.get('b')!];
    const depths = lineBetween(a, b).match(/-?[\d.]+/gu)!.map(Number);
    expect(Math.max(...depths.filter((_, index) => index % 2 === 1))).toBeGreaterThan(a.y + BOX.height);
  });
});

describe('a violation', () => {
  const broken = {
    source: 'zon_a',
    target: 'zon_b',
    transport: 'tcp',
    port: 502,
    protocol: 'modbus',
    operations: ['write', 'read'],
    verdict: 'blocked' as const,
  };

  it('is allowed by a conduit for exactly its service and operations', () => {
    expect(conduitFor(broken)).toEqual({
      source: 'zon_a',
      target: 'zon_b',
      services: [{ transport: 'tcp', port: 502, port_last: 0, protocol: 'modbus' }],
      operations: ['read', 'write'],
    });
  });

  it('can be allowed between two zones over IP only', () => {
    expect(mayBeAllowed(broken)).toBe(true);
    expect(mayBeAllowed({ ...broken, source: 'external' })).toBe(true);
    expect(mayBeAllowed({ ...broken, source: 'unassigned' })).toBe(false);
    expect(mayBeAllowed({ ...broken, target: 'zon_a' })).toBe(false);
    expect(mayBeAllowed({ ...broken, verdict: 'layer2' })).toBe(false);
    expect(mayBeAllowed({ ...broken, transport: 'ethernet' })).toBe(false);
  });
});

it('writes services as firewalls do, and says how many it leaves out', () => {
  const services = [
    { transport: 'tcp', port: 502, port_last: 0 },
    { transport: 'udp', port: 5000, port_last: 5010 },
    { transport: 'icmp', port: 0, port_last: 0 },
  ];
  expect(servicesInWords(services)).toBe('tcp/502, udp/5000-5010, icmp');
  expect(servicesInWords(services, 1)).toBe('tcp/502 and 2 more');
});

describe('an attack', () => {
  it('is read a line each, without comments', () => {
    expect(readAttack('# first\n203.0.113.7 10.1.2.3 tcp/502\n\n fe80::1  10.1.2.3  icmp ')).toEqual([
      { client_address: '203.0.113.7', server_address: '10.1.2.3', transport: 'tcp', port: 502 },
      { client_address: 'fe80::1', server_address: '10.1.2.3', transport: 'icmp', port: 0 },
    ]);
  });

  it.each(['10.1.2.3 tcp/502', '1.2.3.4 5.6.7.8 tcp-502', '1.2.3.4 5.6.7.8 tcp/70000'])('says which line is wrong: %s', (line) => {
    expect(() => readAttack(`1.2.3.4 5.6.7.8 tcp/1\n${line}`)).toThrow('Line 2');
  });

  it('has an end', () => {
    expect(() => readAttack('1.2.3.4 5.6.7.8 tcp/1\n'.repeat(1001))).toThrow('1000 is the most');
  });
});
