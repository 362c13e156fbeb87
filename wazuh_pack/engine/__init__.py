"""The offline engine: decodes and matches as wazuh-analysisd 4.14.7 does, from XML on disk."""

from wazuh_pack.engine.memory import DiffStore
from wazuh_pack.engine.result import Mode, Result
from wazuh_pack.engine.rule_loader import Levels
from wazuh_pack.engine.ruleset import LoadFailure, Ruleset
from wazuh_pack.engine.session import Session
from wazuh_pack.engine.trace import Trace

__all__ = ["DiffStore", "Levels", "LoadFailure", "Mode", "Result", "Ruleset", "Session", "Trace"]
