"""The offline engine: decodes and matches as wazuh-analysisd 4.14.7 does, from XML on disk."""
