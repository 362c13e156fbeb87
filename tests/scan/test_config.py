import re
from pathlib import Path

import pytest

from wazuh_pack.agentkit.errors import ConfigError, UntrustedFileError
from wazuh_pack.scan.config import load

TEMPLATE = Path(__file__).resolve().parents[2] / "wodles/trivy/trivy.ini"


@pytest.fixture
def write(tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o750)

    def write(text):
        path = folder / "trivy.ini"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o640)
        return str(path)

    return write


def problems(path):
    with pytest.raises(ConfigError) as error:
        load(path)
    return [problem[len(path) + 1 :] for problem in error.value.problems]


def test_the_template_is_valid_and_says_the_defaults(write):
    shipped = load(write(TEMPLATE.read_text(encoding="utf-8")))

    assert shipped == load(write("[targets]\nimages = all\n"))


def test_every_line_of_the_template_that_is_commented_out_is_valid(write):
    lines = TEMPLATE.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line[1:] if re.match(r"#(?:[a-z[]|    )", line) else line for line in lines)

    text = text.replace("owners = jenkins", "owners = root")
    config = load(write(text.replace("sha256 =", "sha256 = " + "0" * 64)))

    assert config.targets.filesystems == ("/srv/jenkins/workspace/*",)
    assert config.targets.deny == ("*/scratch:*", "*/*:ci-*")
    assert config.targets.engines == ("docker",)
    assert config.scanner.skip_dirs == ("**/node_modules/.cache",)
    assert config.scanner.minimum_version == (0, 69, 2)
    assert config.scanner.vex == ("/var/ossec/etc/wazuh-pack/shop.vex.json",)
    assert config.targets.approved_bases == ("registry.example.org/base/*", "debian 12*")
    assert config.targets.clusters == ("production",)


def test_values_are_typed(write):
    config = load(
        write(
            "[targets]\nimages = list\nimage_list = a:1 b:2\n"
            "[report]\nscanners = secret vuln\nseverity = high\nworst = 0\n"
            "[schedule]\ninterval = 12h\n[trivy]\noffline = yes\nnice = 19\n"
        )
    )

    assert config.targets.image_list == ("a:1", "b:2")
    assert config.reporting.scanners == ("vuln", "secret")
    assert config.reporting.worst == 0
    assert config.schedule.interval == 43_200
    assert config.scanner.offline is True
    assert config.scanner.nice == 19


def test_limits_may_be_switched_off(write):
    config = load(
        write("[targets]\nimages = all\n[report]\ndigest = never\n[sla]\nlow = never\nhigh = 5d\n")
    )

    assert config.reporting.digest == 0
    assert [config.sla.limit(name) for name in ("critical", "high", "low", "unknown")] == [
        *(7 * 86_400, 5 * 86_400, 0, 0)
    ]


def test_every_mistake_is_told_with_its_line(write):
    found = problems(
        write(
            "[targets]\nimages = some\nfilesystems = relative/path\n"
            "repositories = https://bot:token@git.example.org/x\n"
            "[trivy]\nbinary = trivy\nsha256 = abc\nserver = ftp://x\nminimum_version = new\n"
            "[report]\nscanners = vuln virus\nworst = many\n[typo]\nx = 1\n"
        )
    )

    assert [problem.split(":")[0] for problem in found] == [
        "6",
        "7",
        "8",
        "9",
        "2",
        "3",
        "4",
        "11",
        "12",
        "14",
    ]
    assert "token" not in "".join(found).replace("GITHUB_TOKEN", "")


@pytest.mark.parametrize("text", ["", "[targets]\nimages = none\n", "[report]\nseverity = low\n"])
def test_a_configuration_without_targets_is_a_mistake(write, text):
    assert problems(write(text)) == [
        "1: nothing to scan; fill in [targets], or add a [reports-<name>]"
    ]


def test_a_list_without_images_is_a_mistake(write):
    assert "image_list" in problems(write("[targets]\nimages = list\n"))[0]


@pytest.mark.parametrize("image", ["--all", "a b;c", "A:1", "$(x)"])
def test_an_image_that_is_none_is_a_mistake(write, image):
    assert (
        "not an image reference"
        in problems(write(f"[targets]\nimages = list\nimage_list = {image}\n"))[0]
    )


def test_no_configuration_is_a_mistake(tmp_path):
    tmp_path.chmod(0o750)

    assert "no such file" in problems(str(tmp_path / "trivy.ini"))[0]


def test_a_configuration_that_others_may_write_is_refused(write):
    path = write("[targets]\nimages = all\n")
    Path(path).chmod(0o666)

    with pytest.raises(UntrustedFileError):
        load(path)
