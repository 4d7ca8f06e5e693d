import { expect, test } from 'vitest';
import { filterOf, NOTHING, optionsOf, requestPath, ruleWords, searchOf, standing, wantedIn } from './alerts-words';

test('what somebody is to look at is asked for unless more is', () => {
  expect(searchOf(NOTHING)).toEqual({ state: ['open', 'acknowledged'], is_loud: true });
  expect(searchOf({ ...NOTHING, stand: 'all' })).toEqual({});
  expect(searchOf({ ...NOTHING, stand: 'hidden' })).toEqual({ state: ['open', 'acknowledged'], is_loud: false });
});

test('the address names what is searched for', () => {
  const wanted = wantedIn(new URLSearchParams('severity=high&asset=ast_1&order=gravest&unknown=1'));
  expect(searchOf(wanted)).toMatchObject({ severity: 'high', asset_id: 'ast_1', order: 'gravest' });
  expect(requestPath('/v1/alerts', { state: ['open', 'closed'], rule: 'ot.*' })).toBe('/v1/alerts?state=open&state=closed&rule=ot.*');
});

test('the command is shown only where it does the same', () => {
  expect(optionsOf({ ...NOTHING, severity: 'high', stand: 'all' })).toEqual(['--severity', 'high', '--every']);
  expect(optionsOf({ ...NOTHING, zone: 'zon_1', kind: 'policy' })).toEqual(['--kind', 'policy', '--zone', 'zon_1']);
  expect(optionsOf({ ...NOTHING, incident: 'inc_1' })).toBeUndefined();
  expect(optionsOf({ ...NOTHING, stand: 'closed' })).toBeUndefined();
});

test('an alert stands in words', () => {
  expect(standing({ state: 'closed', standing: 'loud', verdict: 'benign' })).toEqual(['closed: benign', 'good']);
  expect(standing({ state: 'open', standing: 'muted', verdict: '' })[0]).toBe('muted');
  expect(standing({ state: 'open', standing: 'loud', verdict: '' })[0]).toBe('open');
  expect(ruleWords('ot.controller_stop')).toBe('controller stop');
  expect(ruleWords('internet.industrial')).toBe('internet industrial');
});

test('a group leads to what it counts', () => {
  expect(filterOf('incident', { key: 'inc_1', site: 'north' })).toEqual({ incident: 'inc_1' });
  expect(filterOf('source', { key: '10.0.0.9', site: 'north' })).toEqual({ address: '10.0.0.9', site: 'north' });
});
