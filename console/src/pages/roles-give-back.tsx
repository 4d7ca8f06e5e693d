// End an elevation of one's own, at one press: it only takes away.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Elevation, endElevation } from '../api/people';
import { Button, ProblemNote } from '../ui/ui';

export function GiveBack({ elevation }: { elevation: Elevation }) {
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  return (
    <span className="row-of">
      <ProblemNote error={error} />
      <Button
        onPress={() => {
          endElevation(elevation.elevation_id)
            .then(() => queries.invalidateQueries())
            .catch(setError);
        }}
      >
        Give back
      </Button>
    </span>
  );
}
