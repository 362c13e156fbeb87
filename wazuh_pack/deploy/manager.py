"""The Wazuh API's endpoints that a deployment needs, as methods that return plain values.

Every path, parameter and answer is one of the API description of Wazuh 4.14.7. Uploads and
deletions are carried out on the cluster's master whatever node is asked; reading a file happens on
the node that is asked, which is why a deployment talks to the master.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import DeployError
from wazuh_pack.install.source import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wazuh_pack.deploy.api import Api, Method

_PLACES: Mapping[Kind, tuple[str, str]] = {
    Kind.RULE: ("/rules/files", "etc/rules"),
    Kind.DECODER: ("/decoders/files", "etc/decoders"),
    Kind.LIST: ("/lists/files", "etc/lists"),
}
_ABSENT = {Kind.RULE: 1415, Kind.DECODER: 1503, Kind.LIST: 1802}
"""Wazuh's error when a file to be read is not there."""
KINDS = frozenset(_PLACES)
"""What the API takes: rules, decoders, lists. It takes no scripts."""

_NAMES = {
    Kind.RULE: re.compile(r"[A-Za-z0-9_-]+\.xml"),
    Kind.DECODER: re.compile(r"[A-Za-z0-9_-]+\.xml"),
    Kind.LIST: re.compile(r"[A-Za-z0-9_-]+"),
}
_NODE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_PAGE = 500
_NO_TIMEOUT = {"wait_for_complete": "true"}
_OVERWRITE = {**_NO_TIMEOUT, "overwrite": "true"}


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a cluster."""

    name: str
    is_master: bool


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """One entry of a manager's ossec.log."""

    timestamp: str
    level: str
    tag: str
    description: str


@dataclass(frozen=True, slots=True)
class Tested:
    """What logtest made of an event; ``rule`` is 0 when none fired."""

    rule: int
    messages: tuple[str, ...]
    token: str


