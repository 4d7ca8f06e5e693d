// Policies as text, taken apart one by one: what the platform says of them by line is found again, and one of them can
// be replaced without touching the rest. What a policy means is the platform's business alone.

export interface PolicyPart {
  id: string;
  effect: 'permit' | 'forbid' | '';
  owner: string;
  why: string;
  guidance: string;
  /** RFC 3339 date on which it wants to be looked at again, or empty. */
  expires: string;
  text: string;
  /** Where it begins in the whole text, behind the comments above it, and where it ends. */
  from: number;
  to: number;
}

const SKIPPED = /(?:\s+|\/\/[^\n]*)+/uy;
const TOKEN = /"(?:[^"\\]|\\[\s\S])*"|\/\/[^\n]*|[\s\S]/uy;
const ANNOTATION = /(?:\s+|\/\/[^\n]*)*@\s*([A-Za-z_]\w*)(?:\s*\(\s*"((?:[^"\\]|\\[\s\S])*)"\s*\))?/uy;
const EFFECT = /(?:\s+|\/\/[^\n]*)*(permit|forbid)\b/uy;
const ESCAPE = /\\(?:u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|([\s\S]))/gu;
const SIMPLE: Record<string, string> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

function unescape(text: string): string {
  return text.replace(ESCAPE, (whole, long?: string, short?: string, one?: string) => {
    if (one !== undefined) return SIMPLE[one] ?? one;
    const point = Number.parseInt(long ?? short ?? '', 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

function behind(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Return the policies of a text in their order; what has no semicolon yet is left out. */
export function splitPolicies(text: string): PolicyPart[] {
  const parts: PolicyPart[] = [];
  let at = 0;
  for (;;) {
    const from = at + (behind(SKIPPED, text, at)?.[0].length ?? 0);
    let to = from;
    let token = '';
    while (to < text.length && token !== ';') {
      token = behind(TOKEN, text, to)![0];
      to += token.length;
    }
    if (token !== ';') return parts;
    parts.push(describe(text.slice(from, to), from, parts.length));
    at = to;
  }
}

function describe(text: string, from: number, index: number): PolicyPart {
  const notes = new Map<string, string>();
  let at = 0;
  for (let found = behind(ANNOTATION, text, at); found; found = behind(ANNOTATION, text, at)) {
    notes.set(found[1]!, unescape(found[2] ?? ''));
    at += found[0].length;
  }
  const note = (name: string) => notes.get(name) ?? '';
  return {
    id: note('id') || `policy${index}`,
    effect: (behind(EFFECT, text, at)?.[1] ?? '') as PolicyPart['effect'],
    owner: note('owner'),
    why: note('why'),
    guidance: note('guidance'),
    expires: note('expires'),
    text,
    from,
    to: from + text.length,
  };
}

/** Return a text with one of its policies replaced; an empty text removes it with the lines between it and the next. */
export function replacePolicy(text: string, part: PolicyPart, by: string): string {
  const rest = text.slice(part.to);
  return text.slice(0, part.from) + (by ? by + rest : rest.replace(/^[^\S\n]*\n*/u, ''));
}

/** Return a text with one policy more at its end. */
export function addPolicy(text: string, added: string): string {
  return text.trim() ? `${text.trimEnd()}\n\n${added}\n` : `${added}\n`;
}

/** Return an id that no policy has yet. */
export function freeId(parts: readonly PolicyPart[], wanted = 'new-policy'): string {
  const taken = new Set(parts.map((each) => each.id));
  let id = wanted;
  for (let number = 2; taken.has(id); number += 1) id = `${wanted}-${number}`;
  return id;
}

/** Return where a place by line and column, both from 1, stands in a text; columns count characters, not their halves. */
export function placeIn(text: string, line: number, column: number): number {
  let begin = 0;
  for (let number = 1; number < line; number += 1) {
    const end = text.indexOf('\n', begin);
    if (end < 0) break;
    begin = end + 1;
  }
  const end = text.indexOf('\n', begin);
  const points = [...text.slice(begin, end < 0 ? text.length : end)];
  return begin + points.slice(0, Math.max(0, column - 1)).join('').length;
}

const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

/** Say how it stands with the date on which a policy wants to be looked at again; it decides before and after it. */
export function review(expires: string, now: number): 'overdue' | 'soon' | 'later' | '' {
  const at = Date.parse(expires);
  if (!expires || Number.isNaN(at)) return '';
  return at <= now ? 'overdue' : at - now < SOON_DAYS * DAY_MS ? 'soon' : 'later';
}

export interface Change {
  policy: string;
  before: string;
  after: string;
}

/**
 * Take over into a text what somebody else has changed since it was begun.
 *
 * A policy that one has changed oneself stays as it is and is named, so that nothing of either is lost unseen.
 */
export function takeOver(mine: string, theirs: readonly Change[]): { text: string; left: string[] } {
  let text = mine;
  const left: string[] = [];
  for (const { policy, before, after } of theirs) {
    const part = splitPolicies(text).find((each) => each.id === policy);
    const isMine = part ? part.text.trim() !== before.trim() : before !== '';
    if (part ? part.text.trim() === after.trim() : !after) continue;
    if (isMine) left.push(policy);
    else text = part ? replacePolicy(text, part, after) : addPolicy(text, after);
  }
  return { text, left };
}
