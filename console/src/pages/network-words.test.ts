import { describe, expect, it } from 'vitest';
import { byAttribute, bytesInWords, filtersIn, isContradicted, isLegacy, labelOf, optionsOf, pathOf, queryOf, supportOf } from './network-words';

describe('assets', () => {
  it('are called by their name, else by an address', () => {
    expect(labelOf({ asset_id: 'ast_1', name: '', ips: ['10.0.0.1'], macs: ['02:00:00:00:00:01'] })).toBe('10.0.0.1');
    expect(labelOf({ asset_id: 'ast_1', name: 'press', ips: ['10.0.0.1'], macs: [] })).toBe('press');
    expect(labelOf({ asset_id: 'ast_1', name: '', ips: [], macs: [] })).toBe('ast_1');
  });

  it('are legacy from the day after the last update', () => {
    expect(supportOf('2014-04-08 Windows XP')).toEqual({ until: '2014-04-08', system: 'Windows XP' });
    expect(supportOf('Windows XP')).toBeNull();
    expect(isLegacy('2014-04-08 Windows XP', Date.parse('2026-01-01'))).toBe(true);
    expect(isLegacy('2031-10-14 Windows 11', Date.parse('2026-01-01'))).toBe(false);
    expect(isLegacy('', Date.now())).toBe(false);
  });

  it('contradict themselves only where one value can be true', () => {
    const facts = [
      { attribute: 'firmware', value: 'V2.1' },
      { attribute: 'firmware', value: 'V2.2' },
      { attribute: 'service', value: 'tcp/80 http' },
      { attribute: 'service', value: 'tcp/502 modbus' },
      { attribute: 'vendor', value: 'ACME' },
      { attribute: 'vendor', value: 'Acme' },
    ];
    const told = Object.fromEntries(byAttribute(facts).map(([name, values]) => [name, isContradicted(name, values)]));
    expect(told).toEqual({ firmware: true, service: false, vendor: false });
  });
});

describe('filters', () => {
  const filters = filtersIn(new URLSearchParams('text=axis&managed=no&legacy=1&level=9&state=new&else=1'));

  it('ask the API only for what it knows', () => {
    expect(filters).toEqual({ text: 'axis', managed: 'no', legacy: '1', level: '9', state: 'new' });
    expect(queryOf(filters)).toMatchObject({ text: 'axis', is_managed: false, is_legacy: true, level: undefined, state: 'new' });
  });

  it('are the same as a command and as a request', () => {
    expect(optionsOf({ managed: 'no', legacy: '1' })).toEqual(['--unmanaged', '--legacy']);
    expect(pathOf({ managed: 'no', text: 'a b' })).toBe('/v1/assets?text=a+b&is_managed=false');
  });
});

it('bytes are told with few digits', () => {
  expect([0, 999, 1500, 25_000_000].map(bytesInWords)).toEqual(['0 bytes', '999 bytes', '1.5 kB', '25 MB']);
});
