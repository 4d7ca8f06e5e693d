// A draft that is not stored yet: kept in this browser tab, so that neither a wrong key nor a lost session takes it away.
import { useEffect, useState } from 'react';
import type { Content } from './policies-queries';

const KEY = 'vedette.policy-draft';
const CHECK_MS = 400;

export interface Draft {
  /** Who writes it: nobody else finds it in the same tab. */
  owner: string;
  /** What it was begun from, as the address says it. */
  from: string;
  base: { sha256: string; number: number; name: string; content: Content };
  /** What decided for everyone when it was begun, or when others' changes were last taken over. */
  stable: string;
  content: Content;
}

/** Return what is kept, if it is this person's. */
export function readDraft(owner: string): Draft | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Draft | null;
    return kept?.owner === owner && typeof kept.content.policies === 'string' ? kept : null;
  } catch {
    return null;
  }
}

export function keepDraft(draft: Draft | null): void {
  try {
    if (draft) sessionStorage.setItem(KEY, JSON.stringify(draft));
    else sessionStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing, or no more: it lasts as long as the page, which asks before it is left.
  }
}

/** Tell whether two say the same. */
export function isSame(a: Content, b: Content): boolean {
  return a.policies === b.policies && (a.cases ?? '') === (b.cases ?? '') && JSON.stringify(a.sites ?? {}) === JSON.stringify(b.sites ?? {});
}

let made = 0;

/** Return a value a moment after it has last changed, with a number of its own. */
export function useSettled<T>(value: T): { value: T; number: number } {
  const [settled, setSettled] = useState(() => ({ value, number: (made += 1) }));
  useEffect(() => {
    if (settled.value === value) return undefined;
    const timer = setTimeout(() => setSettled({ value, number: (made += 1) }), CHECK_MS);
    return () => clearTimeout(timer);
  }, [value, settled]);
  return settled;
}
