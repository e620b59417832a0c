"""What `make bench` measures; it imports the product as the functions do."""

import sys

from local.paths import ROOT

sys.path.insert(0, str(ROOT / "shared"))
