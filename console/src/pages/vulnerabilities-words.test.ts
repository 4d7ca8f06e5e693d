import { expect, it } from 'vitest';
import { dayAfter, feedInWords, isStale, partsOf, pathOfAsset, pathOfVulnerability, percent } from './vulnerabilities-words';

const NOW = Date.parse('2026-11-23T00:00:00Z');

it('marks data as old by its own time, and always where it names none', () => {
  expect(isStale('kev', '2026-11-20T00:00:00Z', NOW)).toBe(false);
  expect(isStale('kev', '2026-11-01T00:00:00Z', NOW)).toBe(true);
  expect(isStale('csaf:Maker', '2026-11-01T00:00:00Z', NOW)).toBe(false);
  expect(isStale('csaf:Maker', '2026-10-01T00:00:00Z', NOW)).toBe(true);
  expect(isStale('epss', null, NOW)).toBe(true);
});

it('names sources for people', () => {
  expect(feedInWords('csaf:CISA')).toBe('Advisories of CISA');
  expect(feedInWords('else')).toBe('else');
});

it('leads to the device where no sensor saw one', () => {
  expect(pathOfAsset({ asset_id: 'ast_1', asset_name: 'x' })).toBe('/assets/ast_1');
  expect(pathOfAsset({ asset_id: 'dev_1', asset_name: 'pump 7' })).toBe('/devices/pump%207');
});

it('finds a vulnerability again under whatever name it has', () => {
  const each = { asset_id: 'ast_1', name: 'adv_x/3 %2F' };
  expect(partsOf(pathOfVulnerability(each))).toEqual([each.asset_id, each.name]);
  expect(partsOf('/vulnerabilities/ast_1/%E0%A4%A')).toEqual(['', '']);
});

it('writes shares to a figure that says something', () => {
  expect([null, 0, 0.00123, 0.0312, 0.5, 1].map(percent)).toEqual(['–', '0 %', '0.12 %', '3.1 %', '50 %', '100 %']);
});

it('counts days in UTC', () => {
  expect(dayAfter(NOW, 90)).toBe('2027-02-21');
});
