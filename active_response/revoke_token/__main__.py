"""Entry point of the active response ``wazuh-pack-revoke-token``."""  # noqa: INP001 -- a script's folder, no package

import sys

from wazuh_pack.revoke.script import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
