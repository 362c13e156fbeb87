"""The pytest plugin, run in repositories of rules made for the test."""

from pathlib import Path

import pytest

from wazuh_pack.engine import Ruleset
from wazuh_pack.testing import EPOCH, RuleSession, assert_no_rule, assert_rule

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]

RULES = """
<group name="base,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>r</description></rule>
</group>
<group name="app,">
  <rule id="100100" level="3">
    <if_sid>1</if_sid><field name="act">^login$</field><field name="result">^bad$</field>
    <description>Failed login of $(who)</description>
  </rule>
  <rule id="100101" level="10" frequency="3" timeframe="60">
    <if_matched_sid>100100</if_matched_sid><same_field>who</same_field>
    <description>Many failed logins</description>
  </rule>
  <rule id="100102" level="5">
    <if_sid>1</if_sid><list field="who" lookup="match_key">etc/lists/bots</list>
    <description>A bot</description>
  </rule>
</group>
"""
DECODERS = """
<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="named"><program_name>^app$</program_name></decoder>
<decoder name="rest"><prematch>^</prematch></decoder>
"""
SETTINGS = """
[pytest]
addopts = -p wazuh_pack.testing -p no:randomly -p no:hypothesispytest
wazuh_rules = rules
wazuh_decoders = decoders
wazuh_lists = lists
wazuh_no_stock = true
"""
FAILED = {"act": "login", "result": "bad", "who": "eve"}


