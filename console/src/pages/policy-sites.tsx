// Sites of a draft: places, networks and time zones that conditions refer to, by the name that devices have as their site.
import { useState } from 'react';
import { Form, Input, Label, TextArea, TextField } from 'react-aria-components';
import { visible } from '../ui/text';
import { Button, Card, Empty, Foreign } from '../ui/ui';
import type { Site } from './policies-queries';

type Sites = Record<string, Site>;

export function SitesPane({ sites, onSites }: { sites: Sites; onSites: (sites: Sites) => void }) {
  const names = Object.keys(sites).sort();
  const [wanted, setWanted] = useState('');
  const [added, setAdded] = useState('');
  const chosen = names.includes(wanted) ? wanted : names[0];
  return (
    <div className="stack">
      <Form
        className="row-of react-aria-Form"
        onSubmit={(event) => {
          event.preventDefault();
          const name = added.trim();
          if (!name) return;
          if (!Object.hasOwn(sites, name)) onSites({ ...sites, [name]: { time_zone: 'UTC', networks: [] } });
          setWanted(name);
          setAdded('');
        }}
      >
        {chosen !== undefined && (
          <div className="field">
            <label htmlFor="chosen-site">Site</label>
            <select id="chosen-site" className="input" value={chosen} onChange={(event) => setWanted(event.target.value)}>
              {names.map((each) => (
                <option key={each} value={each}>
                  {visible(each)}
                </option>
              ))}
            </select>
          </div>
        )}
        <TextField className="field" value={added} onChange={setAdded}>
          <Label>Another site, by its name</Label>
          <Input className="input" maxLength={128} />
        </TextField>
        <Button type="submit">Add a site</Button>
      </Form>
      {chosen === undefined ? (
        <Empty>
          No site is declared. Geofences, networks of a site and hours need one: add it by the name that its devices carry as their
          site.
        </Empty>
      ) : (
        <OneSite
          key={chosen}
          name={chosen}
          site={sites[chosen]!}
          onSite={(site) => onSites({ ...sites, [chosen]: site })}
          onRemove={() => onSites(Object.fromEntries(Object.entries(sites).filter(([name]) => name !== chosen)))}
        />
      )}
    </div>
  );
}

const NUMBERS = [
  ['latitude', 'Latitude, degrees (WGS 84)', -90, 90],
  ['longitude', 'Longitude, degrees (WGS 84)', -180, 180],
  ['radius_m', 'Radius in metres: whoever is within it is at the site', 0, 20_000_000],
] as const;

function OneSite({ name, site, onSite, onRemove }: {
  name: string;
  site: Site;
  onSite: (site: Site) => void;
  onRemove: () => void;
}) {
  const [networks, setNetworks] = useState((site.networks ?? []).join('\n'));
  return (
    <Card title={<Foreign text={name} />} actions={<Button kind="danger" onPress={onRemove}>Remove it</Button>}>
      <div className="react-aria-Form">
        {NUMBERS.map(([key, label, min, max]) => (
          <Numeric key={key} label={label} min={min} max={max} value={site[key] ?? null} onChange={(value) => onSite({ ...site, [key]: value })} />
        ))}
        <TextField className="field" value={site.time_zone ?? 'UTC'} onChange={(zone) => onSite({ ...site, time_zone: zone })}>
          <Label>Time zone, such as Europe/Berlin</Label>
          <Input className="input" maxLength={64} />
        </TextField>
        <TextField
          className="field"
          value={networks}
          onChange={(text) => {
            setNetworks(text);
            onSite({ ...site, networks: text.split(/[\s,]+/u).filter(Boolean) });
          }}
        >
          <Label>Networks, one a line, such as 10.20.0.0/16</Label>
          <TextArea className="input" rows={4} spellCheck="false" />
        </TextField>
      </div>
    </Card>
  );
}

function Numeric({ label, min, max, value, onChange }: {
  label: string;
  min: number;
  max: number;
  value: number | null;
  onChange: (value: number | null) => void;
}) {
  const [text, setText] = useState(value === null ? '' : String(value));
  return (
    <TextField
      className="field"
      type="number"
      value={text}
      onChange={(typed) => {
        setText(typed);
        const number = Number(typed);
        onChange(typed.trim() === '' || Number.isNaN(number) ? null : number);
      }}
    >
      <Label>{label}</Label>
      <Input className="input" min={min} max={max} step="any" />
    </TextField>
  );
}
