"""What revokes tokens, keys, runners and runs at their providers: the response ``revoke-token``.

It runs on the manager only, in Wazuh's own Python 3.10, and may import ``requests``, ``boto3`` and
``jwt`` from there, inside functions. ``script`` is the entry point; ``intake`` turns an alert into
jobs (``find`` says what is meant, ``settings`` what is allowed); ``lane`` carries out the jobs of
one provider with retries; ``providers`` knows each provider's calls and nothing else.
"""
