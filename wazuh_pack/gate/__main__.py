"""``python3 -m wazuh_pack.gate``."""

import sys

from wazuh_pack.gate.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
