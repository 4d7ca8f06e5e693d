// The REST API, drawn from the OpenAPI file that the console itself was built with.
import { useEffect, useMemo, useState } from 'react';
import { Link } from 'wouter';
import reference from '../../../docs/reference/openapi.json';
import { link, useQueryState } from '../app/url';
import { Badge, Card, Empty, Page } from '../ui/ui';

interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; description?: string }[];
  requestBody?: { content: Record<string, { schema?: Schema }> };
  responses: Record<string, { description?: string; content?: Record<string, { schema?: Schema }> }>;
}

interface Schema {
  $ref?: string;
  type?: string | string[];
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
}

const PATHS = reference.paths as unknown as Record<string, Record<string, Operation>>;
const SCHEMAS = reference.components.schemas as unknown as Record<string, Schema>;

interface Row {
  id: string;
  method: string;
  path: string;
  operation: Operation;
}

const ROWS: Row[] = Object.entries(PATHS).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    id: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    operation,
  })),
);

/** Gather operations by what they are about: the first word of the path that is not a version. */
function sections(rows: readonly Row[]): [string, Row[]][] {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const word = row.path.split('/').find((part) => part && !/^v\d+$/u.test(part) && !part.startsWith('{')) ?? row.path;
    const name = word.replace(/^\.well-known$/u, 'well-known').replaceAll('-', ' ');
    found.set(name, [...(found.get(name) ?? []), row]);
  }
  return [...found];
}

function nameOf(schema: Schema | undefined): string {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (schema.anyOf) return schema.anyOf.map(nameOf).join(' or ');
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(' or ');
  if (schema.items) return `list of ${nameOf(schema.items)}`;
  return Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'any');
}

export default function ApiReference() {
  const [parameters, change] = useQueryState();
  const text = parameters.get('find') ?? '';
  const shown = useMemo(
    () => ROWS.filter((row) => `${row.id} ${row.operation.summary ?? ''}`.toLowerCase().includes(text.toLowerCase())),
    [text],
  );
  const schema = parameters.get('schema');
  return (
    <Page title="REST API" about={`${shown.length} of ${ROWS.length} operations`}>
      <div className="field">
        <label htmlFor="api-find">Find</label>
        <input id="api-find" className="input" placeholder="devices, revoke, POST…" value={text} onChange={(event) => change({ find: event.target.value })} />
      </div>
      {schema && SCHEMAS[schema] && <SchemaCard name={schema} schema={SCHEMAS[schema]} />}
      {shown.length === 0 && <Empty>No operation is called so. Look for a part of its path, such as “devices”, or a word.</Empty>}
      {sections(shown).map(([name, rows]) => (
        <section key={name} className="card operations" aria-label={name}>
          <h2>{name}</h2>
          {rows.map((row) => (
            <OperationEntry key={row.id} row={row} />
          ))}
        </section>
      ))}
    </Page>
  );
}

/** What an operation takes and answers is drawn once it is opened: all of them are 20,000 elements. */
function OperationEntry({ row }: { row: Row }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Badge tone={row.method === 'GET' ? 'info' : row.method === 'DELETE' ? 'bad' : 'good'}>{row.method}</Badge>
        <code>{row.path}</code>
        <span className="muted">{row.operation.summary}</span>
      </summary>
      {isOpen && <p>{row.operation.description}</p>}
      {isOpen && <OperationFacts operation={row.operation} />}
    </details>
  );
}

function Linked({ schema }: { schema: Schema | undefined }) {
  const name = nameOf(schema);
  const [parameters] = useQueryState();
  const find = parameters.get('find') ?? '';
  return SCHEMAS[name] ? <Link href={link('/api', { find, schema: name })}>{name}</Link> : <span>{name}</span>;
}

function OperationFacts({ operation }: { operation: Operation }) {
  return (
    <>
      <dl className="facts">
        {(operation.parameters ?? []).map((each) => (
          <Fact key={`${each.in} ${each.name}`} name={each.name} note={`${each.in}${each.required ? ', required' : ''}`} text={each.description} />
        ))}
        {Object.entries(operation.requestBody?.content ?? {}).map(([type, content]) => (
          <div key={type} className="fact">
            <dt>body</dt>
            <dd>
              <Linked schema={content.schema} /> <span className="muted">{type}</span>
            </dd>
          </div>
        ))}
        {Object.entries(operation.responses).map(([status, answer]) => (
          <div key={status} className="fact">
            <dt>{status}</dt>
            <dd>
              <Linked schema={Object.values(answer.content ?? {})[0]?.schema} /> <span className="muted">{answer.description}</span>
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Fact({ name, note, text }: { name: string; note: string; text: string | undefined }) {
  return (
    <div className="fact">
      <dt>
        <code>{name}</code>
      </dt>
      <dd>
        <span className="muted">{note}</span> {text}
      </dd>
    </div>
  );
}

function SchemaCard({ name, schema }: { name: string; schema: Schema }) {
  const [parameters] = useQueryState();
  // It stands at the top, and whoever asked for it is far below.
  useEffect(() => document.getElementById('schema')?.scrollIntoView({ block: 'start' }), [name]);
  return (
    <Card id="schema" title={name} actions={<Link href={link('/api', { find: parameters.get('find') ?? '' })}>Close</Link>}>
      <p>{schema.description}</p>
      <dl className="facts">
        {Object.entries(schema.properties ?? {}).map(([property, inner]) => (
          <div key={property} className="fact">
            <dt>
              <code>{property}</code>
            </dt>
            <dd>
              <Linked schema={inner} /> {schema.required?.includes(property) && <span className="muted">always there</span>}{' '}
              {inner.description}
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
