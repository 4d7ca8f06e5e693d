// Where a role is to hold: sites and groups by name, those that there are at one click.
import { Input, Label, TextField, ToggleButton } from 'react-aria-components';
import { useGroups, useSites } from '../api/people';
import { visible } from '../ui/text';
import { namesIn } from './roles-words';

const OFFERED = 12;

export interface PlacesText {
  sites: string;
  groups: string;
}

export const EVERYWHERE: PlacesText = { sites: '', groups: '' };

/** Return places as the API takes them. */
export function placesOf(text: PlacesText): { sites: string[]; groups: string[] } {
  return { sites: namesIn(text.sites), groups: namesIn(text.groups) };
}

export function Places({ value, onChange }: { value: PlacesText; onChange: (value: PlacesText) => void }) {
  const sites = useSites();
  const groups = useGroups();
  return (
    <>
      <Names
        label="Only at these sites (none: at all)"
        known={sites.data ?? []}
        value={value.sites}
        onChange={(text) => onChange({ ...value, sites: text })}
      />
      <Names
        label="Only for devices of these groups (none: of all)"
        known={(groups.data?.items ?? []).map((each) => each.name)}
        value={value.groups}
        onChange={(text) => onChange({ ...value, groups: text })}
      />
    </>
  );
}

function Names({ label, known, value, onChange }: {
  label: string;
  known: readonly string[];
  value: string;
  onChange: (value: string) => void;
}) {
  const named = namesIn(value);
  return (
    <div className="field">
      <TextField className="field" value={value} onChange={onChange} autoComplete="off">
        <Label>{label}</Label>
        <Input className="input" maxLength={1024} placeholder="names, separated by commas" spellCheck={false} />
      </TextField>
      {known.length > 0 && (
        <span className="row-of">
          {known.filter((name) => !name.includes(',')).slice(0, OFFERED).map((name) => (
            <ToggleButton
              key={name}
              className="chip"
              isSelected={named.includes(name)}
              onChange={(isOn) => onChange((isOn ? [...named, name] : named.filter((each) => each !== name)).join(', '))}
            >
              {visible(name)}
            </ToggleButton>
          ))}
        </span>
      )}
    </div>
  );
}
