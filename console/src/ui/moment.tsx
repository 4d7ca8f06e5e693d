// A field for a moment.

/** A moment by the clock on the wall here; told in UTC. */
export function Moment({ label, value, onChange }: { label: string; value: string; onChange: (moment: string) => void }) {
  return (
    <label className="field">
      <span className="label">{label}</span>
      <input
        type="datetime-local"
        className="input"
        defaultValue={localOf(value)}
        onChange={(event) => {
          const at = new Date(event.target.value);
          onChange(Number.isNaN(at.getTime()) ? '' : at.toISOString());
        }}
      />
    </label>
  );
}

/** Write a moment as its field has it. */
function localOf(moment: string): string {
  const at = new Date(moment);
  if (Number.isNaN(at.getTime())) return '';
  const two = (number: number) => String(number).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
