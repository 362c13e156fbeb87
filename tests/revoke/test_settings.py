from pathlib import Path

import pytest

from wazuh_pack.agentkit.errors import ConfigError, UntrustedFileError
from wazuh_pack.revoke.context import Place, load_context
from wazuh_pack.revoke.providers.base import Rate
from wazuh_pack.revoke.settings import Settings, load_settings

TEMPLATE = Path(__file__).resolve().parents[2] / "active_response/revoke_token/revoke.ini"


def test_without_a_file_nothing_is_configured(world):
    assert load_settings(world.place.config) == Settings()
    assert Settings().mode == "dry-run"


def test_the_template_is_a_dry_run_that_allows_nothing(world):
    path = Path(world.place.config)
    path.write_bytes(TEMPLATE.read_bytes())
    path.chmod(0o640)

    assert load_settings(str(path)) == Settings()


def test_the_templates_examples_are_right(world):
    lines = TEMPLATE.read_text().splitlines()
    start = lines.index("#[github]")
    path = Path(world.place.config)
    examples = [
        line.removeprefix("#") if line.startswith("#") and not line.startswith("# ") else line
        for line in lines[start:]
    ]
    path.write_text("\n".join([*lines[:start], *examples]))
    path.chmod(0o640)
    settings = load_settings(str(path))

    assert len(settings.instances) == 9
    assert [when.name for when in settings.whens] == ["leaked-token", "rogue-runner"]
    assert all(instance.actions for instance in settings.instances.values())


def test_a_second_instance_names_its_provider(world):
    world.configure(
        "[ghes]\nprovider = github\nurl = https://git.example.com/api/v3/\nrate = 9/1h\n"
    )
    found = load_settings(world.place.config).instances["ghes"]

    assert (found.kind.name, found.url, found.rate) == (
        "github",
        "https://git.example.com/api/v3",
        Rate(9, 3600),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[nonsense]\nurl = https://x\n", "5: no provider 'nonsense'; use one of aws, "),
        ("[gitlab]\nactions = token\n", r"5: \[gitlab\] has no url"),
        ("[gitlab]\nurl = http://gitlab.example.com\n", "tokens must not travel in the clear"),
        ("[gitlab]\nurl = ftp://x\n", "tokens must not travel in the clear"),
        ("[gitlab]\nurl = https://u:p@x\n", "holds more than host, port and path"),
        ("[gitlab]\nurl = https://x?y=1\n", "holds more than host, port and path"),
        ("[github]\nactions = tokens\n", "5: 'actions': 'tokens' is not known"),
        ("[github]\ngroup = x\n", r"5: unknown key 'group' in \[github\]"),
        ("[github]\nrate = 5\n", "write for example 60/1h"),
        ("[github]\nca_file = ca.pem\n", "not an absolute path"),
        ("[github]\nproxy = socks5://x\n", "not a proxy"),
        ("[when-a]\nfield = data.x\n", r"\[when-a\] has no rules"),
        ("[when-a]\nrules = 1\n", r"\[when-a\] has no field"),
        ("[when-a]\nrules = x\nfield = data.x\n", "'x' is malformed"),
        ("[when-a]\nrules = 1\nfield = a b\n", "'field': 'a b' is malformed"),
        ("[when-a]\nrules = 1\nfield = a\nfrom = b\n", "write for example id=data.key.id"),
        ("[when-a]\nrules = 1\nfield = a\naction = github.token\n", "which does not exist"),
    ],
)
def test_a_mistake_is_named_with_its_line(world, text, problem):
    world.configure(text, general="window = 10m")
    with pytest.raises(ConfigError, match=problem):
        load_settings(world.place.config)


def test_all_mistakes_are_named_at_once(world):
    world.configure("[gitlab]\nactions = x\nrate = y\n", general="window = 31d")
    with pytest.raises(ConfigError) as caught:
        load_settings(world.place.config)

    assert len(caught.value.problems) == 4


def test_secrets_come_from_the_file_or_the_environment(world):
    world.configure(
        "[github]\n[gitlab]\nurl = https://x\n[ghes-2]\nprovider = github\nurl = https://y\n"
    )
    world.secrets("[github]\ntoken = from-the-file\n[gitlab]\ntoken = from-the-file\n")
    environment = {
        "WAZUH_PACK_GITHUB_TOKEN": "from-the-environment",
        "WAZUH_PACK_GHES_2_TOKEN": "from-there-too",
    }
    found = load_context(Place(world.place.etc, world.place.state, environment)).credentials

    assert found == {
        "github": {"token": "from-the-environment"},
        "gitlab": {"token": "from-the-file"},
        "ghes-2": {"token": "from-there-too"},
    }


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o666])
def test_a_file_of_secrets_that_is_open_to_others_is_refused(world, mode):
    world.configure("[github]\n")
    world.secrets("[github]\ntoken = whatever-it-is\n")
    (world.etc / "revoke.secrets").chmod(mode)

    with pytest.raises(UntrustedFileError, match=r"everybody can read it|writable for group"):
        load_context(world.place)


@pytest.mark.parametrize(
    "text",
    [
        "[github]\ntoken = hunter2\n",
        "[github]\npasswort = hunter2-x\n",
        "x = hunter2\n",
        "hunter2\n",
    ],
)
def test_a_mistake_in_the_secrets_does_not_show_them(world, text):
    world.configure("[github]\n")
    world.secrets(text)
    with pytest.raises(ConfigError) as caught:
        load_context(world.place)

    assert "hunter2" not in str(caught.value)


def test_credentials_do_not_show_themselves(world):
    world.configure("[github]\n")
    world.secrets("[github]\ntoken = not-to-be-shown\n")
    context = load_context(world.place)

    assert "not-to-be-shown" not in repr(context)
    assert "not-to-be-shown" not in repr(context.provider("github").access)
