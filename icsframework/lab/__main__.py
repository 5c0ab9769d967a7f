"""`python -m icsframework.lab` is `ics lab`."""

import sys

from icsframework.lab.command import main

sys.exit(main(sys.argv[1:]))
