// Messages of a device, kept in the page: what came before it was opened, and what came since.
import type { Schemas } from '../api/client';

type Message = Schemas['MessageView'];

export const KEPT = 2_000;
export const RECENT = 500;

/**
 * Put what came before in front of what came since; a message that is in both counts once.
 *
 * A device that fills the page of what came before is busy: its past would end in a gap, and it shows itself at once.
 */
export function join(before: Message[], since: Message[]): Message[] {
  if (before.length >= RECENT) return since;
  const seen = new Set(since.map((each) => each.cursor));
  return [...before.filter((each) => !seen.has(each.cursor)), ...since].slice(-KEPT);
}
