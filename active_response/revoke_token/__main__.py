"""Entry point of the active response ``wazuh-pack-revoke-token``."""  # noqa: INP001 -- a script's folder, no package

import os
import sys

from wazuh_pack.revoke.script import main

if __name__ == "__main__":
    # Execd waits for the end, and taking the interpreter down is a good part of the time.
    code = main(sys.argv)
    sys.stdout.flush()
    os._exit(code)
