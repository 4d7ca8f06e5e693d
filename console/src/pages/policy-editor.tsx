// A draft of policies: as text or as a form, checked while it is written, and stored as a bundle that decides nothing yet.
import { useEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { Input, Label, Tab, TabList, TabPanel, Tabs, TextField } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useSession } from '../api/session';
import { Leaving, leaveFreely } from '../app/leaving';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { visible } from '../ui/text';
import { Button, Card, Empty, Foreign, Page, ProblemNote } from '../ui/ui';
import { type Content, nameOf, pathTo, useBundle, useBundles, useStaging } from './policies-queries';
import './policies.css';
import { placeIn, type PolicyPart, splitPolicies } from './policies-text';
import { Checks, useCheck } from './policy-check';
import { type Draft, isSame, keepDraft, readDraft } from './policy-draft';
import { FormPane } from './policy-form';
import { MovedOn } from './policy-moved';
import { SitesPane } from './policy-sites';
import { useMay } from './policy-steps';
import { TextEditor, type TextHandle } from './policy-text';

const TABS = [
  { id: 'text', title: 'Text' },
  { id: 'form', title: 'Form' },
  { id: 'sites', title: 'Sites' },
  { id: 'cases', title: 'Cases' },
] as const;

export default function PolicyEditorPage() {
  const [parameters, change] = useQueryState();
  const from = parameters.get('from') || 'stable';
  const session = useSession().data;
  const bundle = useBundle(from);
  const stable = useStaging();
  const may = useMay();
  const owner = session?.person_id ?? session?.session_id ?? '';
  const [draft, setDraft] = useState<Draft | null>(null);
  const [kept, setKept] = useState<Draft | null>(null);
  useEffect(() => {
    if (draft?.from === from || !owner || !bundle.data || !stable.data) return;
    const found = readDraft(owner);
    const { sha256, number, name, content } = bundle.data;
    const fresh: Draft = { owner, from, base: { sha256, number, name, content }, stable: stable.data.stable, content };
    if (found && found.from !== from) {
      setKept(found);
      return;
    }
    setKept(null);
    setDraft(found ?? fresh);
  }, [draft, owner, from, bundle.data, stable.data, kept]);
  if (may.isKnown && !may.develop)
    return (
      <Page title="Draft of policies">
        <Card title="You may look, but not write policies">
          <p>
            That takes a role that gives <code>developPolicies</code>, such as developer or admin: ask whoever gives roles, or see{' '}
            <Link href="/roles">which you hold</Link>. <Link href={pathTo(from)}>What the policies say</Link> you can read.
          </p>
        </Card>
      </Page>
    );
  if (draft && draft.from === from) return <Editor key={draft.base.sha256} start={draft} isKept={!isSame(draft.content, draft.base.content)} />;
  return (
    <Page title="Draft of policies">
      <ProblemNote error={bundle.error ?? stable.error} />
      {kept ? (
        <Card title="A draft of yours is not stored yet">
          <p>
            It was begun with bundle <Foreign text={nameOf(kept.base)} />. This browser tab keeps one draft at a time.
          </p>
          <div className="row-of">
            <Button
              kind="primary"
              onPress={() => {
                setDraft(kept);
                setKept(null);
                change({ from: kept.from });
              }}
            >
              Go on with it
            </Button>
            <Button
              kind="danger"
              onPress={() => {
                keepDraft(null);
                setKept(null);
              }}
            >
              Throw it away
            </Button>
          </div>
        </Card>
      ) : (
        !bundle.error && <Empty>Reading the policies…</Empty>
      )}
    </Page>
  );
}

