"""``python -m certrnn`` is the command ``certrnn``."""

from __future__ import annotations

import sys

from certrnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
