"""`python3 -m cluster`, with the folder above this one on the path."""

import sys

from .cli import main

sys.exit(main(sys.argv[1:]))
