// One policy of a draft as a form. What the form says is written into the text at once; a policy of another shape stays text.
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { api, ApiError, type Schemas, take } from '../api/client';
import { visible } from '../ui/text';
import { Button, Card, Empty, Foreign, ProblemNote } from '../ui/ui';
import { addPolicy, freeId, type PolicyPart, replacePolicy, splitPolicies } from './policies-text';
import { hintOf, type Piece, sendForm, type Typed, type TypedForm, typeForm } from './policy-form-items';

const WRITE_MS = 300;

interface Pane {
  text: string;
  onText: (text: string) => void;
  chosen: string;
  onChoose: (id: string) => void;
  showText: (part: PolicyPart) => void;
}

export function FormPane({ text, onText, chosen, onChoose, showText }: Pane) {
  const parts = splitPolicies(text);
  const at = Math.max(0, parts.findIndex((each) => each.id === chosen));
  const part = parts[at];
  // A policy may be given another id while its form is open: the form stays the same one.
  const [others, setOthers] = useState(0);
  const adding = useMutation({
    mutationFn: () => {
      const form: Schemas['FormView'] = { policy_id: freeId(parts), effect: 'forbid' };
      return take(api.POST('/v1/policy-form', { body: { form } }));
    },
    onSuccess: (written) => {
      onText(addPolicy(text, written.text ?? ''));
      onChoose(written.form?.policy_id ?? '');
    },
  });
  return (
    <div className="stack">
      <div className="row-of">
        <label htmlFor="chosen-policy" className="muted">
          Policy
        </label>
        <select id="chosen-policy" className="input" value={part?.id ?? ''} onChange={(event) => onChoose(event.target.value)}>
          {parts.map((each) => (
            <option key={each.from} value={each.id}>
              {visible(each.id)} ({each.effect})
            </option>
          ))}
        </select>
        <Button isDisabled={adding.isPending} onPress={() => adding.mutate()}>
          Add a policy
        </Button>
        {part && (
          <Button
            kind="danger"
            onPress={() => {
              onText(replacePolicy(text, part, ''));
              setOthers(others + 1);
            }}
          >
            Remove it
          </Button>
        )}
      </div>
      <ProblemNote error={adding.error} />
      {part ? (
        <OneForm
          key={`${others} ${at}`}
          part={part}
          showText={() => showText(part)}
          onWritten={(written, id) => {
            onText(replacePolicy(text, part, written));
            if (id !== part.id) onChoose(id);
          }}
        />
      ) : (
        <Empty>There is no whole policy in the text yet. Add one here, or write it as text.</Empty>
      )}
    </div>
  );
}

