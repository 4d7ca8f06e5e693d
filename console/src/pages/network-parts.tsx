// The small parts that the pages of the network share.
import { useEffect, useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import type { Schemas } from '../api/client';
import { serverNow } from '../api/server-clock';
import { link } from '../app/url';
import { visible } from '../ui/text';
import { Badge, Foreign } from '../ui/ui';
import { isLegacy, plain, supportOf } from './network-words';
import './network.css';

const TYPING_MS = 250;

/** A link to an asset by its address or name; what is no asset is text. */
export function AssetLink({ id, text }: { id: string; text: string }) {
  if (!id) return <Foreign text={text} mono />;
  return (
    <Link href={`/assets/${encodeURIComponent(id)}`}>
      <Foreign text={text} mono />
    </Link>
  );
}

/** That a system gets no security updates any more; in a list only since which year. */
export function Legacy({ support, isShort = false }: { support: string; isShort?: boolean }) {
  const found = supportOf(support);
  if (!found || !isLegacy(support, serverNow())) return null;
  return <Badge tone="warn">{isShort ? `legacy since ${found.until.slice(0, 4)}` : `no updates since ${found.until}`}</Badge>;
}

/** One of some values, or any of them. */
export function Pick({ label, value, choices, onChange, name = visible }: {
  label: string;
  value: string;
  choices: readonly (readonly [string, number | null])[];
  onChange: (value: string) => void;
  name?: (value: string) => string;
}) {
  // What an address names stays to be seen, though nothing has that value any more.
  const all = value && !choices.some(([each]) => each === value) ? [[value, 0] as const, ...choices] : choices;
  return (
    <label className="field">
      <span className="label">{label}</span>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">any</option>
        {all
          .filter(([each]) => each !== '')
          .map(([each, count]) => (
            <option key={each} value={each}>
              {name(each)}
              {count === null ? '' : ` (${count.toLocaleString('en')})`}
            </option>
          ))}
      </select>
    </label>
  );
}

/** A text that is looked for once one has stopped typing. */
export function Search({ value, onChange, label = 'Search', hint = '' }: {
  value: string;
  onChange: (text: string) => void;
  label?: string;
  hint?: string;
}) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => onChange(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <TextField className="field" value={text} onChange={setText} type="search">
      <Label>{label}</Label>
      <Input className="input" maxLength={128} spellCheck={false} placeholder={hint} />
    </TextField>
  );
}

type Protocol = Schemas['ProtocolView'];

/** What a careful reader should know of a protocol. */
export function Marks({ protocol }: { protocol: Pick<Protocol, 'clear_text' | 'legacy' | 'external' | 'family'> }) {
  return (
    <span className="row-of">
      {protocol.legacy && <Badge tone="warn">legacy</Badge>}
      {protocol.clear_text && <Badge tone="warn">clear text</Badge>}
      {protocol.external > 0 && protocol.family === 'ot' && <Badge tone="bad">leaves the network</Badge>}
    </span>
  );
}

const KIND_TONES: Record<string, 'bad' | 'warn' | 'plain'> = {
  control: 'bad',
  program: 'bad',
  firmware: 'bad',
  write: 'warn',
  file: 'warn',
};

export function Kind({ kind }: { kind: string }) {
  return <Badge tone={KIND_TONES[kind] ?? 'plain'}>{visible(plain(kind))}</Badge>;
}

/** All of it, or what a list is narrowed to, as files. */
export function Download({ what, only = {} }: { what: 'assets' | 'links' | 'external-connections'; only?: Record<string, string> }) {
  const isNarrowed = Object.values(only).some((value) => value !== '');
  return (['csv', 'json'] as const).map((form) => (
    <a key={form} className="button" href={link('/v1/inventory-export', { what, form, ...only })} download={`${what}.${form}`}>
      {form.toUpperCase()}
      <span className="visually-hidden"> of {isNarrowed ? 'these' : 'all'} {what.replace('-', ' ')}</span>
    </a>
  ));
}
