// What the device should be set to, what it says it is, and the difference before a change is made.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Label, TextArea, TextField } from 'react-aria-components';
import { api, take } from '../api/client';
import { CopyAs } from '../ui/copy';
import { diffLines, mergePatch } from '../ui/diff';
import { plainJson, prettyJson, visible } from '../ui/text';
import { Button, Card, Empty, ProblemNote, Time } from '../ui/ui';

type Document = Record<string, unknown>;
type Part = 'desired' | 'tags';

/** Whose twin: a device's, or that of one of its modules. */
export interface Owner {
  device: string;
  module?: string;
}

export function pathOf({ device, module }: Owner): string {
  return `/v1/devices/${encodeURIComponent(device)}${module ? `/modules/${encodeURIComponent(module)}` : ''}`;
}

export function TwinOf({ device, module }: Owner) {
  const twin = useQuery({
    queryKey: ['twin', device, module],
    queryFn: () =>
      module
        ? take(api.GET('/v1/devices/{device_id}/modules/{module_id}/twin', { params: { path: { device_id: device, module_id: module } } }))
        : take(api.GET('/v1/devices/{device_id}/twin', { params: { path: { device_id: device } } })),
    refetchInterval: 5_000,
  });
  if (!twin.data) return twin.error ? <ProblemNote error={twin.error} /> : <Empty>Reading the twin…</Empty>;
  const { desired, tags, revision } = twin.data;
  return (
    <div className="columns">
      <Editor
        title={`Desired, version ${twin.data.desired_version}`}
        about={`Sent to the ${module ? 'module' : 'device'} as soon as it is saved. To remove a member, take it out.`}
        device={device}
        module={module}
        part="desired"
        document={desired}
        revision={revision}
      />
      <Card
        title={`Reported, version ${twin.data.reported_version}`}
        actions={
          <CopyAs
            way={{
              cli: ['twin', 'show'],
              names: [device],
              options: module ? ['--module', module] : [],
              path: `${pathOf({ device, module })}/twin`,
            }}
          />
        }
      >
        <p className="muted">
          What it says of itself; nothing proves it. Changed <Time at={twin.data.updated_at} />.
        </p>
        <pre className="code" tabIndex={0} role="region" aria-label="Reported properties">
          {prettyJson(twin.data.reported)}
        </pre>
      </Card>
      <Editor
        title="Tags"
        about="For people, groups and policies; the device never sees them."
        device={device}
        module={module}
        part="tags"
        document={tags}
        revision={revision}
      />
    </div>
  );
}

function Editor({ title, about, device, module, part, document, revision }: Owner & {
  title: string;
  about: string;
  part: Part;
  document: Document;
  revision: number;
}) {
  const queries = useQueryClient();
  const now = useMemo(() => prettyJson(document), [document]);
  // What the change began from: somebody else's change neither overwrites it nor is overwritten by it.
  const [base, setBase] = useState({ document, revision, text: now });
  const [text, setText] = useState(now);
  const [isShown, setShown] = useState(false);
  const startOver = () => {
    setBase({ document, revision, text: now });
    setText(now);
    setShown(false);
  };
  const isTouched = text !== base.text;
  const isOutdated = base.text !== now;
  if (isOutdated && !isTouched) startOver();
  else if (!isOutdated && base.revision !== revision) setBase({ document, revision, text: now });
  const { value, problem } = useMemo(() => parse(text), [text]);
  const patch = useMemo(() => (value ? mergePatch(base.document, value) : {}), [base, value]);
  const lines = useMemo(() => (value && isShown ? diffLines(base.document, value) : []), [base, value, isShown]);
  const isChanged = Object.keys(patch).length > 0;
  const options = part === 'desired' ? ['--desired', plainJson(patch)] : (tagOptions(patch) ?? undefined);
  const saving = useMutation({
    mutationFn: () => {
      const header = { 'if-match': `"${base.revision}"` };
      const body = { [part]: patch };
      return module
        ? take(
            api.PATCH('/v1/devices/{device_id}/modules/{module_id}/twin', {
              params: { path: { device_id: device, module_id: module }, header },
              body,
            }),
          )
        : take(api.PATCH('/v1/devices/{device_id}/twin', { params: { path: { device_id: device }, header }, body }));
    },
    onSuccess: (twin) => {
      const saved = prettyJson(twin[part]);
      setBase({ document: twin[part], revision: twin.revision, text: saved });
      setText(saved);
      setShown(false);
      queries.setQueryData(['twin', device, module], twin);
    },
  });
  return (
    <Card
      title={title}
      actions={
        <CopyAs
          way={{
            cli: options && ['twin', 'patch'],
            names: [device],
            options: [...(module ? ['--module', module] : []), ...(options ?? [])],
            method: 'PATCH',
            path: `${pathOf({ device, module })}/twin`,
            body: { [part]: patch },
          }}
        />
      }
    >
      <p className="muted">{about}</p>
      <TextField className="field" value={text} onChange={setText} isInvalid={problem !== ''}>
        <Label className="visually-hidden">{title}</Label>
        <TextArea className="input" rows={Math.min(24, Math.max(6, text.split('\n').length))} spellCheck={false} />
      </TextField>
      {problem && (
        <p role="alert" className="muted">
          {visible(problem)}
        </p>
      )}
      {isShown && value && isChanged && (
        <pre className="code diff" tabIndex={0} role="region" aria-label="What changes">
          {lines.map((line, index) => (
            // biome-ignore lint: lines have no other key than their place
            <span key={index} className={line.sign === '+' ? 'added' : line.sign === '-' ? 'removed' : ''}>
              {line.sign} {line.text}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
      {isOutdated && isTouched && (
        <p role="status" className="note warn">
          Somebody else has changed it meanwhile. Start over to see what it is now; saving is refused.
        </p>
      )}
      <ProblemNote error={saving.error} />
      <div className="row-of">
        {isShown && isChanged ? (
          <Button kind="primary" isDisabled={saving.isPending || !value} onPress={() => saving.mutate()}>
            {saving.isPending ? 'Saving…' : 'Save'}
          </Button>
        ) : (
          <Button kind="primary" isDisabled={!isChanged} onPress={() => setShown(true)}>
            Show what changes
          </Button>
        )}
        <Button isDisabled={!isTouched} onPress={startOver}>
          Start over
        </Button>
      </div>
    </Card>
  );
}

function parse(text: string): { value: Document | null; problem: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { value: null, problem: 'It must be an object: { … }' };
    return { value: value as Document, problem: '' };
  } catch (error) {
    return { value: null, problem: `Not JSON yet: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Write a patch of tags as options of the command, which knows texts at paths only; null where that does not do. */
export function tagOptions(patch: Document, above = ''): string[] | null {
  const options: string[] = [];
  for (const [key, value] of Object.entries(patch)) {
    if (key === '' || /[.=]/u.test(key)) return null;
    if (typeof value === 'string') options.push('--tag', `${above}${key}=${value}`);
    else if (value === null) options.push('--remove-tag', `${above}${key}`);
    else {
      const inner = typeof value === 'object' && !Array.isArray(value) ? tagOptions(value as Document, `${above}${key}.`) : null;
      if (!inner?.length) return null;
      options.push(...inner);
    }
  }
  return options;
}
