import { describe, expect, it } from 'vitest';
import { sendForm, typeForm, valueOf } from './policy-form-items';

describe('what is typed', () => {
  it('becomes what a piece takes', () => {
    expect(valueOf('', 'nothing')).toBe(null);
    expect(valueOf('20', 'number')).toBe(20);
    expect(valueOf('1, 2 ,', 'numbers')).toEqual([1, 2]);
    expect(valueOf('low, unknown', 'texts')).toEqual(['low', 'unknown']);
    expect(valueOf('06:00-22:00', 'hours')).toBe('06:00-22:00');
  });
  it('stays as it is where it is no number, to be refused in the platform\'s words', () => {
    expect(valueOf('many', 'number')).toBe('many');
    expect(valueOf('', 'number')).toBe('');
    expect(valueOf('1, x', 'numbers')).toEqual(['1', 'x']);
  });
  it('goes to the form and back', () => {
    const form = {
      policy_id: 'day',
      effect: 'forbid' as const,
      principals: 'any' as const,
      selectors: [{ kind: 'site', value: 'south' }],
      actions: ['connect'],
      conditions: [
        { kind: 'weekdays', value: [1, 2] },
        { kind: 'one_location', value: null },
      ],
      owner: 'plant',
      why: 'w',
      guidance: 'g',
      expires: '',
    };
    const pieces = [
      { kind: 'weekdays', takes: 'numbers' as const, words: '' },
      { kind: 'one_location', takes: 'nothing' as const, words: '' },
    ];
    expect(sendForm(typeForm(form), [{ kind: 'site', takes: 'text', words: '' }], pieces)).toEqual(form);
  });
});
