// Which alerts are meant, in words.
import type { Schemas } from '../api/client';
import { actorName } from '../ui/text';
import { ruleWords } from './alerts-words';

type Pattern = Schemas['PatternView'];

/** Say which alerts a pattern is about. */
export function patternWords({ rules = [], sources = [], targets = [], keys = [], sites = [] }: Pattern): string {
  const parts = [
    rules.length > 0 ? rules.map((each) => (each.includes('*') ? each : ruleWords(each))).join(', ') : 'anything',
    sources.length > 0 ? `by ${sources.join(', ')}` : '',
    targets.length > 0 ? `to ${targets.join(', ')}` : '',
    keys.length > 0 ? `about ${keys.join(', ')}` : '',
    sites.length > 0 ? `at ${sites.join(', ')}` : '',
  ];
  return parts.filter(Boolean).join(' ');
}

/** Cut what somebody typed into its parts: by commas, or a line each. */
export function listed(text: string): string[] {
  return [...new Set(text.split(/[,\n]/u).map((each) => each.trim()))].filter(Boolean);
}

/** Name who acted, as `kind:id` says. */
export function byWhom(by: string): string {
  const at = by.indexOf(':');
  return actorName({ kind: by.slice(0, at), id: by.slice(at + 1) });
}
