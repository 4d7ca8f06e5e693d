// The one filter language: a field for a condition, with the names and words that can come next.
import { type KeyboardEvent, useId, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { Button } from './ui';

interface Word {
  text: string;
  about: string;
}

const FIELDS: Word[] = [
  { text: 'deviceId', about: 'name' },
  { text: 'status', about: "'enabled' or 'disabled'" },
  { text: 'connectionState', about: "'Connected' or 'Disconnected'" },
  { text: 'lifecycle', about: "'onboarded', 'active' …" },
  { text: 'site', about: 'where it is' },
  { text: 'zone', about: 'where it is' },
  { text: 'purdueLevel', about: "'0' to '5'" },
  { text: 'deviceClass', about: 'kind of device' },
  { text: 'isBlocked', about: 'true or false' },
  { text: 'authenticationType', about: "'certificateAuthority', 'selfSigned', 'sas'" },
  { text: 'lastActivityTime', about: 'a time' },
  { text: 'tags.', about: 'a tag, such as tags.line' },
  { text: 'properties.desired.', about: 'what it should be' },
  { text: 'properties.reported.', about: 'what it says' },
  { text: 'groups', about: 'names of its groups' },
];
const WORDS: Word[] = [
  { text: 'AND', about: 'both' },
  { text: 'OR', about: 'either' },
  { text: 'NOT', about: 'the opposite' },
  { text: 'IN [', about: 'one of' },
  { text: 'IS_DEFINED(', about: 'is there' },
  { text: 'STARTSWITH(', about: 'begins with' },
  { text: 'CONTAINS(', about: 'holds' },
];

/** Return the word before the cursor and what could complete it. */
export function completions(text: string, cursor: number): { begin: number; words: Word[] } {
  const before = text.slice(0, cursor);
  const quotes = (before.match(/'/gu) ?? []).length;
  if (quotes % 2 === 1) return { begin: cursor, words: [] };
  const word = /[A-Za-z_.]*$/u.exec(before)![0];
  const begin = cursor - word.length;
  const known = /[\w'")\]]\s+$/u.test(before.slice(0, begin)) ? [...WORDS, ...FIELDS] : [...FIELDS, ...WORDS];
  const words = known.filter(
    (each) => each.text.toLowerCase().startsWith(word.toLowerCase()) && each.text.toLowerCase() !== word.toLowerCase(),
  );
  return { begin, words: word || !before.trim() ? words.slice(0, 8) : words.slice(0, 5) };
}

/** A text field for a condition; `onUse` is called when it is to be used. */
export function Condition({ value, onUse, onEdit, label = 'Filter', action = 'Filter' }: {
  value: string;
  onUse: (value: string) => void;
  /** Called with each change, for a field of a form. */
  onEdit?: (value: string) => void;
  label?: string;
  /** What the button beside it does. */
  action?: string;
}) {
  const [text, setTextOnly] = useState(value);
  const setText = (next: string) => {
    setTextOnly(next);
    onEdit?.(next);
  };
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const cursor = input.current?.selectionStart ?? text.length;
  const { begin, words } = completions(text, cursor);
  const isShown = isOpen && words.length > 0;

  const insert = (word: Word) => {
    const end = /[.([]$/u.test(word.text) ? '' : ' ';
    const next = text.slice(0, begin) + word.text + end + text.slice(cursor);
    // At once: what is typed right behind must not land at the end of the text.
    flushSync(() => {
      setText(next);
      setActive(-1);
    });
    const at = begin + word.text.length + end.length;
    input.current?.focus();
    input.current?.setSelectionRange(at, at);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' && isShown) setActive(Math.min(words.length - 1, active + 1));
    else if (event.key === 'ArrowUp' && isShown) setActive(Math.max(-1, active - 1));
    else if ((event.key === 'Enter' || event.key === 'Tab') && isShown && words[active]) insert(words[active]);
    else if (event.key === 'Enter') {
      setOpen(false);
      onUse(text.trim());
    } else if (event.key === 'Escape' && isShown) setOpen(false);
    else return;
    event.preventDefault();
    // A dialog around it stays open: only the suggestions were closed.
    event.stopPropagation();
  };
  return (
    <div className="condition">
      <label className="label" htmlFor={`${id}-input`}>
        {label}
      </label>
      <div className="row-of">
        <input
          id={`${id}-input`}
          ref={input}
          className="input"
          role="combobox"
          aria-expanded={isShown}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={isShown && active >= 0 ? `${id}-${active}` : undefined}
          autoComplete="off"
          spellCheck={false}
          placeholder="tags.site = 'north' AND connectionState = 'Disconnected'"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setOpen(true);
            setActive(-1);
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKey}
        />
        <Button onPress={() => onUse(text.trim())}>{action}</Button>
        {value && (
          <Button
            kind="quiet"
            onPress={() => {
              setText('');
              onUse('');
            }}
          >
            Clear
          </Button>
        )}
      </div>
      <ul id={`${id}-list`} role="listbox" aria-label="Suggestions" className="popover" hidden={!isShown}>
        {words.map((word, index) => (
          // The blur of the field must not come before the click.
          <li
            key={word.text}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            className={index === active ? 'menu-item active' : 'menu-item'}
            onMouseDown={(event) => {
              event.preventDefault();
              insert(word);
            }}
          >
            <code>{word.text}</code> <span className="muted">{word.about}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
