// What acts on many devices share: requests of a size that one may have, and a look at who is meant.
import { Foreign } from '../ui/ui';

const SAMPLES = 8;
// As many as one request may name.
export const BATCH = 1_000;

/** Cut a list into pieces that one request may carry. */
export function batches<T>(items: readonly T[], size: number = BATCH): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}

export function Samples({ names }: { names: string[] }) {
  return (
    <p className="muted">
      {names.slice(0, SAMPLES).map((name, index) => (
        <span key={name}>
          {index > 0 && ', '}
          <Foreign text={name} />
        </span>
      ))}
      {names.length > SAMPLES && ` and ${(names.length - SAMPLES).toLocaleString('en')} more`}
    </p>
  );
}