function Editor({ start, isKept }: { start: Draft; isKept: boolean }) {
  const [parameters, change] = useQueryState();
  const [draft, setDraft] = useState(start);
  const [isRestored, setRestored] = useState(isKept);
  const text = useRef<TextHandle>(null);
  const found = useCheck(draft.content, useStaging().data?.stable ?? draft.stable);
  const isUnsaved = !isSame(draft.content, draft.base.content);
  const tab = TABS.find((each) => each.id === parameters.get('tab'))?.id ?? 'text';
  useEffect(() => keepDraft(isUnsaved ? draft : null), [draft, isUnsaved]);
  const edit = (changes: Partial<Content>) => setDraft((before) => ({ ...before, content: { ...before.content, ...changes } }));
  const jump = (from: number, to: number) => {
    flushSync(() => change({ tab: '' }));
    // The panel of another tab was not there before.
    setTimeout(() => text.current?.jump(from, to));
  };
  const jumpToFlaw = (flaw: Schemas['FlawView']) => {
    const from = placeIn(draft.content.policies, flaw.line, flaw.column);
    const end = draft.content.policies.indexOf('\n', from);
    jump(from, end < 0 ? draft.content.policies.length : end);
  };
  const jumpToPart = (part: PolicyPart) => jump(part.from, part.to);
  return (
    <Page
      title="Draft of policies"
      about={
        <>
          begun with bundle <Link href={pathTo(draft.base.number)}><Foreign text={nameOf(draft.base)} /></Link>
          {isUnsaved ? ', not stored' : ', nothing changed yet'}
        </>
      }
      actions={<Actions draft={draft} isReady={isUnsaved && found.isCurrent && found.check.data?.is_good === true} />}
    >
      {isRestored && (
        <p className="note row-of" role="status">
          This is what you had not stored yet.
          <Button
            onPress={() => {
              setDraft({ ...draft, content: draft.base.content });
              setRestored(false);
            }}
          >
            Start over
          </Button>
          <Button kind="quiet" onPress={() => setRestored(false)}>
            Go on
          </Button>
        </p>
      )}
      <MovedOn draft={draft} onDraft={setDraft} />
      <div className="editor">
        <Tabs className="tabs" selectedKey={tab} onSelectionChange={(id) => change({ tab: id === 'text' ? '' : String(id) })}>
          <TabList aria-label="Parts of the draft" items={TABS}>
            {(each) => <Tab id={each.id}>{each.title}</Tab>}
          </TabList>
          <TabPanel id="text">
            <Outline text={draft.content.policies} onJump={jumpToPart} />
            <TextEditor label="Policies, Cedar" value={draft.content.policies} onChange={(policies) => edit({ policies })} handle={text} />
          </TabPanel>
          <TabPanel id="form">
            <FormPane
              text={draft.content.policies}
              onText={(policies) => edit({ policies })}
              chosen={parameters.get('policy') ?? ''}
              onChoose={(policy) => change({ policy })}
              showText={jumpToPart}
            />
          </TabPanel>
          <TabPanel id="sites">
            <SitesPane sites={draft.content.sites ?? {}} onSites={(sites) => edit({ sites })} />
          </TabPanel>
          <TabPanel id="cases">
            <CasesPane text={draft.content.cases ?? ''} onText={(cases) => edit({ cases })} />
          </TabPanel>
        </Tabs>
        <Checks found={found} onJump={jumpToFlaw} />
      </div>
      <Leaving isUnsaved={isUnsaved} what="The draft" onThrowAway={() => keepDraft(null)} />
    </Page>
  );
}

function Outline({ text, onJump }: { text: string; onJump: (part: PolicyPart) => void }) {
  const parts = splitPolicies(text);
  return (
    <div className="row-of outline">
      <label htmlFor="outline" className="muted">
        Go to policy
      </label>
      <select
        id="outline"
        className="input"
        value=""
        onChange={(event) => {
          const part = parts.find((each) => String(each.from) === event.target.value);
          if (part) onJump(part);
        }}
      >
        <option value="">{parts.length} policies…</option>
        {parts.map((each) => (
          <option key={each.from} value={each.from}>
            {visible(each.id)}
          </option>
        ))}
      </select>
    </div>
  );
}

const EXAMPLE = `
[[case]]
name = "nobody connects from the south"
action = "connect"
expect = "deny"
[case.principal]
site = "south"
`;

function CasesPane({ text, onText }: { text: string; onText: (text: string) => void }) {
  return (
    <div className="stack">
      <p className="muted">
        What must be allowed and denied, as TOML. Each case is tried with every change, here and before anything is stored.
      </p>
      <div className="row-of">
        <Button onPress={() => onText(`${text.trimEnd()}\n${EXAMPLE}`.trimStart())}>Add an example</Button>
      </div>
      <TextEditor label="Unit cases, TOML" value={text} onChange={onText} />
    </div>
  );
}

function Actions({ draft, isReady }: { draft: Draft; isReady: boolean }) {
  const [name, setName] = useState('');
  const stored = useRef<{ number: number; isKnown: boolean } | null>(null);
  const bundles = useBundles();
  const may = useMay();
  const [, navigate] = useLocation();
  const body = { ...draft.content, name, reason: '' };
  return (
    <>
      <Act
        label="Store as a draft"
        kind="primary"
        isDisabled={!isReady || !may.develop}
        startsAtReason={false}
        title="Store it as a draft?"
        act={async (reason) => {
          const known = new Set((bundles.data?.items ?? []).map((each) => each.sha256));
          const { number, sha256 } = await take(api.POST('/v1/policies', { body: { ...body, reason } }));
          stored.current = { number, isKnown: known.has(sha256) };
        }}
        onDone={() => {
          if (!stored.current) return;
          keepDraft(null);
          leaveFreely();
          navigate(link(pathTo(stored.current.number), { known: stored.current.isKnown ? '1' : '' }));
        }}
      >
        <p>It is checked once more, signed, and named by its content. It decides nothing: the next step is to simulate it.</p>
        <TextField className="field" value={name} onChange={setName} autoFocus>
          <Label>Name, for people (optional)</Label>
          <Input className="input" maxLength={128} />
        </TextField>
      </Act>
      <CopyAs way={{ cli: ['policy', 'apply'], names: ['policies'], method: 'POST', path: '/v1/policies', body }} />
    </>
  );
}
