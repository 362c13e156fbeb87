"""Sends calls over HTTPS, with limits on everything and trust in nothing but the configuration."""

from __future__ import annotations

import json
import signal
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from wazuh_pack.revoke.call import Reply
from wazuh_pack.revoke.errors import Failure, Later

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from wazuh_pack.revoke.call import Call
    from wazuh_pack.revoke.settings import Instance

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
TOTAL_SECONDS = 60.0
_MAX_BODY = 8 << 20
_CHUNK = 65536
_AGENT = "wazuh-pack-revoke-token"


class Transport(Protocol):
    """What carries calls to an instance."""

    def send(self, call: Call, headers: Mapping[str, str]) -> Reply:
        """Make a call with additional headers.

        Raises:
            Later: There was no whole answer.
            Failure: The call cannot be made at all.
        """

    def close(self) -> None:
        """Let go of connections."""


class TookTooLong(Exception):  # noqa: N818 -- an outcome
    """A call was not over in time, although it never stood still for long."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise :class:`TookTooLong` when the block is not over in time.

    A provider that sends a byte now and then keeps every time limit of a socket. So an alarm cuts
    it off: a lane is the main thread of its process, and there is no alarm in any other thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class HttpTransport:
    """Calls of one instance, by ``requests``.

    No redirect is followed (it could carry the token elsewhere); neither ``.netrc`` nor the
    environment has a say, apart from what the settings took from it.
    """

    __slots__ = ("_instance", "_seconds", "_session", "_total")

    def __init__(
        self, instance: Instance, seconds: float = READ_SECONDS, total: float = TOTAL_SECONDS
    ) -> None:
        """Take the instance, and how many seconds of silence, and in all, are too many."""
        self._instance = instance
        self._seconds = seconds
        self._total = total
        self._session = _session(instance)

    def send(self, call: Call, headers: Mapping[str, str]) -> Reply:
        """Make a call; see :class:`Transport`."""
        import requests  # noqa: PLC0415 -- slow to import, and only there on a manager

        try:
            with (
                within(self._total),
                self._session.request(
                    call.method,
                    self._instance.url + call.path,
                    params=dict(call.query) or None,
                    json=call.json,
                    data=call.content if call.form is None else dict(call.form),
                    headers={"User-Agent": _AGENT, **headers, **call.headers},
                    timeout=(min(CONNECT_SECONDS, self._seconds), self._seconds),
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                body = _body(answer)
        except TookTooLong:
            raise Later(f"{call.shown}: the answer took too long") from None
        except requests.exceptions.SSLError as error:
            raise _tls_outcome(call, error) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader):
            raise Failure(f"{call.shown}: the URL or a header is malformed") from None
        except requests.exceptions.Timeout:
            raise Later(f"{call.shown}: no answer in time") from None
        except requests.exceptions.RequestException as error:
            # The error's own text holds the URL, and may hold more.
            raise Later(f"{call.shown}: no answer: {type(error).__name__}") from None
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status_code, lower, _parsed(body))

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()


def _session(instance: Instance) -> requests.Session:
    try:
        import requests  # noqa: PLC0415 -- slow to import, and only there on a manager
    except ImportError:
        raise Failure("the Python package requests is missing; run this on a manager") from None
    session = requests.Session()
    session.trust_env = False
    session.auth = None
    if instance.ca_file:
        session.verify = instance.ca_file
    if instance.proxy:
        session.proxies = {"http": instance.proxy, "https": instance.proxy}
    return session


def _tls_outcome(call: Call, error: Exception) -> Failure | Later:
    """Return what an error of TLS means: only a certificate that is not trusted is final.

    A server or a balancer that is restarted breaks handshakes off.
    """
    reason = ""
    for cause in _causes(error):
        # urllib3 has an error of its own for a host's name that does not match.
        if isinstance(cause, ssl.CertificateError) or type(cause).__name__ == "CertificateError":
            return Failure(
                f"{call.shown}: the provider's certificate is not trusted; check url and ca_file"
            )
        reason = str(getattr(cause, "reason", "")) if isinstance(cause, ssl.SSLError) else reason
    return Later(f"{call.shown}: no TLS connection: {reason or type(error).__name__}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it."""
    yield error
    for before in (error.__cause__, error.__context__):
        if before is not None:
            yield from _causes(before)


def _body(answer: requests.Response) -> bytes:
    """Read the body as far as it may go: an endless one is cut off."""
    content = b""
    for chunk in answer.iter_content(_CHUNK):
        content += chunk
        if len(content) > _MAX_BODY:
            raise Failure(f"an answer is larger than {_MAX_BODY} bytes")
    return content


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None
