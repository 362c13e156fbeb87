"""The deploy gate: fails a pipeline step when reports and proofs do not suffice, and says so.

Standard library only, Python 3.8 or later: it runs on runners that have nothing of Wazuh. Whatever
is missing, unreadable, incomplete or about something else counts as not there.
"""
