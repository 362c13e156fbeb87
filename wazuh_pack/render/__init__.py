"""Model -> the files that Wazuh reads. Pure: model in, text out, no I/O."""

from wazuh_pack.render.build import Build, build

__all__ = ["Build", "build"]
