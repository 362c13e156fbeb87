"""Entry point of the active response ``wazuh-pack-block-ip``."""  # noqa: INP001 -- a script's folder, no package

import sys

from wazuh_pack.respond.block_ip import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
