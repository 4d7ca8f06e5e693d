// A field for text of many lines, with their numbers, in which a place can be jumped to.
import { type Ref, useImperativeHandle, useMemo, useRef } from 'react';

export interface TextHandle {
  /** Put the cursor to a place, select what stands there, and bring it into sight. */
  jump: (from: number, to: number) => void;
}

export function TextEditor({ label, value, onChange, handle }: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  handle?: Ref<TextHandle>;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLPreElement>(null);
  const count = value.split('\n').length;
  const numbers = useMemo(() => Array.from({ length: count }, (_, index) => index + 1).join('\n'), [count]);
  useImperativeHandle(handle, () => ({
    jump: (from, to) => {
      const { current } = field;
      if (!current) return;
      const line = current.value.slice(0, from).split('\n').length;
      const lines = current.value.split('\n').length;
      current.focus({ preventScroll: true });
      current.setSelectionRange(from, to);
      current.scrollTop = Math.max(0, ((line - 4) / lines) * current.scrollHeight);
      current.scrollIntoView({ block: 'nearest' });
    },
  }));
  return (
    <div className="text-editor">
      <pre ref={gutter} className="lines" aria-hidden="true">
        {numbers}
      </pre>
      <textarea
        ref={field}
        className="input"
        aria-label={label}
        value={value}
        spellCheck={false}
        autoComplete="off"
        wrap="off"
        onChange={(event) => onChange(event.target.value)}
        onScroll={(event) => {
          if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}
