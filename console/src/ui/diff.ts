// What a change does to a JSON document, line by line, and the merge patch that does it.
import { prettyJson } from './text';

export interface DiffLine {
  sign: '+' | '-' | ' ';
  text: string;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Return two documents as one list of lines: longest common subsequence of their pretty forms. */
export function diffLines(before: unknown, after: unknown): DiffLine[] {
  return diffOf(prettyJson(before).split('\n'), prettyJson(after).split('\n'));
}

const LINES_MAX = 2_000;

/** Return two texts as one list of lines; very long ones as all of the first, then all of the second. */
export function diffTexts(before: string, after: string): DiffLine[] {
  const a = before ? before.split('\n') : [];
  const b = after ? after.split('\n') : [];
  if (a.length <= LINES_MAX && b.length <= LINES_MAX) return diffOf(a, b);
  const all = (lines: string[], sign: DiffLine['sign']) => lines.map((text) => ({ sign, text }));
  return [...all(a, '-'), ...all(b, '+')];
}

function diffOf(a: string[], b: string[]): DiffLine[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      lengths[i]![j] = a[i] === b[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: ' ', text: a[i]! });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) {
      lines.push({ sign: '-', text: a[i]! });
      i += 1;
    } else {
      lines.push({ sign: '+', text: b[j]! });
      j += 1;
    }
  }
  return lines;
}

function isObject(value: unknown): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Return the merge patch (RFC 7396) that turns one document into another; empty when they are equal. */
export function mergePatch(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  // Without a prototype: a member may be called `__proto__`.
  const patch = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (isObject(old) && isObject(value)) {
      const inner = mergePatch(old, value);
      if (Object.keys(inner).length) patch[key] = inner;
    } else if (JSON.stringify(old) !== JSON.stringify(value)) {
      patch[key] = value;
    }
  }
  return patch;
}
