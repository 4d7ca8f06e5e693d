import { describe, expect, it } from 'vitest';
import { addPolicy, freeId, placeIn, replacePolicy, review, splitPolicies, takeOver } from './policies-text';

const ONE = `@id("one")
@owner("a \\"team\\"")
@why("semi; colon // no comment")
forbid (principal, action, resource)
when { principal.site == "a;b" }; // done;`;
const TWO = '@id("two") permit (principal, action, resource);';
const TEXT = `// Head; of it.\n\n${ONE}\n\n${TWO}\n`;

describe('splitPolicies', () => {
  it('tells policies apart, whatever stands in texts and comments', () => {
    const [one, two, ...rest] = splitPolicies(TEXT);
    expect(rest).toEqual([]);
    expect(one).toMatchObject({ id: 'one', effect: 'forbid', owner: 'a "team"', why: 'semi; colon // no comment' });
    expect(two).toMatchObject({ id: 'two', effect: 'permit', owner: '' });
    expect(TEXT.slice(two!.from, two!.to)).toBe(TWO);
  });
  it('leaves out what is not whole yet, and ends with any text', () => {
    expect(splitPolicies('@id("x') ).toEqual([]);
    expect(splitPolicies('permit (principal')).toEqual([]);
    expect(splitPolicies('')).toEqual([]);
  });
  it('names a policy without an id by its place, as the platform does', () => {
    expect(splitPolicies('permit(principal,action,resource);')[0]!.id).toBe('policy0');
  });
});

describe('changing a text', () => {
  it('replaces one policy and leaves the rest as it is', () => {
    const [one] = splitPolicies(TEXT);
    expect(replacePolicy(TEXT, one!, 'X;')).toBe(`// Head; of it.\n\nX; // done;\n\n${TWO}\n`);
    expect(splitPolicies(replacePolicy(TEXT, splitPolicies(TEXT)[1]!, '')).map((each) => each.id)).toEqual(['one']);
  });
  it('finds a free id', () => {
    expect(freeId(splitPolicies(TEXT), 'two')).toBe('two-2');
    expect(freeId([], 'two')).toBe('two');
  });
  it('finds a place by line and column, in characters', () => {
    expect(placeIn('a\n💡b', 2, 2)).toBe(4);
    expect(placeIn('a', 9, 9)).toBe(1);
  });
});

describe('takeOver', () => {
  it('takes what one has not touched oneself, and names what both have changed', () => {
    const changed = TWO.replace('permit', 'forbid');
    const theirs = [{ policy: 'two', before: TWO, after: changed }, { policy: 'new', before: '', after: '@id("new") permit (principal, action, resource);' }];
    expect(takeOver(TEXT, theirs)).toEqual({ text: addPolicy(TEXT.replace(TWO, changed), theirs[1]!.after), left: [] });
    const mine = TEXT.replace(TWO, '@id("two") permit (principal is Device, action, resource);');
    expect(takeOver(mine, theirs.slice(0, 1))).toEqual({ text: mine, left: ['two'] });
  });
  it('leaves alone what both have done alike', () => {
    const gone = [{ policy: 'gone', before: 'permit;', after: '' }];
    expect(takeOver(TEXT, gone)).toEqual({ text: TEXT, left: [] });
    const text = takeOver(TEXT, [{ policy: 'two', before: TWO, after: '' }]).text;
    expect(splitPolicies(text).map((each) => each.id)).toEqual(['one']);
  });
});

describe('review', () => {
  it('is due on its date', () => {
    const now = Date.parse('2026-05-10T12:00:00Z');
    expect(review('2026-05-10', now)).toBe('overdue');
    expect(review('2026-05-11', now)).toBe('soon');
    expect(review('2027-01-01', now)).toBe('later');
    expect(review('', now)).toBe('');
    expect(review('nonsense', now)).toBe('');
  });
});
