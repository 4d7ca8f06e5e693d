// What people type into the form's fields, and what the platform takes.
import type { Schemas } from '../api/client';

type Item = Schemas['FormItemView'];
export type Piece = Schemas['FormPieceView'];
export type Value = NonNullable<Item['value']> | null;

/** A condition as it stands in the form: its value as typed, so that what is half typed stays as it is. */
export interface Typed {
  kind: string;
  text: string;
}

export interface TypedForm {
  policy_id: string;
  effect: 'permit' | 'forbid';
  principals: 'any' | 'device' | 'module';
  selectors: Typed[];
  actions: string[];
  conditions: Typed[];
  owner: string;
  why: string;
  guidance: string;
  expires: string;
}

const HINTS: Record<Piece['takes'], string> = {
  nothing: '',
  text: '',
  number: 'a number',
  texts: 'several, with commas between them',
  numbers: 'numbers, with commas between them',
  hours: 'such as 06:00-22:00',
};

export function hintOf(piece: Piece | undefined): string {
  return piece ? HINTS[piece.takes] : '';
}

function typed({ kind, value }: Item): Typed {
  return { kind, text: Array.isArray(value) ? value.join(', ') : value === null || value === undefined ? '' : String(value) };
}

/** Return a form as it is typed. */
export function typeForm(form: Schemas['FormView']): TypedForm {
  return {
    policy_id: form.policy_id,
    effect: form.effect,
    principals: form.principals ?? 'any',
    selectors: (form.selectors ?? []).map(typed),
    actions: form.actions ?? [],
    conditions: (form.conditions ?? []).map(typed),
    owner: form.owner ?? '',
    why: form.why ?? '',
    guidance: form.guidance ?? '',
    expires: form.expires ?? '',
  };
}

/** Return what a typed text stands for; what is no number stays a text, which the platform refuses in its own words. */
export function valueOf(text: string, takes: Piece['takes'] | undefined): Value {
  const parts = text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean);
  const number = (part: string) => (/^\d+$/u.test(part) ? Number(part) : Number.NaN);
  switch (takes) {
    case 'nothing':
      return null;
    case 'number':
      return Number.isNaN(number(text.trim())) ? text : number(text.trim());
    case 'texts':
      return parts;
    case 'numbers':
      return parts.some((each) => Number.isNaN(number(each))) ? parts : parts.map(number);
    default:
      return text;
  }
}

/** Return a typed form as the platform takes it. */
export function sendForm(form: TypedForm, selectors: readonly Piece[], conditions: readonly Piece[]): Schemas['FormView'] {
  const items = (list: readonly Typed[], pieces: readonly Piece[]) =>
    list.map(({ kind, text }) => ({ kind, value: valueOf(text, pieces.find((each) => each.kind === kind)?.takes) }));
  return { ...form, selectors: items(form.selectors, selectors), conditions: items(form.conditions, conditions) };
}