function OneForm({ part, onWritten, showText }: {
  part: PolicyPart;
  onWritten: (text: string, id: string) => void;
  showText: () => void;
}) {
  // As it was when the form was opened: what the form writes afterwards is its own.
  const [begun] = useState(part.text);
  const pieces = useQuery({
    queryKey: ['policy-form'],
    queryFn: () => take(api.GET('/v1/policy-form')),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const read = useQuery({
    queryKey: ['policy-form', begun],
    queryFn: () => take(api.POST('/v1/policy-form', { body: { text: begun } })),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const isOther = read.error instanceof ApiError && read.error.problem.code === 'access.not_a_form';
  if (read.error)
    return (
      <Card title={<Foreign text={part.id} />}>
        {isOther ? (
          <p>
            This policy says more than the form can (<Foreign text={read.error.message} />
            ). It stays text, and nothing of it is lost.
          </p>
        ) : (
          <ProblemNote error={read.error} />
        )}
        <Button kind="primary" onPress={showText}>
          Edit it as text
        </Button>
      </Card>
    );
  if (!read.data?.form || !pieces.data) return <Empty>Reading the policy…</Empty>;
  return <Fields pieces={pieces.data} begun={typeForm(read.data.form)} hasComments={begun.includes('//')} onWritten={onWritten} />;
}

function Fields({ pieces, begun, hasComments, onWritten }: {
  pieces: Schemas['FormPieces'];
  begun: TypedForm;
  hasComments: boolean;
  onWritten: (text: string, id: string) => void;
}) {
  const [form, setForm] = useState(begun);
  const isTouched = useRef(false);
  const write = useRef(onWritten);
  write.current = onWritten;
  const writing = useMutation({
    mutationFn: (asked: TypedForm) =>
      take(api.POST('/v1/policy-form', { body: { form: sendForm(asked, pieces.selectors, pieces.conditions) } })),
  });
  const { mutateAsync } = writing;
  useEffect(() => {
    if (!isTouched.current) return undefined;
    let isOld = false;
    const timer = setTimeout(() => {
      mutateAsync(form)
        .then((written) => {
          if (!isOld) write.current(written.text ?? '', form.policy_id);
        })
        .catch(() => undefined); // shown below
    }, WRITE_MS);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [form, mutateAsync]);
  const change = (changes: Partial<TypedForm>) => {
    isTouched.current = true;
    setForm({ ...form, ...changes });
  };
  const isForbid = form.effect === 'forbid';
  return (
    <Card title={<Foreign text={form.policy_id} />}>
      <div className="react-aria-Form">
        <ProblemNote error={writing.error} />
        {hasComments && <p className="note">Comments within this policy are lost as soon as the form writes it.</p>}
        <fieldset className="checks-of">
          <legend>What it does</legend>
          {(['forbid', 'permit'] as const).map((each) => (
            <label key={each}>
              <input type="radio" name="effect" checked={form.effect === each} onChange={() => change({ effect: each })} />
              {each === 'forbid' ? 'forbid: they may not, unless …' : 'permit: they may, as long as …'}
            </label>
          ))}
        </fieldset>
        <Text label="Id" value={form.policy_id} onChange={(policy_id) => change({ policy_id })} max={128} />
        <Text label="Owner: who answers for it" value={form.owner} onChange={(owner) => change({ owner })} />
        <Text label="Why it is there" value={form.why} onChange={(why) => change({ why })} />
        <Text label="Guidance: what to do when it refuses" value={form.guidance} onChange={(guidance) => change({ guidance })} />
        <TextField className="field" type="date" value={form.expires} onChange={(expires) => change({ expires })}>
          <Label>Review by (optional): it wants to be looked at again then</Label>
          <Input className="input" />
        </TextField>
        <div className="field">
          <label htmlFor="principals">Whom it concerns</label>
          <select
            id="principals"
            className="input"
            value={form.principals}
            onChange={(event) => change({ principals: event.target.value as TypedForm['principals'] })}
          >
            <option value="any">devices and modules</option>
            <option value="device">devices</option>
            <option value="module">modules</option>
          </select>
        </div>
        <Items
          label="who"
          none="All of them."
          pieces={pieces.selectors}
          items={form.selectors}
          onChange={(selectors) => change({ selectors })}
        />
        <fieldset className="checks-of">
          <legend>Actions; none chosen means every action</legend>
          {pieces.actions.map((each) => (
            <label key={each}>
              <input
                type="checkbox"
                checked={form.actions.includes(each)}
                onChange={(event) =>
                  change({ actions: event.target.checked ? [...form.actions, each] : form.actions.filter((one) => one !== each) })
                }
              />
              {each}
            </label>
          ))}
        </fieldset>
        <Items
          label={isForbid ? 'unless' : 'as long as'}
          none={isForbid ? 'No exception: they never may.' : 'Nothing else must hold.'}
          pieces={pieces.conditions}
          items={form.conditions}
          onChange={(conditions) => change({ conditions })}
        />
      </div>
    </Card>
  );
}

function Text({ label, value, onChange, max = 1024 }: { label: string; value: string; onChange: (value: string) => void; max?: number }) {
  return (
    <TextField className="field" value={value} onChange={onChange}>
      <Label>{label}</Label>
      <Input className="input" maxLength={max} />
    </TextField>
  );
}

function Items({ label, none, pieces, items, onChange }: {
  label: string;
  none: string;
  pieces: readonly Piece[];
  items: readonly Typed[];
  onChange: (items: Typed[]) => void;
}) {
  return (
    <section aria-label={label}>
      <h3>{label}</h3>
      {items.length === 0 && <p className="muted">{none}</p>}
      <ul className="items">
        {items.map((item, index) => {
          const piece = pieces.find((each) => each.kind === item.kind);
          return (
            // biome-ignore lint: two items may be alike
            <li key={index}>
              <span>{piece?.words ?? item.kind}</span>
              {piece?.takes === 'nothing' ? (
                <span />
              ) : (
                <ItemValue
                  piece={piece}
                  item={item}
                  onChange={(text) => onChange(items.map((each, at) => (at === index ? { ...each, text } : each)))}
                />
              )}
              <Button
                kind="quiet"
                aria-label={`Remove: ${piece?.words ?? item.kind}`}
                onPress={() => onChange(items.filter((_, at) => at !== index))}
              >
                Remove
              </Button>
            </li>
          );
        })}
      </ul>
      <select
        className="input"
        aria-label={`Add to ${label}`}
        value=""
        onChange={(event) => event.target.value && onChange([...items, { kind: event.target.value, text: '' }])}
      >
        <option value="">Add…</option>
        {pieces.map((each) => (
          <option key={each.kind} value={each.kind}>
            {each.words}
          </option>
        ))}
      </select>
    </section>
  );
}

function ItemValue({ piece, item, onChange }: { piece: Piece | undefined; item: Typed; onChange: (text: string) => void }) {
  const groups = useQuery({
    queryKey: ['groups'],
    queryFn: () => take(api.GET('/v1/groups', { params: { query: { limit: 500 } } })),
    enabled: piece?.kind === 'group',
  });
  const label = piece?.words ?? item.kind;
  if (piece?.kind === 'group') {
    const seen = (groups.data?.items ?? []).filter((each) => each.feeds_policies);
    return (
      <select className="input" aria-label={label} value={item.text} onChange={(event) => onChange(event.target.value)}>
        {!seen.some((each) => each.group_id === item.text) && <option value={item.text}>{visible(item.text) || 'choose a group'}</option>}
        {seen.map((each) => (
          <option key={each.group_id} value={each.group_id}>
            {visible(each.name)}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      className="input"
      aria-label={label}
      placeholder={hintOf(piece)}
      maxLength={1024}
      value={item.text}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
