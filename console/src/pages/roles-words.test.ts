import { describe, expect, it } from 'vitest';
import { actionInWords, givenBy, namesIn, placesInWords, timeLeft } from './roles-words';

describe('roles in words', () => {
  it('says what a role gives beyond what everybody may do', () => {
    expect(givenBy(['own', 'readStatus', 'audit', 'review'])).toEqual(['see the ledger, people and tokens', 'sign off reviews']);
  });

  it('shows an action of a newer release as it is called', () => {
    expect(actionInWords('paintWalls')).toBe('paintWalls');
  });

  it('says where a role holds', () => {
    expect(placesInWords({ sites: [], groups: [] })).toBe('everywhere');
    expect(placesInWords({ sites: ['north', 'south'], groups: ['grp_1'] }, () => 'pumps')).toBe('sites north, south; group pumps');
  });

  it('cuts what was typed into names, each once', () => {
    expect(namesIn(' north, ,south,north ')).toEqual(['north', 'south']);
  });

  it('says how long something lasts yet', () => {
    const now = Date.parse('2030-01-01T00:00:00Z');
    expect(timeLeft('2030-01-01T00:46:01Z', now)).toBe('47 min');
    expect(timeLeft('2030-01-01T02:05:00Z', now)).toBe('2 h 5 min');
    expect(timeLeft('2030-01-01T00:00:00Z', now)).toBe('');
  });
});
