// Quarantine in words: how deep, what is left, which step comes next.
import type { Schemas } from '../api/client';
import type { Tone } from '../ui/ui';

export type Quarantined = Schemas['QuarantineView'];
export type Mode = Quarantined['mode'];

export const MODES: Record<Mode, { tone: Tone; leaves: string }> = {
  limited: { tone: 'warn', leaves: 'It may renew, report, read its twin and fetch updates, and nothing else.' },
  probation: { tone: 'info', leaves: 'It sends telemetry again; no command reaches it yet.' },
  cut: { tone: 'bad', leaves: 'It may not connect at all.' },
};

export interface Step {
  title: string;
  about: string;
  state: 'done' | 'here' | 'later';
}

/** Return the way back of a device, as far as it has come. */
export function wayBack(quarantined: Quarantined): Step[] {
  const at: Mode = quarantined.mode;
  const steps: Step[] = [
    { title: 'Limited', about: 'it can be repaired', state: at === 'limited' ? 'here' : 'done' },
    { title: 'Probation', about: 'after a re-check: nothing known stands against it', state: at === 'probation' ? 'here' : 'later' },
    { title: `Signed off, ${quarantined.former_lifecycle} again`, about: "its owner's word, after one more re-check", state: 'later' },
  ];
  if (at === 'cut' || quarantined.asked_mode === 'cut')
    steps.unshift({ title: 'Cut', about: 'it may not connect', state: at === 'cut' ? 'here' : 'done' });
  if (at === 'cut') for (const step of steps.slice(1)) step.state = 'later';
  return steps;
}

/** Say how far a change has come. */
export function enforcedWords(enforcement: Schemas['EnforcementView']): string {
  const cut = enforcement.sessions_cut;
  const sessions = cut > 0 ? `; ${cut} live ${cut === 1 ? 'session' : 'sessions'} cut` : '';
  if (enforcement.pending.length > 0)
    return `Not answered yet: ${enforcement.pending.join(', ')}; they apply it all the same${sessions}.`;
  return `Every gateway has applied it${sessions}.`;
}

/** Return the moment that a date field means: the end of that day here. */
export function endOfDay(date: string): string | undefined {
  const at = new Date(`${date}T23:59:59`);
  return date && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}

/** Return a day some days from now, as a date field has it. */
export function dayFromNow(days: number, now: number): string {
  const at = new Date(now + days * 86_400_000);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
