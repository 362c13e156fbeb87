"""What our active responses decide and do.

``block_ip`` is the entry point of the script; ``blocker`` takes the decisions for a batch of
requests; ``policy``, ``protected``, ``names``, ``breaker`` and ``state`` are what it decides by;
``backends`` change the firewall. The rules of ``wazuh_pack.agentkit`` hold here too: standard
library, Python 3.8, cheap to import.
"""
