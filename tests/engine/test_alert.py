"""The JSON of an alert."""

import re
from datetime import timedelta, timezone

import pytest

from wazuh_pack.engine import Mode
from wazuh_pack.engine.alert import groups_json, timestamp


@pytest.fixture
def judge(write_ruleset):
    """Return a function that loads one rule and judges one event."""

    def run(options, event="a", *, level=5, name="g,", mode=Mode.LOGTEST, **kwargs):
        ruleset = write_ruleset(
            f'<group name="{name}"><rule id="100" level="{level}"><match>a</match>{options}'
            "</rule></group>"
        )
        return ruleset.session(mode=mode, manager="boss.example.org").process(event, **kwargs)

    return run


def test_an_alert_has_wazuhs_keys_in_wazuhs_order(judge):
    result = judge(
        "<description>d $(k)</description>",
        '{"k": "v", "m": "a"}',
        time=1_795_303_584.719,
    )
    alert = result.as_alert()
    assert list(alert) == [
        "timestamp",
        "rule",
        "agent",
        "manager",
        "id",
        "full_log",
        "decoder",
        "data",
        "location",
    ]
    assert alert["timestamp"] == "2026-11-21T23:26:24.719+0000"
    assert alert["id"] == "1795303584.1"
    assert list(alert["rule"]) == ["level", "description", "id", "firedtimes", "mail", "groups"]
    assert alert["rule"]["description"] == "d v"
    assert alert["agent"] == {"id": "000", "name": "boss.example.org"}
    assert alert["manager"] == {"name": "boss.example.org"}


def test_the_time_stamp_is_local():
    assert timestamp(0.5, timezone(timedelta(hours=-3))) == "1969-12-31T21:00:00.500-0300"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a,b,", {"groups": ["a", "b"]}),
        (b"a,, b ,c", {"groups": ["a", " b ", "c"]}),
        (b"a,pci_dss_10.2.4,gdpr_IV_35.7.d,pci_dss_1", {
            "groups": ["a"],
            "pci_dss": ["10.2.4", "1"],
            "gdpr": ["IV_35.7.d"],
        }),
        (b"nist_800_53_AU.14,tsc_CC6.1,hipaa_164,gpg13_7.1,cis_1", {
            "groups": [],
            "nist_800_53": ["AU.14"],
            "tsc": ["CC6.1"],
            "hipaa": ["164"],
            "gpg13": ["7.1"],
            "cis": ["1"],
        }),
        (b"x" * 1020 + b",abcdef", {"groups": ["x" * 1020, "ab"]}),
    ],
)  # fmt: skip
def test_groups_are_split_from_standards(text, expected):
    assert groups_json(text) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$(srcip) $(SRCIP)", "1.2.3.4 "),
        ("$(k) $(K) $(none)", "v v "),
        ("$(dstuser)/$(user)", "u/"),
        ("open $(srcip", "open $(srcip"),
        ("$(hostname)", "boss"),
        ("$ (k) $(k))", "$ (k) v)"),
    ],
)
def test_descriptions_show_fields(judge, template, expected):
    event = '{"srcip": "1.2.3.4", "k": "v", "user": "u", "m": "a"}'
    result = judge(f"<description>{template}</description>", event)
    assert result.rule["description"] == expected


def test_a_description_that_gets_too_long_stays_a_template(judge):
    event = '{"k": "' + "v" * 1015 + '", "m": "a"}'
    result = judge("<description>0123456789$(k)</description>", event)
    assert result.rule["description"] == "0123456789$(k)"


@pytest.mark.parametrize(
    ("level", "options", "sent"),
    [
        (2, "", (False, False, False)),
        (3, "", (False, True, True)),
        (12, "", (True, True, True)),
        (12, "<options>no_email_alert</options>", (False, True, True)),
        (3, "<options>alert_by_email</options>", (True, True, True)),
        (3, "<options>no_log</options>", (False, True, False)),
        (2, "<options>log_alert</options>", (False, False, True)),
    ],
)
def test_levels_and_options_decide_what_is_sent(judge, level, options, sent):
    mail, logtest, daemon = sent
    options += "<description>d</description>"
    for mode, alerts in ((Mode.LOGTEST, logtest), (Mode.DAEMON, daemon)):
        result = judge(options, level=level, mode=mode)
        assert (result.rule["mail"], result.alert) == (mail, alerts)


