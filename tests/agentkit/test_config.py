import pytest

from wazuh_pack.agentkit import config
from wazuh_pack.agentkit.errors import ConfigError, UntrustedFileError

SCHEMA = {
    "mode": config.one_of("on", "off"),
    "count": config.whole_number(1, 9),
    "wait": config.duration,
    "flag": config.yes_or_no,
    "names": config.words,
}


def take(text):
    ini = config.Ini("x.ini", text)
    found = ini.take("main", SCHEMA)
    ini.finish(("main",))
    return found


def problems(text):
    with pytest.raises(ConfigError) as caught:
        take(text)
    return caught.value.problems


def test_values_come_as_their_parsers_make_them():
    text = "# c\n[main]\nmode = on\ncount=3\nwait = 2h\nflag = no\nnames =\n  a, b\n  # c\n  d\n"

    assert take(text) == {
        "mode": "on",
        "count": 3,
        "wait": 7200,
        "flag": False,
        "names": ("a", "b", "d"),
    }


def test_an_empty_file_has_no_values():
    assert take("") == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mode = on", "x.ini:1: 'mode' stands before the first [section]; move it"),
        ("[main]\n[main]", "x.ini:2: section [main] is there twice; join them"),
        ("[main]\nmode = on\nmode = off", "x.ini:3: 'mode' is there twice; remove one"),
        (
            "[main]\nmdoe = on",
            "x.ini:2: unknown key 'mdoe' in [main]; use one of count, flag, mode, names, wait",
        ),
        ("[other]\na = 1", "x.ini:2: unknown section [other]; use main"),
        ("[main]\n\n!", "x.ini:3: neither [section] nor key = value; put # before a comment"),
        ("  a = 1", "x.ini:1: an indented line continues nothing; remove the blanks"),
        (
            "[main]\nmode = maybe",
            "x.ini:2: 'mode': 'maybe' is not known; write one of on, off",
        ),
        (
            "[main]\ncount = 10",
            "x.ini:2: 'count': '10' is not a whole number from 1 to 9; write one",
        ),
        (
            "[main]\nwait = soon",
            "x.ini:2: 'wait': 'soon' is not a duration; write for example 90s, 15m, 1h or 7d",
        ),
        ("[main]\nflag = true", "x.ini:2: 'flag': 'true' is neither yes nor no; write one of them"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_do(text, expected):
    assert problems(text) == [expected]


def test_all_mistakes_are_named_at_once():
    found = problems("[main]\nmode = x\ncount = x\nwait = x\n")

    assert [line.split(":")[1] for line in found] == ["2", "3", "4"]


@pytest.mark.parametrize("text", ["0s", "-1s", "1w", "1.5h", "", "\u0661s", "1 h", "10000000000s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="not a duration"):
        config.duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604800)]
)
def test_durations_are_seconds(text, seconds):
    assert config.duration(text) == seconds


def test_a_missing_file_is_no_mistake(tmp_path):
    assert config.load(str(tmp_path / "x.ini")) is None


def test_a_file_is_read(tmp_path):
    path = tmp_path / "x.ini"
    path.write_text("[main]\nmode = on\n")
    path.chmod(0o640)

    assert config.load(str(path)).take("main", SCHEMA) == {"mode": "on"}


def test_a_file_that_is_not_utf8_is_refused_at_its_line(tmp_path):
    path = tmp_path / "x.ini"
    path.write_bytes(b"[main]\n\xff\n")
    path.chmod(0o640)

    with pytest.raises(ConfigError, match=r"x\.ini:2: not UTF-8"):
        config.load(str(path))


@pytest.mark.parametrize("mode", [0o660, 0o646, 0o666])
def test_a_file_that_others_can_write_is_refused(tmp_path, mode):
    path = tmp_path / "x.ini"
    path.write_text("")
    path.chmod(mode)

    with pytest.raises(UntrustedFileError, match="writable for group or others"):
        config.load(str(path))


def test_a_folder_that_others_can_write_is_refused(tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "x.ini").write_text("")
    folder.chmod(0o770)

    with pytest.raises(UntrustedFileError, match="chmod go-w"):
        config.load(str(folder / "x.ini"))


def test_a_link_in_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "real").write_text("")
    (tmp_path / "x.ini").symlink_to(tmp_path / "real")

    with pytest.raises(OSError, match="symbolic"):
        config.load(str(tmp_path / "x.ini"))
