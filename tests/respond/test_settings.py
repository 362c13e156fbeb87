import pytest

from wazuh_pack.agentkit.errors import ConfigError
from wazuh_pack.respond.settings import DRY_RUN, ENFORCE, Settings, load_settings


@pytest.fixture
def load(tmp_path):
    """Return a function that loads settings from a text."""

    def from_text(text):
        path = tmp_path / "respond.ini"
        path.write_text(text)
        path.chmod(0o640)
        return load_settings(str(path))

    return from_text


def fields(settings):
    return {name: getattr(settings, name) for name in Settings.__slots__}


def test_without_a_file_it_is_a_dry_run(tmp_path):
    assert load_settings(str(tmp_path / "none")).mode == DRY_RUN


def test_the_template_says_what_the_defaults_are(load):
    from pathlib import Path  # noqa: PLC0415 -- only here

    template = Path(__file__).resolve().parents[2] / "active_response/block_ip/respond.ini"

    assert fields(load(template.read_text())) == fields(Settings())


def test_every_key_is_read(load):
    found = load(
        "[block-ip]\nmode = enforce\ndefault_timeout = 10m\nmax_timeout = 1d\n"
        "escalation_factor = 3\nforget_after = 9d\nmax_blocks = 5\nwindow = 1m\n"
        "allow_private_targets = no\nnever = 192.0.2.0/24\n  bastion.example.org, 2001:db8::1\n"
        "nft = /usr/sbin/nft\n[revoke-token]\nanything = goes\n"
    )

    assert found.mode == ENFORCE
    assert (found.default_timeout, found.max_timeout, found.forget_after) == (600, 86400, 777600)
    assert (found.escalation_factor, found.max_blocks, found.window) == (3, 5, 60)
    assert not found.allow_private_targets
    assert [str(network) for network in found.never_networks] == ["192.0.2.0/24", "2001:db8::1/128"]
    assert found.never_names == ("bastion.example.org",)
    assert found.nft == "/usr/sbin/nft"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("never = 192.0.2.1/24", "'192.0.2.1/24' is no address, network or host name; write"),
        ("never = -v", "'-v' is no address"),
        ("max_timeout = 366d", "'366d' is longer than a year; write at most 365d"),
        ("nft = bin/nft", "'bin/nft' is not an absolute path; write for example /usr/sbin/nft"),
        ("nft = iptables", "'iptables' is not an absolute path"),
    ],
)
def test_a_value_that_does_not_fit_is_named(load, line, problem):
    with pytest.raises(ConfigError) as caught:
        load(f"[block-ip]\n{line}\n")
    assert f"respond.ini:2: '{line.split()[0]}': {problem}" in str(caught.value)