def test_level_0_shows_its_rule_in_logtest_only(judge):
    options = "<description>d</description>"
    assert judge(options, level=0).rule["level"] == 0
    assert judge(options, level=0, mode=Mode.DAEMON).rule is None


def test_options_hide_the_log_and_the_counter(judge):
    options = (
        "<options>no_full_log</options><options>no_counter</options><description>d</description>"
    )
    result = judge(options)
    assert "full_log" not in result.as_alert()
    assert "firedtimes" not in result.rule
    assert "full_log" in judge(options, mode=Mode.DAEMON).as_logtest()


def test_switching_mail_off_shows_the_counter_again(judge):
    options = (
        "<options>no_counter</options><options>no_email_alert</options><description>d</description>"
    )
    assert "firedtimes" in judge(options, level=12).rule
    assert "firedtimes" not in judge(options, level=5).rule


@pytest.mark.parametrize(
    ("mitre", "expected"),
    [
        (
            "<id>T1110</id>",
            {"id": ["T1110"], "tactic": ["Credential Access"], "technique": ["Brute Force"]},
        ),
        (
            "<id>T1110</id><id>T0000</id>",
            {
                "id": ["T1110", "T0000"],
                "tactic": ["Credential Access"],
                "technique": ["Brute Force"],
            },
        ),
        ("<id>t1110</id>", None),
        (
            "<tacticID>TA0006</tacticID><techniqueID>T1110</techniqueID>",
            {"id": ["T1110"], "tactic": ["Credential Access"], "technique": ["Brute Force"]},
        ),
        ("<tacticID>TA0001</tacticID><techniqueID>T1110</techniqueID>", None),
        ("<tacticID>TA0006</tacticID>", None),
    ],
)
def test_attack_references_are_looked_up(judge, mitre, expected):
    result = judge(f"<mitre>{mitre}</mitre><description>d</description>")
    assert result.rule.get("mitre") == expected


def test_the_new_form_of_attack_references_drives_out_the_old(judge):
    result = judge(
        "<mitre><id>T1078</id></mitre>"
        "<mitre><tacticID>TA0006</tacticID><techniqueID>T1110</techniqueID></mitre>"
        "<mitre><id>T1078</id></mitre><description>d</description>"
    )
    assert result.rule["mitre"]["id"] == ["T1110"]


def test_an_agents_event_names_the_agent(judge):
    result = judge(
        "<hostname>web</hostname><description>d</description>",
        location="[007] (web01) 10.0.0.7->/var/log/x",
    )
    assert result.as_alert()["agent"] == {"id": "007", "name": "web01", "ip": "10.0.0.7"}
    assert result.as_alert()["location"] == "/var/log/x"


def test_an_agentless_device_takes_the_agents_place(judge):
    result = judge("<description>d</description>", location="(ssh_diff) root@fw1->diff")
    alert = result.as_alert()
    assert alert["agentless"] == {"script": "ssh_diff", "user": "root", "host": "fw1"}
    assert "agent" not in alert


def test_policy_checks_add_their_standards(judge):
    event = '{"sca": {"check": {"compliance": {"pci_dss": "1.1, 2.2", "cis": ""}}}, "m": "a"}'
    result = judge("<description>d</description>", event, name="g,pci_dss_9,")
    rule = result.as_alert()["rule"]
    assert rule["pci_dss"] == ["9", "1.1", "2.2"]
    assert "cis" not in rule


def test_rootcheck_texts_add_their_standards(judge):
    result = judge("<description>d</description>", "a {CIS: 1.1, 2} b", name="rootcheck,")
    assert result.as_alert()["rule"]["cis"] == ["1.1", "2"]


def test_refused_events_have_no_alert(judge):
    result = judge("<description>d</description>", location="[007")
    assert result.as_alert() == {}
    assert result.as_logtest()["codemsg"] == -1
    assert re.search("location", result.refused)
