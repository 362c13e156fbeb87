"""Wazuh detections, responses and scans for CI/CD pipelines."""

__version__ = "0.1.0"
