// Who vouches for devices, whom we vouch for, and when each of them ends.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextArea, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { Act } from '../ui/act';
import { Code } from '../ui/code';
import { CopyAs } from '../ui/copy';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote, Time, type Tone } from '../ui/ui';
import { makeProof } from './snippets';

type Authority = Schemas['AuthorityView'];
type Own = Schemas['OwnAuthority'];

const DAY_MS = 86_400_000;

function endsTone(at: string): Tone {
  const days = (Date.parse(at) - Date.now()) / DAY_MS;
  return days < 14 ? 'bad' : days < 60 ? 'warn' : 'good';
}

export default function Authorities() {
  const theirs = useQuery({
    queryKey: ['authorities'],
    queryFn: () => take(api.GET('/v1/authorities', { params: { query: { limit: 500 } } })),
  });
  const ours = useQuery({ queryKey: ['own-authorities'], queryFn: () => take(api.GET('/v1/own-authorities')) });
  return (
    <Page
      title="Authorities"
      about="who vouches for devices, and until when"
      actions={
        <>
          <Add onDone={() => void theirs.refetch()} />
          <CopyAs way={{ cli: ['authority', 'list'], path: '/v1/authorities' }} />
        </>
      }
    >
      <ProblemNote error={theirs.error ?? ours.error} />
      <Card title="Makers and others: they vouch for onboarding identities">
        {theirs.data?.items.length === 0 && (
          <Empty>No authority is registered. Add the one whose certificates your devices left the factory with.</Empty>
        )}
        <div className="columns">
          {(theirs.data?.items ?? []).map((each) => (
            <Theirs key={each.authority_id} authority={each} />
          ))}
        </div>
      </Card>
      <Card title="Ours: they issue operational certificates">
        <div className="columns">
          {(ours.data?.items ?? []).map((each) => (
            <Ours key={each.sha256} authority={each} />
          ))}
        </div>
      </Card>
    </Page>
  );
}

function Ours({ authority }: { authority: Own }) {
  return (
    <section className="card" aria-label={authority.purpose}>
      <header>
        <h2>{authority.purpose}</h2>
        <div className="actions">
          <Badge tone={endsTone(authority.not_after)}>
            ends <Time at={authority.not_after} />
          </Badge>
        </div>
      </header>
      <dl className="facts">
        <dt>Subject</dt>
        <dd>
          <Foreign text={authority.subject} />
        </dd>
        <dt>SHA-256</dt>
        <dd>
          <Foreign text={authority.sha256} mono />
        </dd>
      </dl>
    </section>
  );
}

function Theirs({ authority }: { authority: Authority }) {
  const path = { path: { authority_id: authority.authority_id } };
  const isDisabled = authority.state === 'disabled';
  return (
    <section className="card" aria-label={authority.name}>
      <header>
        <h2>
          <Foreign text={authority.name} />
        </h2>
        <div className="actions">
          <Badge tone={authority.state === 'verified' ? 'good' : isDisabled ? 'bad' : 'warn'}>{authority.state}</Badge>
          <Badge tone={endsTone(authority.not_after)}>
            ends <Time at={authority.not_after} />
          </Badge>
        </div>
      </header>
      <dl className="facts">
        <dt>Subject</dt>
        <dd>
          <Foreign text={authority.subject} />
        </dd>
        <dt>SHA-256</dt>
        <dd>
          <Foreign text={authority.sha256} mono />
        </dd>
        <dt>At the hub</dt>
        <dd>{authority.is_hub_trusted ? 'its certificates open the hub' : 'for onboarding only'}</dd>
        {authority.verification_code && (
          <>
            <dt>Code</dt>
            <dd>
              <Foreign text={authority.verification_code} mono />
            </dd>
          </>
        )}
      </dl>
      <div className="row-of">
        {authority.verification_code && <Verify authority={authority} />}
        {isDisabled ? (
          <Act
            label="Enable"
            title={`Enable ${authority.name}?`}
            act={(reason) => take(api.POST('/v1/authorities/{authority_id}/enable', { params: path, body: { reason } }))}
          >
            <p>Devices that it vouches for may enroll again.</p>
          </Act>
        ) : (
          <Act
            label="Disable"
            kind="danger"
            needsReason
            title={`Disable ${authority.name}?`}
            act={(reason) => take(api.POST('/v1/authorities/{authority_id}/disable', { params: path, body: { reason } }))}
          >
            <p>
              No device that it vouches for enrolls from now on
              {authority.is_hub_trusted && ', and sessions that rest on it are cut at once'}. Certificates that we issued go on.
            </p>
          </Act>
        )}
      </div>
    </section>
  );
}

function Verify({ authority }: { authority: Authority }) {
  const [proof, setProof] = useState('');
  return (
    <Act
      label="Prove possession"
      kind="primary"
      title="Prove that its key is in good hands"
      act={() =>
        take(
          api.POST('/v1/authorities/{authority_id}/verify', {
            params: { path: { authority_id: authority.authority_id } },
            body: { certificate: proof },
          }),
        )
      }
    >
      <p>Whoever holds the authority's key signs a certificate whose common name is the code. Paste that certificate here.</p>
      <Code label="With OpenSSL 3, where its key is" text={makeProof(authority.verification_code ?? '')} />
      <TextField className="field" value={proof} onChange={setProof} isRequired>
        <Label>Certificate, PEM</Label>
        <TextArea className="input" rows={8} />
      </TextField>
    </Act>
  );
}

function Add({ onDone }: { onDone: () => void }) {
  const [name, setName] = useState('');
  const [certificate, setCertificate] = useState('');
  const [error, setError] = useState<unknown>(null);
  return (
    <DialogTrigger onOpenChange={() => setError(null)}>
      <Button kind="primary">Add an authority</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <Form
                onSubmit={(event) => {
                  event.preventDefault();
                  take(api.POST('/v1/authorities', { body: { name, certificate } }))
                    .then(() => {
                      onDone();
                      close();
                    })
                    .catch(setError);
                }}
              >
                <Heading slot="title">Add an authority</Heading>
                <p>The maker of your devices gives you its certificate. It vouches for nobody before its key was proved.</p>
                <TextField className="field" value={name} onChange={setName} isRequired autoFocus>
                  <Label>Name</Label>
                  <Input className="input" maxLength={128} />
                </TextField>
                <TextField className="field" value={certificate} onChange={setCertificate} isRequired>
                  <Label>Certificate, PEM</Label>
                  <TextArea className="input" rows={8} />
                </TextField>
                <ProblemNote error={error} />
                <footer>
                  <Button onPress={close}>Cancel</Button>
                  <Button type="submit" kind="primary">
                    Add
                  </Button>
                </footer>
              </Form>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}
