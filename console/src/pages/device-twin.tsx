// What the device should be set to, what it says it is, and the difference before a change is made.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { Label, TextArea, TextField } from 'react-aria-components';
import { api, take } from '../api/client';
import { CopyAs } from '../ui/copy';
import { diffLines, mergePatch } from '../ui/diff';
import { visible } from '../ui/text';
import { Button, Card, ProblemNote, Time } from '../ui/ui';

type Document = Record<string, unknown>;

export function TwinOf({ device }: { device: string }) {
  const path = { path: { device_id: device } };
  const twin = useQuery({
    queryKey: ['twin', device],
    queryFn: () => take(api.GET('/v1/devices/{device_id}/twin', { params: path })),
    refetchInterval: 5_000,
  });
  if (!twin.data) return <ProblemNote error={twin.error} />;
  return (
    <div className="columns">
      <Editor
        key={`desired ${twin.data.desired_version}`}
        title={`Desired, version ${twin.data.desired_version}`}
        about="Sent to the device as soon as it is saved; null removes."
        device={device}
        part="desired"
        document={twin.data.desired}
        revision={twin.data.revision}
      />
      <Card title={`Reported, version ${twin.data.reported_version}`}>
        <p className="muted">
          What the device says of itself; nothing proves it. Changed <Time at={twin.data.updated_at} />.
        </p>
        <pre className="code" tabIndex={0} aria-label="Reported properties">
          {visible2(twin.data.reported)}
        </pre>
      </Card>
      <Editor
        key={`tags ${twin.data.revision}`}
        title="Tags"
        about="For people, groups and policies; the device never sees them."
        device={device}
        part="tags"
        document={twin.data.tags}
        revision={twin.data.revision}
      />
    </div>
  );
}

/** JSON with the invisible made visible, line breaks kept. */
function visible2(value: unknown): string {
  return JSON.stringify(value, null, 2).split('\n').map(visible).join('\n');
}

function Editor({ title, about, device, part, document, revision }: {
  title: string;
  about: string;
  device: string;
  part: 'desired' | 'tags';
  document: Document;
  revision: number;
}) {
  const usual = useMemo(() => JSON.stringify(document, null, 2), [document]);
  const [text, setText] = useState(usual);
  const [isShown, setShown] = useState(false);
  const queries = useQueryClient();
  useEffect(() => setText(usual), [usual]);
  const parsed = useMemo(() => parse(text), [text]);
  const patch = parsed.value ? mergePatch(document, parsed.value) : {};
  const isChanged = Object.keys(patch).length > 0;
  const saving = useMutation({
    mutationFn: () =>
      take(
        api.PATCH('/v1/devices/{device_id}/twin', {
          params: { path: { device_id: device }, header: { 'if-match': `"${revision}"` } },
          body: { [part]: patch },
        }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['twin', device] }),
  });
  return (
    <Card
      title={title}
      actions={
        <CopyAs
          way={{
            cli: ['twin', 'patch', device, ...(part === 'desired' ? ['--desired', JSON.stringify(patch)] : tagArguments(patch))],
            method: 'PATCH',
            path: `/v1/devices/${encodeURIComponent(device)}/twin`,
            body: { [part]: patch },
          }}
        />
      }
    >
      <p className="muted">{about}</p>
      <TextField className="field" value={text} onChange={setText} isInvalid={parsed.problem !== ''}>
        <Label className="visually-hidden">{title}</Label>
        <TextArea className="input" rows={Math.min(24, Math.max(6, text.split('\n').length))} spellCheck={false} />
      </TextField>
      {parsed.problem && (
        <p role="alert" className="muted">
          {parsed.problem}
        </p>
      )}
      {isShown && parsed.value && isChanged && (
        <pre className="code diff" aria-label="What changes">
          {diffLines(document, parsed.value).map((line, index) => (
            // biome-ignore lint: lines have no other key than their place
            <span key={index} className={line.sign === '+' ? 'added' : line.sign === '-' ? 'removed' : ''}>
              {line.sign} {visible(line.text)}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
      <ProblemNote error={saving.error} />
      <div className="row-of">
        {isShown && isChanged ? (
          <Button kind="primary" isDisabled={saving.isPending || !parsed.value} onPress={() => saving.mutate()}>
            {saving.isPending ? 'Saving…' : 'Save'}
          </Button>
        ) : (
          <Button kind="primary" isDisabled={!isChanged} onPress={() => setShown(true)}>
            Show what changes
          </Button>
        )}
        <Button isDisabled={!isChanged && text === usual} onPress={() => setText(usual)}>
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
    return { value: null, problem: `Not JSON yet: ${String(error)}` };
  }
}

function tagArguments(patch: Document): string[] {
  return Object.entries(patch).flatMap(([key, value]) => ['--tag', `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`]);
}
