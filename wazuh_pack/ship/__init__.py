"""Shipments: the pack as other tools deliver it. Each carries our installer; none has its own.

A Debian package and an Ansible role bring the bundle for agents (the role also the installer for
managers), an image layer brings the same kind of bundle for managers in containers.
"""