@pytest.fixture
def repository(pytester, monkeypatch):
    """A repository of rules, whose pytest runs with this checkout."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for kind, text in (("rules", RULES), ("decoders", DECODERS)):
        (pytester.path / kind).mkdir()
        (pytester.path / kind / "all.xml").write_text(text, encoding="utf-8")
    (pytester.path / "lists").mkdir()
    (pytester.path / "lists/bots").write_text("bot1:\n", encoding="utf-8")
    (pytester.path / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    return pytester


@pytest.fixture
def session(tmp_path):
    for name, text in (("rules.xml", RULES), ("decoders.xml", DECODERS), ("bots", "bot1:\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    lists = {"etc/lists/bots": tmp_path / "bots"}
    return RuleSession(Ruleset.load([tmp_path / "rules.xml"], [tmp_path / "decoders.xml"], lists))


def failure(function, *arguments, **options):
    with pytest.raises(AssertionError) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_a_repository_s_tests_run_without_a_manager(repository):
    repository.makepyfile(
        """
        from wazuh_pack.testing import assert_no_rule, assert_rule

        FAILED = {"act": "login", "result": "bad", "who": "eve"}

        def test_single(wazuh_session):
            assert_rule(wazuh_session, FAILED, rule_id=100100, level=3, fields={"who": "eve"})

        def test_burst(wazuh_session):
            for _ in range(2):
                assert_rule(wazuh_session, FAILED, rule_id=100100, after=5)
            assert_rule(wazuh_session, FAILED, rule_id=100101)

        def test_slow(wazuh_session):
            for _ in range(4):
                assert_rule(wazuh_session, FAILED, rule_id=100100, after=40)

        def test_list(wazuh_session):
            assert_rule(wazuh_session, '{"who": "bot1"}', rule_id=100102)

        def test_quiet(wazuh_session, wazuh_ruleset):
            assert_no_rule(wazuh_session, {"act": "login", "result": "good"})
            assert len(wazuh_ruleset.rules) == 4
        """
    )
    repository.runpytest_inprocess().assert_outcomes(passed=5)


def test_a_failure_shows_the_explanation_and_not_our_code(repository):
    repository.makepyfile(
        """
        from wazuh_pack.testing import assert_rule

        def test_it(wazuh_session):
            event = {"act": "login", "result": "good", "who": "eve"}
            assert_rule(wazuh_session, event, rule_id=100100)
        """
    )
    result = repository.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*expected rule 100100, got no rule*",
            "*Decoding*",
            "*Rule 100100*",
            "*it was tried and does not hold:*",
            "*+ field act: match of osregex ^login$, saw login*",
            "*- field result: match of osregex ^bad$, saw good*",
        ]
    )
    assert "result = session.process" not in result.stdout.str()


def test_a_conftest_may_choose_the_ruleset(repository):
    (repository.path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p wazuh_pack.testing -p no:hypothesispytest", encoding="utf-8"
    )
    repository.makeconftest(
        """
        from pathlib import Path
        import pytest
        from wazuh_pack.verify.choice import RulesetChoice

        HERE = Path(__file__).parent

        @pytest.fixture(scope="session")
        def wazuh_ruleset_choice():
            return RulesetChoice(rules=(HERE / "rules",), decoders=(HERE / "decoders",),
                                 lists=(HERE / "lists",), bare=True)
        """
    )
    repository.makepyfile("def test_it(wazuh_ruleset): assert 100101 in wazuh_ruleset.rules")
    repository.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (RULES.replace("<if_sid>1</if_sid><list", "<if_sid>77</if_sid><list"), "77"),
        (RULES.replace("</group>", ""), "analysisd would not start"),
        (RULES.replace("etc/lists/bots", "etc/lists/other"), "etc/lists/other"),
    ],
)
def test_what_analysisd_complains_of_fails_the_tests(repository, broken, said):
    (repository.path / "rules/all.xml").write_text(broken, encoding="utf-8")
    repository.makepyfile("def test_it(wazuh_session): pass")
    result = repository.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{said}*"])


def test_warnings_may_be_allowed(repository):
    text = RULES.replace("etc/lists/bots", "etc/lists/other")
    (repository.path / "rules/all.xml").write_text(text, encoding="utf-8")
    with (repository.path / "pytest.ini").open("a", encoding="utf-8") as file:
        file.write("wazuh_allow_warnings = true\n")
    repository.makepyfile("def test_it(wazuh_session): pass")
    repository.runpytest_inprocess().assert_outcomes(passed=1)


def test_errors_are_never_allowed(repository):
    """wazuh-logtest would open no session: nothing would be judged, and nothing could fail."""
    text = RULES.replace("<if_sid>1</if_sid><list", f"<match>{'x' * 20000}</match><list")
    (repository.path / "rules/all.xml").write_text(text, encoding="utf-8")
    with (repository.path / "pytest.ini").open("a", encoding="utf-8") as file:
        file.write("wazuh_allow_warnings = true\n")
    repository.makepyfile("def test_it(wazuh_session): pass")
    result = repository.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*wazuh-logtest would open no session:*", "*all.xml:*error*"])


def test_a_missing_folder_is_named(repository):
    text = SETTINGS.replace("= rules", "= absent")
    (repository.path / "pytest.ini").write_text(text, encoding="utf-8")
    repository.makepyfile("def test_it(wazuh_session): pass")
    result = repository.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*absent does not exist*"])


def test_rules_may_hang_from_the_stock_equivalents(repository):
    settings = SETTINGS.replace("wazuh_no_stock = true", "")
    settings = settings.replace("wazuh_decoders = decoders", "").replace("wazuh_lists = lists", "")
    (repository.path / "pytest.ini").write_text(settings, encoding="utf-8")
    (repository.path / "rules/all.xml").write_text(
        """<group name="ours,"><rule id="100200" level="12"><if_sid>5716</if_sid>
        <user>root</user><description>root</description></rule></group>""",
        encoding="utf-8",
    )
    repository.makepyfile(
        """
        from wazuh_pack.testing import assert_rule
        EVENT = "Jan  1 10:00:00 h sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2"

        def test_it(wazuh_session):
            assert_rule(wazuh_session, EVENT, rule_id=100200, fields={"srcip": "192.0.2.1"})
        """
    )
    repository.runpytest_inprocess().assert_outcomes(passed=1)


def test_loading_the_plugin_loads_nothing_else(repository):
    repository.makepyfile(
        """
        import sys

        def test_it():
            assert "wazuh_pack.testing" in sys.modules
            heavy = {"wazuh_pack.engine", "wazuh_pack.verify", "pcre2", "lxml", "yaml", "click"}
            assert not heavy & set(sys.modules)
        """
    )
    repository.runpytest_subprocess().assert_outcomes(passed=1)


# the assertions


def test_the_result_is_returned(session):
    result = assert_rule(session, FAILED, rule_id=100100)
    assert result.rule["description"] == "Failed login of eve"
    assert result.as_alert()["timestamp"] == "2026-01-01T00:00:00.000+0000"
    assert session.now == EPOCH


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rule_id": 100101}, "expected rule 100101, got rule 100100 (level 3): Failed login of e"),
        ({"rule_id": 100100, "level": 4}, "expected level 4 of rule 100100, got 3"),
        ({"rule_id": 100100, "fields": {"who": "adam"}}, "field who = 'adam', got 'eve'"),
        ({"rule_id": 100100, "fields": {"whose": "x"}}, "field whose = 'x', the event has none"),
        ({"rule_id": 99}, "it is not loaded"),
    ],
)
def test_what_differs_is_said(session, options, said):
    message = failure(assert_rule, session, FAILED, **options)
    assert said in message
    assert "\nRules\n" in message


def test_nested_fields_have_dotted_names(session):
    event = FAILED | {"a": {"b": {"c": "d"}}}
    assert_rule(session, event, rule_id=100100, fields={"a.b.c": "d"})
    assert "a.b.x" in failure(assert_rule, session, event, rule_id=100100, fields={"a.b.x": "d"})


def test_an_unexpected_rule_is_said(session):
    assert_no_rule(session, "other")
    assert_no_rule(session, FAILED, rule_id=100101)
    message = failure(assert_no_rule, session, FAILED)
    assert message.startswith("expected no alert, got rule 100100 (level 3)")
    message = failure(assert_no_rule, session, FAILED, rule_id=100101)
    assert message.startswith("expected not rule 100101, got rule 100101")


def test_a_refused_event_is_said(session):
    message = failure(assert_rule, session, "x", rule_id=1, location="[007")
    assert "got a refusal: " in message


@pytest.mark.parametrize(
    ("event", "options"),
    [
        (FAILED, {"location": "[001 x"}),
        (FAILED, {"location": "[001 x", "rule_id": 100101}),
        (FAILED, {"location": ""}),
        ("", {}),
    ],
)
def test_what_was_not_judged_does_not_count_as_no_rule(session, event, options):
    message = failure(assert_no_rule, session, event, **options)
    assert ", got a refusal: " in message


def test_a_ruleset_that_logtest_refuses_judges_nothing(tmp_path):
    rules = RULES.replace("<if_sid>1</if_sid><list", f"<match>{'x' * 20000}</match><list")
    for name, text in (("rules.xml", rules), ("decoders.xml", DECODERS), ("bots", "bot1:\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    lists = {"etc/lists/bots": tmp_path / "bots"}
    ruleset = Ruleset.load([tmp_path / "rules.xml"], [tmp_path / "decoders.xml"], lists)
    message = failure(assert_no_rule, RuleSession(ruleset), FAILED)
    assert message.startswith("expected no alert, got a refusal: ")


@pytest.mark.parametrize("wrong", ["100100", 100100.0, True])
@pytest.mark.parametrize("function", [assert_rule, assert_no_rule])
def test_a_rule_id_is_a_number(session, function, wrong):
    """Alerts carry ids as texts; compared with a number they are never equal."""
    with pytest.raises(TypeError, match=f"rule_id must be a whole number, got {wrong!r}"):
        function(session, FAILED, rule_id=wrong)


def test_events_may_be_bytes(session):
    assert_rule(session, b'{"act":"login","result":"bad","who":"\xff"}', rule_id=100100)


def test_a_burst_that_is_not_the_same_is_explained(session):
    assert_rule(session, FAILED, rule_id=100100)
    assert_rule(session, FAILED | {"who": "adam"}, rule_id=100100)
    message = failure(assert_rule, session, {"act": "login", "result": "bad"}, rule_id=100101)
    assert "2 earlier events within 60 s; 0 found among 2 of this agent" in message
    assert "the event has no who, so nothing can be the same" in message
