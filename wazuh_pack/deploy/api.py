"""Talks to the Wazuh API: TLS, tokens, the rate limit, retries. Knows no endpoint but the login.

Facts are those of Wazuh 4.14.7 and its API description: a token lasts 900 seconds by default, 300
requests a minute are allowed, more are refused with status 429.
"""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, urlsplit

import requests

from wazuh_pack.errors import ApiRefusedError, DeployError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wazuh_pack.deploy.credentials import Credentials

Method = Literal["GET", "PUT", "POST", "DELETE"]

REQUESTS_A_MINUTE = 300
TOKEN_SECONDS = 840
"""A token is renewed this long after it was given, a minute before the API's default forgets it."""

_WINDOW = 60.0
_PAUSES = (1.0, 2.0, 4.0, 8.0)
_REFUSALS = 3
_CONNECT_SECONDS = 10.0
_UNAUTHORIZED = 401
_TOO_MANY = 429
_ERRORS = 400
_SERVER_ERRORS = 500
_LOGIN = "/security/user/authenticate"
_TRANSIENT = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, to be replaced in tests; both in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose status is not an error."""

    status: int
    content_type: str
    content: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """Return the JSON object.

        Raises:
            DeployError: It is none.
        """
        try:
            value = json.loads(self.content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise DeployError("the API's answer is not a JSON object", hint="is this a Wazuh API?")
        return value


class Api:
    """One API, as one user.

    Requests go out one after the other. Redirects are not followed, because they would carry the
    token elsewhere; proxies and ``.netrc`` of the environment are not used.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        ca: Path | None = None,
        timeout: float = 120.0,
        clock: Clock | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            url: ``https://host:port`` of the API.
            credentials: The API's user.
            ca: Certificates to trust instead of the system's, PEM.
            timeout: Seconds to wait for an answer; an upload makes the manager load its rules.
            clock: Time.

        Raises:
            DeployError: The URL is not one of an API over TLS, or ``ca`` is not a file.
        """
        parts = _parts(url)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise DeployError(
                "the API's address holds more than host and port",
                hint="credentials come from the environment or from --credentials",
            )
        if ca is not None and not ca.is_file():
            raise DeployError(f"{ca} is no file", hint="name the CA's certificate in PEM form")
        self.url = url.rstrip("/")
        self._credentials = credentials
        self._timeout = (_CONNECT_SECONDS, timeout)
        self._clock = clock or Clock()
        self._sent: deque[float] = deque()
        self._token = ""
        self._token_at = 0.0
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca) if ca else True

    @property
    def clock(self) -> Clock:
        """The time that this connection lives by."""
        return self._clock

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def call(
        self,
        method: Method,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        data: Mapping[str, Any] | None = None,
        idempotent: bool = True,
    ) -> Answer:
        """Send a request and return the answer.

        A request that the API did not accept (expired token, too many) is sent again. One that may
        have been carried out (no answer, status 5xx) is sent again only if it is idempotent.

        Args:
            method: The method.
            path: Path below the API's address.
            params: Query parameters.
            body: What to upload.
            data: What to send as JSON instead.
            idempotent: Whether sending it twice does what sending it once does.

        Raises:
            ApiRefusedError: The API answered with an error.
            UnreachableError: There was no answer, or only that there is none now.
        """
        headers = {"Content-Type": "application/octet-stream"}
        if data is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(data).encode()
        options = {"params": params or {}, **({"data": body, "headers": headers} if body else {})}
        pauses = iter(_PAUSES if idempotent else ())
        while True:
            try:
                return self._authorised(method, path, options)
            except UnreachableError:
                pause = next(pauses, None)
                if pause is None:
                    raise
            self._clock.sleep(pause)

    def _authorised(self, method: Method, path: str, options: dict[str, Any]) -> Answer:
        """Send with a token; once more with a new one if the API does not know it any longer."""
        headers = dict(options.get("headers", {}))
        fresh = False
        if not self._token or self._clock.now() - self._token_at > TOKEN_SECONDS:
            self._log_in()
            fresh = True
        while True:
            headers["Authorization"] = f"Bearer {self._token}"
            try:
                return self._allowed(method, path, **{**options, "headers": headers})
            except ApiRefusedError as error:
                if error.status != _UNAUTHORIZED or fresh:
                    raise
            self._log_in()
            fresh = True

    def _log_in(self) -> None:
        self._token = ""
        auth = (self._credentials.user.encode(), self._credentials.password.encode())
        answer = self._allowed("POST", _LOGIN, auth=auth).json()
        token = answer.get("data", {}).get("token")
        if not isinstance(token, str) or not token:
            raise DeployError("the API gave no token", hint="is this a Wazuh API?")
        self._token = token
        self._token_at = self._clock.now()

    def _allowed(self, method: Method, path: str, **options: Any) -> Answer:
        """Send, keeping to the rate limit; wait when the API says that there were too many."""
        for _ in range(_REFUSALS):
            self._wait_for_turn()
            try:
                return self._send(method, path, **options)
            except ApiRefusedError as error:
                if error.status != _TOO_MANY:
                    raise
            self._clock.sleep(_WINDOW)
        raise DeployError(
            f"{self.url} keeps answering that there are too many requests",
            hint="others use up the API's limit; try again later",
        )

    def _wait_for_turn(self) -> None:
        now = self._clock.now()
        while self._sent and now - self._sent[0] >= _WINDOW:
            self._sent.popleft()
        if len(self._sent) >= REQUESTS_A_MINUTE:
            self._clock.sleep(_WINDOW - (now - self._sent.popleft()))
        self._sent.append(self._clock.now())

    def _send(self, method: Method, path: str, **options: Any) -> Answer:
        try:
            response = self._session.request(
                method,
                self.url + path,
                timeout=self._timeout,
                allow_redirects=False,
                **options,
            )
        except requests.exceptions.SSLError as error:
            raise DeployError(
                f"the certificate of {self.url} is not trusted: {_reason(error)}",
                hint="name the CA that signed it with --ca; it must be for the address's host",
            ) from error
        except _TRANSIENT as error:
            raise UnreachableError(
                f"no answer from {self.url}: {_reason(error)}", hint="is the API running there?"
            ) from error
        return _checked(method, path, response)


def _parts(url: str) -> SplitResult:
    """Return the parts of an address, which must be one that requests can take."""
    try:
        parts = urlsplit(url)
        port = parts.port
        requests.Request("GET", url).prepare()
    except (ValueError, requests.exceptions.RequestException):
        parts, port = urlsplit(""), None
    if parts.scheme != "https" or not parts.hostname or port == 0:
        raise DeployError(f"{url!r} is no https:// address", hint="https://manager:55000")
    return parts


def _checked(method: Method, path: str, response: requests.Response) -> Answer:
    """Return the answer if its status is not an error."""
    status = response.status_code
    what = f"{method} {path}"
    if status >= _SERVER_ERRORS:
        raise UnreachableError(f"{_refusal(what, response)} (status {status})")
    if status >= _ERRORS:
        raise _refusal(what, response)
    if not response.ok or response.is_redirect:
        raise DeployError(f"{what}: the API sent us elsewhere", hint="name its own address")
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Answer(status, content_type, response.content)


def _refusal(what: str, response: requests.Response) -> ApiRefusedError:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    code = body.get("error", body.get("code", 0))
    return ApiRefusedError(
        f"{what}: {body.get('detail') or body.get('title') or response.reason}",
        status=response.status_code,
        code=code if isinstance(code, int) else 0,
        hint=_refusal_hint(response.status_code, body),
    )


def _refusal_hint(status: int, body: Mapping[str, Any]) -> str:
    if status == _UNAUTHORIZED:
        return "check the API user and password"
    return str(body.get("remediation", ""))


def _reason(error: BaseException) -> str:
    """Return the innermost cause in words; the outer ones repeat the address."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return str(error) or type(error).__name__
