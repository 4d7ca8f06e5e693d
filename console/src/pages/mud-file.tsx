// The MUD file of an asset (RFC 8520): what it was seen to need, its signature, and how a maker's word fits with it.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import { api, type Schemas, take } from '../api/client';
import { nameIn } from '../app/url';
import { CopyAs } from '../ui/copy';
import { save } from '../ui/save';
import { visible } from '../ui/text';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote } from '../ui/ui';
import { listsIn } from './mud-words';
import { serviceInWords } from './zones-words';
import './zones.css';

const FILE_MAX = 262_144;

export default function MudFile() {
  const id = nameIn(usePathname());
  const file = useQuery({
    queryKey: ['mud-file', id],
    // As the platform writes it, to the byte: a signature is over these.
    queryFn: () => take(api.GET('/v1/mud-files/{asset_id}', { params: { path: { asset_id: id } }, parseAs: 'text' })),
  });
  const text = file.data as string | undefined;
  const path = `/v1/mud-files/${encodeURIComponent(id)}`;
  return (
    <Page
      title="MUD file"
      about={
        <Link href={`/assets/${encodeURIComponent(id)}`}>
          <Foreign text={id} mono />
        </Link>
      }
      actions={
        <>
          <Button isDisabled={text === undefined} onPress={() => text !== undefined && save(`${id}.json`, 'application/mud+json', text)}>
            Download
          </Button>
          <Signature id={id} />
          <CopyAs way={{ cli: ['segment', 'mud'], names: [id], path }} />
        </>
      }
    >
      <p className="muted flat">
        What the asset was seen to do, as firewalls read it (RFC 8520): everything else is refused. Watch it for as long as its slowest
        cycle before you rely on it.
      </p>
      <ProblemNote error={file.error} />
      {file.isPending && <Empty>Writing the file…</Empty>}
      {text !== undefined && (
        <>
          <Entries text={text} />
          <Compare id={id} />
          <Card title="The file">
            <pre className="code" tabIndex={0} aria-label="MUD file">
              {visible(text).replaceAll('⟨U+000A⟩', '\n')}
            </pre>
          </Card>
        </>
      )}
    </Page>
  );
}

function Signature({ id }: { id: string }) {
  const [error, setError] = useState<unknown>(null);
  const fetchIt = async () => {
    setError(null);
    try {
      const found = await take(
        api.GET('/v1/mud-files/{asset_id}/signature', { params: { path: { asset_id: id } }, parseAs: 'arrayBuffer' }),
      );
      save(`${id}.p7s`, 'application/pkcs7-signature', found as unknown as ArrayBuffer);
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <>
      <Button onPress={() => void fetchIt()}>Signature</Button>
      <ProblemNote error={error} />
    </>
  );
}

/** The entries of the lists, a line each. */
function Entries({ text }: { text: string }) {
  const lists = listsIn(text);
  return (
    <Card title="What it allows">
      {lists.length === 0 && <Empty>It was not seen to talk over IP: the file allows nothing.</Empty>}
      <div className="columns">
        {lists.map((list) => (
          <section key={list.title} aria-label={list.title}>
            <h3>{list.title}</h3>
            <ul className="plain scrolls" aria-label={list.title} tabIndex={0}>
              {list.entries.map((each) => (
                <li key={each.name} className="line">
                  <span>
                    <code>{each.service}</code> with <Foreign text={each.peer} />
                  </span>
                  <span className="muted">{each.begins}</span>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Card>
  );
}

function Compare({ id }: { id: string }) {
  const [found, setFound] = useState<Schemas['MudComparisonView'] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const compare = async (file: File | undefined) => {
    if (!file) return;
    setError(null);
    setFound(null);
    try {
      if (file.size > FILE_MAX) throw `The file has ${file.size.toLocaleString('en')} bytes; ${FILE_MAX.toLocaleString('en')} is the most.`;
      const document = await file.text();
      setFound(await take(api.POST('/v1/mud-files/{asset_id}/compare', { params: { path: { asset_id: id } }, body: { document } })));
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Card title="Compare a maker’s file with what was seen">
      <div className="field">
        <label htmlFor="maker">The maker’s MUD file (JSON)</label>
        <input id="maker" type="file" className="input" accept=".json,application/mud+json,application/json" onChange={(event) => void compare(event.target.files?.[0])} />
      </div>
      <ProblemNote error={error} />
      {found && (
        <div role="status">
          <p className="row-of">
            <Badge tone={found.undeclared.length ? 'warn' : 'good'}>
              {found.undeclared.length.toLocaleString('en')} links that it does not declare
            </Badge>
            <Badge>{found.declared.toLocaleString('en')} declared</Badge>
            <Badge>{found.depends.toLocaleString('en')} depend on who the peer is</Badge>
            <Badge>{found.unused.length.toLocaleString('en')} entries nothing used</Badge>
          </p>
          <ul className="plain scrolls" aria-label="What does not fit" tabIndex={0}>
            {found.undeclared.map((each) => (
              <li key={`${each.client_address} ${each.server_address} ${each.transport} ${each.port}`} className="line">
                <span>
                  {each.client_address} → {each.server_address} <code>{serviceInWords({ ...each, port_last: 0 })}</code>
                </span>
                <Badge tone="warn">not declared</Badge>
              </li>
            ))}
            {found.unused.map((each) => (
              <li key={`${each.peer} ${serviceInWords(each.service)} ${each.is_from_device}`} className="line">
                <span>
                  {each.is_from_device ? 'to' : 'from'} <Foreign text={each.peer} /> <code>{serviceInWords(each.service)}</code>
                </span>
                <Badge>never used</Badge>
              </li>
            ))}
            {found.not_understood.map((each) => (
              <li key={each} className="line">
                <Foreign text={each} />
                <Badge tone="warn">not understood: allows nothing</Badge>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}
