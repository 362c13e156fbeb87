import pytest

from wazuh_pack.agentkit.errors import ConfigError, UntrustedFileError
from wazuh_pack.scan import environment


@pytest.fixture
def file(tmp_path):
    def file(text, mode=0o640):
        path = tmp_path / "trivy.env"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return str(path)

    tmp_path.chmod(0o755)
    return file


def test_names_and_values_are_taken_as_they_are(file):
    text = "# for our registry\n\nTRIVY_USERNAME=ci\nTRIVY_PASSWORD=a=b c\n"

    assert environment.load(file(text)) == {"TRIVY_USERNAME": "ci", "TRIVY_PASSWORD": "a=b c"}


@pytest.mark.parametrize(
    "line", ["TRIVY_SEVERITY=LOW", "LD_PRELOAD=canary", "PATH=canary", "canary"]
)
def test_other_names_are_refused_without_a_word_of_the_value(file, line):
    with pytest.raises(ConfigError) as caught:
        environment.load(file(f"TRIVY_USERNAME=ci\n{line}\n"))

    (problem,) = caught.value.problems
    assert "trivy.env:2: not NAME=value" in problem
    assert "canary" not in problem


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_a_file_that_others_can_read_or_write_is_refused(file, mode):
    with pytest.raises(UntrustedFileError, match="chmod"):
        environment.load(file("TRIVY_PASSWORD=canary", mode))


def test_a_missing_file_is_a_mistake(tmp_path):
    tmp_path.chmod(0o755)
    with pytest.raises(ConfigError) as caught:
        environment.load(str(tmp_path / "none"))

    assert "there is no such file" in caught.value.problems[0]


def test_secrets_are_what_must_not_be_told():
    given = {
        "TRIVY_PASSWORD": "hunter22",
        "HTTPS_PROXY": "http://u:p@proxy",
        "AWS_REGION": "eu-west",
    }

    assert set(environment.secrets(given)) == {"hunter22", "http://u:p@proxy"}
    assert list(environment.secrets({"TRIVY_TOKEN": "abc"})) == []