class Manager:
    """A manager, or the master of a cluster, behind its API.

    Methods raise DeployError (ApiRefusedError, UnreachableError) when the API does not do what is
    asked; ``node`` is a cluster node's name, None for a manager that is in no cluster.
    """

    def __init__(self, api: Api) -> None:
        self.api = api

    def version(self) -> str:
        """Return the version, such as ``4.14.7``."""
        data = self._get("/").get("data", {})
        return str(data.get("api_version", "")).removeprefix("v")

    def nodes(self) -> tuple[Node, ...]:
        """Return the nodes of the running cluster, the master first; none without a cluster."""
        data = self._get("/cluster/status").get("data", {})
        if data.get("enabled") != "yes" or data.get("running") != "yes":
            return ()
        nodes = [
            Node(str(item["name"]), item.get("type") == "master")
            for item in self._items("/cluster/nodes")
        ]
        return tuple(sorted(nodes, key=lambda node: (not node.is_master, node.name)))

    def asked_node(self) -> Node:
        """Return the cluster node that answers."""
        item = next(self._items("/cluster/local/info", paged=False))
        return Node(str(item.get("node")), item.get("type") == "master")

    def file_names(self, kind: Kind) -> frozenset[str]:
        """Return the names of the user's files of a kind (those in etc/rules and so on).

        The API keeps what a user may see for ten seconds (``RESOURCES_CACHE``), so a new file may
        be missing; :meth:`find` knows.
        """
        path, folder = _PLACES[kind]
        items = self._items(path, {"relative_dirname": folder})
        return frozenset(
            str(item["filename"]) for item in items if item.get("relative_dirname") == folder
        )

    def find(self, kind: Kind, name: str) -> bytes | None:
        """Return a file of the user's, None when it is not there."""
        path, folder = _PLACES[kind]
        params = {"raw": "true"}
        if kind is not Kind.LIST:
            params["relative_dirname"] = folder
        return self._raw(_file_path(kind, name, path), params, absent=_ABSENT[kind])

    def upload(self, kind: Kind, name: str, content: bytes) -> None:
        """Write a file of the user's, whether it exists or not."""
        path, _ = _PLACES[kind]
        self._change("PUT", _file_path(kind, name, path), _OVERWRITE, content)

    def delete(self, kind: Kind, name: str) -> None:
        """Remove a file of the user's; one that is gone is no error, for its answer may be lost."""
        path, _ = _PLACES[kind]
        try:
            self._change("DELETE", _file_path(kind, name, path), _NO_TIMEOUT)
        except DeployError:
            if self.find(kind, name) is not None:
                raise

    def user_rules(self) -> Iterator[tuple[int, str]]:
        """Yield id and file name of every rule in etc/rules."""
        params = {"relative_dirname": "etc/rules", "select": "id,filename"}
        for item in self._items("/rules", params):
            yield int(item["id"]), str(item["filename"])

    def configuration(self, node: str | None) -> bytes:
        """Return ossec.conf as it is."""
        found = self._raw(_conf_path(node), {"raw": "true"})
        if found is None:
            raise DeployError("the API says that there is no ossec.conf")
        return found

    def write_configuration(self, node: str | None, content: bytes) -> None:
        """Replace ossec.conf; the manager keeps its own when this one is not valid."""
        self._change("PUT", _conf_path(node), _NO_TIMEOUT, content)

    def invalid_nodes(self, *, cluster: bool) -> dict[str, str]:
        """Return the nodes whose configuration is not valid, with their status."""
        path = f"/{_scope(cluster=cluster)}/configuration/validation"
        items = self._change("GET", path, _NO_TIMEOUT)
        return {
            str(item.get("name")): str(item.get("status"))
            for item in items
            if item.get("status") != "OK"
        }

    def reload(self, *, cluster: bool) -> dict[str, str]:
        """Make analysisd load its ruleset anew; return what each node said (4.13 and later).

        A master answers when it has loaded, with its warnings; a worker answers at once.
        """
        path = f"/{_scope(cluster=cluster)}/analysisd/reload"
        items = self._change("PUT", path, _NO_TIMEOUT)
        return {str(item.get("name")): _printable(item.get("msg", "")) for item in items}

    def restart(self, *, cluster: bool) -> None:
        """Restart every daemon of every node, the API's among them; return before they do."""
        path = f"/{_scope(cluster=cluster)}/restart"
        _affected("PUT", path, self.api.call("PUT", path, idempotent=False).json())

    def unsynced(self) -> tuple[str, ...]:
        """Return the nodes whose rules, decoders and lists are not the master's yet."""
        items = self._items("/cluster/ruleset/synchronization", paged=False)
        return tuple(str(item.get("name")) for item in items if item.get("synced") is not True)

    def log(self, node: str | None, *, level: str, search: str = "") -> tuple[LogLine, ...]:
        """Return analysisd's entries of a level among the last 2000 lines of ossec.log."""
        path = f"/cluster/{_node(node)}/logs" if node else "/manager/logs"
        params = {"level": level, "tag": "wazuh-analysisd"}
        if search:
            params["search"] = search
        return tuple(
            LogLine(
                timestamp=str(item.get("timestamp", "")),
                level=str(item.get("level", "")),
                tag=str(item.get("tag", "")),
                description=_printable(item.get("description", "")),
            )
            for item in self._items(path, params)
        )

    def logtest(self, line: str, location: str, token: str) -> Tested:
        """Test an event in a session, or in a new one if ``token`` is empty."""
        data = {"event": line, "location": location, "log_format": "syslog"}
        if token:
            data["token"] = token
        answer = self.api.call("PUT", "/logtest", params=_NO_TIMEOUT, data=data).json()
        _affected("PUT", "/logtest", answer)
        found = answer.get("data", {})
        rule = str(found.get("output", {}).get("rule", {}).get("id", ""))
        return Tested(
            rule=int(rule) if rule.isdecimal() else 0,
            messages=tuple(_printable(text) for text in found.get("messages", ())),
            token=str(found.get("token", token)),
        )

    def end_logtest(self, token: str) -> None:
        """End a session of logtest."""
        if _NODE.fullmatch(token):
            self.api.call("DELETE", f"/logtest/sessions/{token}")

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self.api.call("GET", path, params=params).json()

    def _raw(self, path: str, params: Mapping[str, str], *, absent: int = 0) -> bytes | None:
        """Return a text, None for the error ``absent``; an error comes as JSON."""
        answer = self.api.call("GET", path, params=params)
        if answer.content_type != "application/json":
            return answer.content
        body = answer.json()
        if absent and absent in _error_codes(body):
            return None
        _affected("GET", path, body)
        raise DeployError(f"GET {path}: the API did not answer with the plain file")

    def _items(
        self, path: str, params: Mapping[str, str] | None = None, *, paged: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page by page."""
        offset = 0
        while True:
            page = {"offset": str(offset), "limit": str(_PAGE)} if paged else {}
            body = self._get(path, {**(params or {}), **page})
            items = _affected("GET", path, body)
            yield from (item for item in items if isinstance(item, dict))
            offset += len(items)
            total = body.get("data", {}).get("total_affected_items", 0)
            if not paged or not items or offset >= total:
                return

    def _change(
        self, method: Method, path: str, params: Mapping[str, str], body: bytes | None = None
    ) -> list[dict[str, Any]]:
        answer = self.api.call(method, path, params=params, body=body)
        items = _affected(method, path, answer.json())
        return [item for item in items if isinstance(item, dict)]


def _affected(method: str, path: str, body: Mapping[str, Any]) -> list[Any]:
    """Return the affected items; a failed one is an error though the status is 200."""
    data = body.get("data")
    data = data if isinstance(data, dict) else {}
    failures = [_failure(item) for item in data.get("failed_items", ())]
    if failures:
        hints = [hint for _, hint in failures if hint]
        raise DeployError(
            f"{method} {path}: {'; '.join(text for text, _ in failures)}", hint=" ".join(hints[:1])
        )
    if body.get("error", 0) != 0:
        raise DeployError(f"{method} {path}: {body.get('message', 'the API reports an error')}")
    items = data.get("affected_items", [])
    return items if isinstance(items, list) else []


def _error_codes(body: Mapping[str, Any]) -> list[Any]:
    """Return Wazuh's numbers of what failed."""
    data = body.get("data")
    failed = data.get("failed_items", ()) if isinstance(data, dict) else ()
    errors = [item.get("error") for item in failed if isinstance(item, dict)]
    return [error.get("code") for error in errors if isinstance(error, dict)]


def _failure(item: Any) -> tuple[str, str]:
    """Return what failed, and what Wazuh advises."""
    error = item.get("error", {}) if isinstance(item, dict) else {}
    ids = item.get("id", []) if isinstance(item, dict) else []
    whose = ", ".join(str(one) for one in ids)
    text = f"{error.get('message', 'failed')} (Wazuh error {error.get('code', '?')})"
    remediation = _printable(error.get("remediation", "") or "")
    return _printable(f"{whose}: {text}" if whose else text), remediation


def _printable(text: Any) -> str:
    """Return a text of the server's without what would move a terminal's cursor."""
    return "".join(char if char.isprintable() else " " for char in str(text)).strip()


def _file_path(kind: Kind, name: str, path: str) -> str:
    if not _NAMES[kind].fullmatch(name):
        raise DeployError(f"the API takes no {kind.value} file named {name!r}")
    return f"{path}/{name}"


def _conf_path(node: str | None) -> str:
    return f"/cluster/{_node(node)}/configuration" if node else "/manager/configuration"


def _node(name: str) -> str:
    if not _NODE.fullmatch(name):
        raise DeployError(f"{name!r} is no name of a node")
    return name


def _scope(*, cluster: bool) -> str:
    return "cluster" if cluster else "manager"
