"""Answers the protocol of analysisd's logtest socket, so that its clients need no manager."""

from wazuh_pack.serve.answers import Responder
from wazuh_pack.serve.server import Server
from wazuh_pack.serve.sessions import RulesetSource, SessionStore

__all__ = ["Responder", "RulesetSource", "Server", "SessionStore"]
