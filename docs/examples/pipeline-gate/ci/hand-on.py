"""Hands the gate's decisions to a Wazuh manager over its API: ci/hand-on.py gate.jsonl.

WAZUH_API is HOST:PORT, WAZUH_USER and WAZUH_PASSWORD belong to a user who may do ``event:ingest``
and nothing else; WAZUH_CA names the file of the authority that signed the API's certificate, if no
public one did. It ends with 1 unless the manager took every line.
"""

import base64
import http.client
import json
import os
import ssl
import sys

BATCH = 100  # what the manager takes at once


def ask(path, authorisation, body):
    """Send a request; return the answer's text, or end."""
    host = os.environ["WAZUH_API"]
    trusted = ssl.create_default_context(cafile=os.environ.get("WAZUH_CA") or None)
    connection = http.client.HTTPSConnection(host, timeout=30, context=trusted)
    headers = {"Authorization": authorisation, "Content-Type": "application/json"}
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read(1 << 20).decode()
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"hand-on: {host}: {error}")
    finally:
        connection.close()
    if answer.status != http.client.OK:
        sys.exit(f"hand-on: {host}: {path} was answered with {answer.status}")
    return text


def main(path):
    """Hand on every line of a file."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - no more than that is needed
            events = file.read().splitlines()
    except OSError as error:
        sys.exit(f"hand-on: there is no decision: {error}")
    login = f"{os.environ['WAZUH_USER']}:{os.environ['WAZUH_PASSWORD']}".encode()
    basic = f"Basic {base64.b64encode(login).decode()}"
    token = ask("/security/user/authenticate?raw=true", basic, "")
    for start in range(0, len(events), BATCH):
        body = json.dumps({"events": events[start : start + BATCH]})
        if json.loads(ask("/events", f"Bearer {token}", body))["error"] != 0:
            sys.exit("hand-on: the manager did not take every event")


if __name__ == "__main__":
    main(sys.argv[1])
