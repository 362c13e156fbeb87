"""Reports of scanners and gates -> findings, one module a tool.

Standard library only, Python 3.8 or later: the Trivy wodle carries it to the build hosts.
"""
