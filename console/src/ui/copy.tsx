// "Copy as": every screen shows the command and the request that do the same.
import { useState } from 'react';
import { Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { plainJson, shellQuote } from './text';
import { Button } from './ui';

export interface Way {
  /** Words of the vedette command, unquoted. */
  cli?: readonly string[];
  /** Names that it is about, from outside: one that begins with a dash is no option. */
  names?: readonly string[];
  /** Options, each with its value. */
  options?: readonly string[];
  method?: string;
  /** Path of the request with its query, percent-encoded. */
  path: string;
  body?: unknown;
}

// Expanded by the shell that runs it: no secret ever stands in the page.
const TOKEN = '"Authorization: Bearer $(cat "$VEDETTE_DATA/secrets/operator.token")"';

/** Return the command line. */
export function asCli(way: Way): string {
  const { cli = [], names = [], options = [] } = way;
  const isAmbiguous = names.some((name) => name.startsWith('-'));
  const rest = isAmbiguous ? [...options, '--', ...names] : [...names, ...options];
  return ['vedette', ...cli, ...rest].map(shellQuote).join(' ');
}

/** Return the same as curl; the token is read from its file and never stands in the text. */
export function asCurl(way: Way): string {
  const parts = ['curl', '--fail-with-body', '-H', TOKEN];
  if (way.method && way.method !== 'GET') parts.push('-X', way.method);
  if (way.body !== undefined) parts.push('--json', shellQuote(plainJson(way.body)));
  parts.push(shellQuote(`${window.location.origin}${way.path}`));
  return parts.join(' ');
}

/** A button that shows and copies the ways. */
export function CopyAs({ way }: { way: Way }) {
  const [said, setSaid] = useState('');
  const copy = async (text: string, what: string) => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid(`${what} copied`);
    } catch {
      setSaid('Select the text and copy it: this browser lets no page do it here.');
    }
  };
  const texts = [...(way.cli ? [['CLI', asCli(way)]] : []), ['curl', asCurl(way)]] as [string, string][];
  return (
    <DialogTrigger onOpenChange={() => setSaid('')}>
      <Button kind="quiet">Copy as…</Button>
      <Popover className="popover" placement="bottom end">
        <Dialog aria-label="Copy as command" className="copy-as">
          {texts.map(([what, text]) => (
            <div key={what} className="field">
              <span className="row-of">
                <span className="label">{what}</span>
                <Button kind="quiet" onPress={() => void copy(text, what)} aria-label={`Copy ${what}`}>
                  Copy
                </Button>
              </span>
              <pre className="code">{text}</pre>
            </div>
          ))}
          <p role="status" className="muted">
            {said}
          </p>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
