// What devices may be told, and nothing else: schemas of methods and commands, by device class or group.
import { useState } from 'react';
import { Input, Label, TextArea, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useGroupName, useGroups, useMay, useNameOf } from '../api/people';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { Code } from '../ui/code';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { prettyJson, queryText, visible } from '../ui/text';
import { Badge, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { isJsonObject } from './command-schemas-json';

type Schema = Schemas['CommandSchemaView'];

const EXAMPLE = {
  type: 'object',
  properties: { rpm: { type: 'integer', minimum: 0, maximum: 1500 } },
  required: ['rpm'],
  additionalProperties: false,
};

export default function CommandSchemas() {
  const [parameters, change] = useQueryState();
  const may = useMay();
  const groupName = useGroupName();
  const schemas = useLongList<Schema>(['command-schemas'], (after) =>
    take(api.GET('/v1/command-schemas', { params: { query: { limit: 200, after } } })),
  );
  const columns: Column<Schema>[] = [
    { title: 'Kind', width: '100px', cell: (each) => each.kind },
    { title: 'Name', width: 'minmax(120px, 1fr)', cell: (each) => (each.command === '*' ? 'any' : <Foreign text={each.command} mono />) },
    { title: 'For', width: 'minmax(140px, 1.4fr)', cell: (each) => <Foreign text={forWhat(each, groupName)} /> },
    { title: 'Since', width: '120px', cell: (each) => <Time at={each.created_at} /> },
  ];
  const items = schemas.items;
  const chosen = items.find((each) => each.schema_id === parameters.get('id')) ?? items[0];
  return (
    <Page
      title="Listed commands"
      about="what devices may be told, and nothing else"
      actions={
        <>
          {may('managePolicies') && <Add />}
          <CopyAs way={{ cli: ['command-schema', 'list'], path: '/v1/command-schemas' }} />
        </>
      }
    >
      <ProblemNote error={schemas.error} />
      <div className="split">
        <Table
          label="Listed commands"
          columns={columns}
          items={items}
          offset={schemas.offset}
          keyOf={(each) => each.schema_id}
          hasMore={schemas.hasMore}
          isLoading={schemas.isLoading}
          onMore={schemas.onMore}
          onBefore={schemas.onBefore}
          onCurrent={(each) => change({ id: each.schema_id })}
          current={chosen?.schema_id}
          empty="Nothing is listed: every device takes every command that somebody may send. List one for a class or group, and those devices take nothing else."
        />
        {chosen && <Detail key={chosen.schema_id} schema={chosen} mayRemove={may('managePolicies')} />}
      </div>
    </Page>
  );
}

function forWhat(schema: Schema, groupName: (id: string) => string): string {
  const parts = [
    schema.device_class && `class ${schema.device_class}`,
    schema.group_id && `group ${groupName(schema.group_id)}`,
  ].filter(Boolean);
  return parts.join(', ');
}

function Detail({ schema, mayRemove }: { schema: Schema; mayRemove: boolean }) {
  const nameOf = useNameOf();
  const groupName = useGroupName();
  const where = [
    schema.device_class && `deviceClass = ${queryText(schema.device_class)}`,
    schema.group_id && `CONTAINS(groups, ${queryText(groupName(schema.group_id))})`,
  ].filter(Boolean);
  const name = schema.command === '*' ? `any ${schema.kind}` : schema.command;
  return (
    <div className="explanation">
      <Card
        title={<Foreign text={name} />}
        actions={
          <>
            <Badge>{schema.kind}</Badge>
            <CopyAs way={{ cli: ['command-schema', 'list'], path: '/v1/command-schemas' }} />
          </>
        }
      >
        <dl className="facts">
          <dt>For</dt>
          <dd>
            <Link href={link('/devices', { where: where.join(' AND ') })}>
              <Foreign text={forWhat(schema, groupName)} />
            </Link>
          </dd>
          <dt>What for</dt>
          <dd>
            <Foreign text={schema.description} />
          </dd>
          <dt>Listed</dt>
          <dd>
            <Time at={schema.created_at} /> by <Foreign text={nameOf(schema.created_by)} />
          </dd>
        </dl>
        <Code label="JSON Schema of the payload" text={prettyJson(schema.json_schema)} />
        {mayRemove && (
          <Act
            label="Remove"
            kind="danger"
            needsReason
            title={`Remove ${visible(name)} from what is listed?`}
            act={(reason) =>
              take(
                api.DELETE('/v1/command-schemas/{schema_id}', {
                  params: { path: { schema_id: schema.schema_id }, query: { reason } },
                }),
              )
            }
          >
            <p className="note warn">Without the last one for its devices they take every {schema.kind} again.</p>
          </Act>
        )}
      </Card>
    </div>
  );
}

function Add() {
  const [kind, setKind] = useState<Schema['kind']>('method');
  const [command, setCommand] = useState('');
  const [deviceClass, setDeviceClass] = useState('');
  const [group, setGroup] = useState('');
  const [text, setText] = useState(prettyJson(EXAMPLE));
  const [description, setDescription] = useState('');
  const groups = useGroups();
  const isReadable = isJsonObject(text);
  const isForSome = deviceClass.trim() !== '' || group !== '';
  return (
    <Act
      label="List a command"
      kind="primary"
      startsAtReason={false}
      hasReason={false}
      title="List what devices may be told"
      isReady={isReadable && isForSome}
      act={() =>
        take(
          api.POST('/v1/command-schemas', {
            body: {
              kind,
              command: command.trim() || '*',
              device_class: deviceClass.trim(),
              group,
              json_schema: JSON.parse(text) as Record<string, never>,
              description: description.trim(),
            },
          }),
        )
      }
    >
      <p className="note warn">From then on the devices of the class, or group, take nothing of this kind that no schema fits. Several add up.</p>
      <div className="field">
        <label htmlFor="schema-kind">Kind</label>
        <select
          id="schema-kind"
          className="input"
          autoFocus
          value={kind}
          onChange={(event) => setKind(event.target.value as Schema['kind'])}
        >
          <option value="method">direct method</option>
          <option value="command">command: a message to a device</option>
        </select>
      </div>
      <TextField className="field" value={command} onChange={setCommand} autoComplete="off">
        <Label>Name of the method (none: any)</Label>
        <Input className="input mono" maxLength={100} placeholder="set_speed" spellCheck={false} />
      </TextField>
      <TextField className="field" value={deviceClass} onChange={setDeviceClass} autoComplete="off">
        <Label>For devices of this class</Label>
        <Input className="input" maxLength={64} placeholder="pump" spellCheck={false} />
      </TextField>
      <div className="field">
        <label htmlFor="schema-group">For devices of this group; with a class, of both</label>
        <select id="schema-group" className="input" value={group} onChange={(event) => setGroup(event.target.value)}>
          <option value="">of any</option>
          {(groups.data?.items ?? []).map((each) => (
            <option key={each.group_id} value={each.group_id}>
              {visible(each.name)}
            </option>
          ))}
        </select>
      </div>
      <TextField className="field" value={text} onChange={setText} isRequired>
        <Label>JSON Schema of the payload</Label>
        <TextArea className="input" rows={9} spellCheck={false} />
      </TextField>
      {!isReadable && (
        <p className="note bad" role="status">
          This is no JSON object yet.
        </p>
      )}
      <TextField className="field" value={description} onChange={setDescription}>
        <Label>What for (optional)</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
    </Act>
  );
}
