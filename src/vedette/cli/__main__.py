"""``python -m vedette.cli``: the same as the ``vedette`` command."""

from __future__ import annotations

import sys

from vedette.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
