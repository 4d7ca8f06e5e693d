// Keys that work through alerts: one letter each, told beneath the list.
import { useEffect, useRef } from 'react';

const TYPED_INTO = 'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], [role=dialog], [role=dialog] *';

/** Have single letters act; not while somebody types, nor as the second key of `g`. */
export function useTriageKeys(isOn: boolean, acts: Record<string, () => void>): void {
  const current = useRef(acts);
  current.current = acts;
  useEffect(() => {
    if (!isOn) return undefined;
    let isGoing = false;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Shift') return;
      const wasGoing = isGoing;
      isGoing = event.key === 'g';
      if (wasGoing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.target instanceof HTMLElement && event.target.matches(TYPED_INTO)) return;
      if (document.querySelector('[role=dialog]')) return;
      const act = current.current[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [isOn]);
}

const KEYS = [
  ['j k', 'move'],
  ['Enter', 'open'],
  ['x', 'select'],
  ['a', 'look into it'],
  ['c', 'close'],
  ['h', 'hide its like'],
  ['m', 'merge the selected'],
  ['r', 'open again'],
  ['u', 'undo'],
] as const;

export function KeyHelp() {
  return (
    <p className="muted row-of" aria-label="Keys">
      {KEYS.map(([key, words]) => (
        <span key={key}>
          <kbd>{key}</kbd> {words}
        </span>
      ))}
    </p>
  );
}
