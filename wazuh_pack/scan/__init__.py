"""The Trivy wodle: scheduled scans of pipeline hosts, with memory.

What runs where:

* :mod:`~wazuh_pack.scan.run` is the wodle's entrance. A run is short: it delivers spooled events to
  standard output and starts a due scan detached from Wazuh's pipes.
* :mod:`~wazuh_pack.scan.work` is that scan: targets, trust, Trivy, report, memory, events.
* :mod:`~wazuh_pack.scan.replay` turns a report file into events without any of it.

Standard library only, Python 3.8 or later: the code runs as root on machines that have no more.
"""
