"""Run the command line as ``python -m pressroom``."""

import sys

from pressroom.cli import main

if __name__ == "__main__":
    sys.exit(main())
