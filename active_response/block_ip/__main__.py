"""Entry point of the active response ``wazuh-pack-block-ip``."""  # noqa: INP001 -- a script's folder, no package

import os
import sys

from wazuh_pack.respond.block_ip import main

if __name__ == "__main__":
    # Nothing is buffered, and taking the interpreter down costs as much as changing the firewall.
    os._exit(main(sys.argv))
