"""What the scripts on a Wazuh agent share: protocol, log, configuration, files, processes.

Standard library only, Python 3.8 or later, and light: a script is started for every single event,
so importing must be cheap. Therefore no module here imports ``dataclasses``, ``typing``,
``pathlib``, ``subprocess`` or ``configparser`` (each takes longer than the whole firewall change),
records are plain classes with ``__slots__``, and rarely used modules are imported where they are
needed.
"""
