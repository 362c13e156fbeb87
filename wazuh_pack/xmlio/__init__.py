"""Wazuh's XML dialect: what analysisd 4.14.7 takes for XML in rules, decoders and ossec.conf.

It is not XML: there are no entities, no prolog and no CDATA, text is never trimmed, a backslash
keeps a ``<`` as text, and any number of elements may stand side by side.
"""

from wazuh_pack.xmlio.node import Node, shown
from wazuh_pack.xmlio.reader import read_file, read_text
from wazuh_pack.xmlio.variables import apply_variables

__all__ = ["Node", "apply_variables", "read_file", "read_text", "shown"]
