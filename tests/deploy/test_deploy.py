"""Deploying to managers and clusters, and taking it back."""

import pytest
from fake import CONF, Fault

from wazuh_pack.deploy import deploy, make_plan
from wazuh_pack.errors import DeployError, DiagnosticsError
from wazuh_pack.install import Canary, Kind

RULES = "etc/rules/9100-wazuh-pack-ci.xml"
DECODERS = "etc/decoders/9100-wazuh-pack-ci_decoders.xml"
LIST = "etc/lists/ci-runners"
DUPLICATE = "(7612): Rule ID '110001' is duplicated. Only the first occurrence will be considered."
OLD = b'<group name="ci,">\n  <rule id="110001" level="1">\n  </rule>\n</group>\n'


def run(site, source, *, canaries=(), **options):
    manager = site.manager()
    return deploy(manager, make_plan(manager, source, **options), canaries=canaries, wait=60)


def test_a_plan_says_what_differs_and_changes_nothing(site, small_pack):
    site.fake.master.files = {RULES: OLD, LIST: b"runner-9:mine\n"}

    plan = make_plan(site.manager(), small_pack())

    assert [f"{step.verb} {step.path}" for step in plan.steps] == [
        f"keep {LIST}",
        f"create {DECODERS}",
        f"replace {RULES}",
    ]
    assert plan.activation == "reload"
    assert "wazuh-pack bundle --agent" in plan.beyond[0]
    assert site.fake.master.files == {RULES: OLD, LIST: b"runner-9:mine\n"}
    assert {line.split()[0] for line in site.fake.requests} == {"GET", "POST"}


def test_a_deployment_uploads_what_rules_need_first_and_reloads(site, small_pack):
    outcome = run(site, small_pack())

    assert outcome.status == "deployed"
    uploads = [line for line in site.fake.requests if line.startswith("PUT")]
    assert uploads == [
        "PUT /lists/files/ci-runners",
        "PUT /decoders/files/9100-wazuh-pack-ci_decoders.xml",
        "PUT /rules/files/9100-wazuh-pack-ci.xml",
        "PUT /manager/analysisd/reload",
    ]
    assert site.fake.master.loaded[RULES].startswith(b"<group")


def test_a_second_deployment_changes_and_reloads_nothing(site, small_pack):
    run(site, small_pack())
    site.fake.requests.clear()

    outcome = run(site, small_pack())

    assert outcome.status == "unchanged"
    assert not any(line.startswith(("PUT", "DELETE")) for line in site.fake.requests)


@pytest.mark.parametrize("done", range(4))
def test_a_deployment_that_was_killed_is_completed_and_loaded(site, small_pack, done):
    run(site, small_pack())
    everything = dict(site.fake.master.files)
    site.fake.master.loaded = {}
    site.fake.master.files = dict(list(everything.items())[:done])

    outcome = run(site, small_pack(), activate=True)

    assert outcome.status == "deployed"
    assert len(outcome.changes) == 3 - done
    assert site.fake.master.loaded == everything


def test_line_ends_that_the_api_does_not_keep_are_no_difference(site, small_pack):
    run(site, small_pack())
    files = site.fake.master.files
    files[RULES] = files[RULES].replace(b"\n", b"\r\n")

    assert make_plan(site.manager(), small_pack()).is_empty


def test_a_list_goes_without_the_remarks_that_the_api_refuses(site, small_pack):
    run(site, small_pack())

    assert site.fake.master.files[LIST] == b"runner-1:yes\n"


def test_a_list_that_the_api_would_refuse_is_refused_before_anything_changes(site, small_pack):
    source = small_pack((Kind.LIST, "ci-runners", b"a:b:c\n"))

    with pytest.raises(DeployError, match="'a:b:c'") as caught:
        make_plan(site.manager(), source)
    assert "quotes" in caught.value.hint


def test_files_of_ours_that_the_pack_no_longer_has_go_and_others_stay(site, small_pack):
    gone = "etc/rules/9200-wazuh-pack-gone.xml"
    site.fake.master.files = {gone: b"<group/>\n", "etc/rules/local_rules.xml": b"<group/>\n"}

    outcome = run(site, small_pack())

    assert f"remove {gone}" in outcome.changes
    assert set(site.fake.master.files) == {RULES, DECODERS, LIST, "etc/rules/local_rules.xml"}


def test_a_manager_older_than_hot_reload_is_restarted(site, small_pack):
    site.fake.version = "4.12.0"

    assert run(site, small_pack()).status == "deployed"
    assert site.fake.restarts == {"manager": 1}


@pytest.mark.parametrize("version", ["5.0.0", "4.3.11", "", "nonsense"])
def test_other_versions_are_refused(site, small_pack, version):
    site.fake.version = version

    with pytest.raises(DeployError, match="this manager says that it is Wazuh"):
        make_plan(site.manager(), small_pack())


def test_a_rule_of_the_users_with_our_id_stops_the_deployment(site, small_pack):
    site.fake.master.files["etc/rules/local_rules.xml"] = OLD

    plan = make_plan(site.manager(), small_pack())

    assert [item.code for item in plan.errors] == ["WP660"]
    assert "local_rules.xml has a rule 110001" in plan.errors[0].message
    with pytest.raises(DiagnosticsError):
        deploy(site.manager(), plan)
    assert RULES not in site.fake.master.files


def test_a_warning_about_our_rule_rolls_back_before_it_is_loaded(site, small_pack):
    site.fake.master.files = {RULES: OLD}
    site.fake.warn = lambda node: [DUPLICATE] if DECODERS in node.files else []

    outcome = run(site, small_pack(), restart=True)

    assert outcome.status == "rolled-back"
    assert outcome.problems == (DUPLICATE,)
    assert site.fake.master.files == {RULES: OLD}
    assert site.fake.restarts == {}


def test_a_warning_in_the_answer_to_a_reload_rolls_everything_back(site, small_pack):
    site.fake.checks_tell = False
    site.fake.master.files = {RULES: OLD}
    other = "(7604): Rule '100200' will be ignored."
    site.fake.warn = lambda node: [other, DUPLICATE] if DECODERS in node.files else [other]

    outcome = run(site, small_pack())

    assert outcome.status == "rolled-back"
    assert outcome.problems == (f"manager: {DUPLICATE}",)
    assert set(outcome.restored) == {RULES, DECODERS, LIST}
    assert site.fake.master.files == {RULES: OLD}
    assert site.fake.master.loaded == {RULES: OLD}


def test_a_warning_about_somebody_elses_rule_is_not_ours(site, small_pack):
    other = "(7617): Signature ID '5' was not found and will be ignored in rule '100200'."
    site.fake.warn = lambda _: [other]

    assert run(site, small_pack()).status == "deployed"


def test_a_warning_that_was_there_before_is_not_counted(site, small_pack):
    site.fake.write(site.fake.master, "warning", DUPLICATE)

    assert run(site, small_pack(), restart=True).status == "deployed"


def test_a_file_that_the_manager_refuses_is_rolled_back_with_its_reason(site, small_pack):
    source = small_pack(
        (Kind.DECODER, "9100-wazuh-pack-ci_decoders.xml", b"<decoder/>\n"),
        (Kind.RULE, "9100-wazuh-pack-ci.xml", b"<broken\n"),
    )

    outcome = run(site, source)

    assert outcome.status == "rolled-back"
    assert "XML syntax error (Wazuh error 1113)" in outcome.problems[0]
    assert site.fake.master.files == {}


def test_a_file_that_the_manager_rewrites_is_rolled_back(site, small_pack):
    site.fake.rewrite = lambda content: content.replace(b"level=", b"Level=")

    outcome = run(site, small_pack())

    assert outcome.status == "rolled-back"
    assert outcome.problems[0].startswith(f"{RULES}: the manager does not have what was sent")
    assert site.fake.master.files == {}


def test_a_configuration_that_is_not_valid_is_rolled_back_before_it_is_loaded(site, small_pack):
    site.fake.invalid = {"manager"}

    outcome = run(site, small_pack(), restart=True)

    assert outcome.status == "rolled-back"
    assert outcome.problems == ("the configuration is not valid (manager: KO)",)
    assert site.fake.restarts == {}
    assert site.fake.master.files == {}


def test_a_rollback_that_fails_names_what_is_left_and_keeps_the_former_content(site, small_pack):
    site.fake.master.files = {RULES: OLD}
    site.fake.warn = lambda _: [DUPLICATE]
    site.fake.faults = [Fault("DELETE /decoders", 403, times=99)]

    outcome = run(site, small_pack())

    assert outcome.status == "damaged"
    assert outcome.damaged[0].startswith(DECODERS)
    assert set(outcome.restored) == {RULES, LIST}
    assert outcome.former == {RULES: OLD, DECODERS: None, LIST: None}


CANARY = Canary("ci-event", '{"ci": 1}', "/var/log/ci.json", frozenset({110001}))


def test_an_event_that_fires_its_rule_is_tested_in_a_session_that_is_ended(site, small_pack):
    asked = []
    site.fake.open_session = lambda files: lambda *event: asked.append((event, *files)) or 110001

    outcome = run(site, small_pack(), canaries=(CANARY, CANARY))

    assert outcome.status == "deployed"
    assert asked == [(('{"ci": 1}', "/var/log/ci.json"), LIST, DECODERS, RULES)] * 2
    assert site.fake.sessions == {}
    requests = site.fake.requests
    assert requests.index("PUT /logtest") < requests.index("PUT /manager/analysisd/reload")


@pytest.mark.parametrize(("fired", "said"), [(0, "no rule"), (5710, "rule 5710")])
def test_an_event_that_does_not_fire_its_rule_is_rolled_back_unloaded(
    site, small_pack, fired, said
):
    site.fake.open_session = lambda _files: lambda _line, _location: fired

    outcome = run(site, small_pack(), canaries=(CANARY,))

    assert outcome.status == "rolled-back"
    assert outcome.problems == (f"ci-event: its event fires {said}, not 110001",)
    assert site.fake.master.files == {}
    assert site.fake.sessions == {}
    assert site.fake.requests.count("PUT /manager/analysisd/reload") == 1


def test_a_rule_that_the_user_hung_from_ours_may_fire_in_its_place(site, small_pack):
    site.fake.master.files["etc/rules/local_rules.xml"] = OLD.replace(b"110001", b"100200")
    site.fake.open_session = lambda _files: lambda _line, _location: 100200

    assert run(site, small_pack(), canaries=(CANARY,)).status == "deployed"


def test_what_a_test_session_warns_about_ours_rolls_back_before_loading(site, small_pack):
    site.fake.checks_tell = False
    site.fake.warn = lambda node: [DUPLICATE] if RULES in node.files else []

    outcome = run(site, small_pack(), canaries=(CANARY,), restart=True)

    assert outcome.status == "rolled-back"
    assert outcome.problems == (f"WARNING: {DUPLICATE}",)
    assert site.fake.restarts == {}


def test_an_interruption_puts_everything_back_and_goes_on_up(site, small_pack):
    manager = site.manager()
    plan = make_plan(manager, small_pack())

    def interrupt(text):
        if text.startswith("create etc/rules"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy(manager, plan, say=interrupt)
    assert site.fake.master.files == {}


def test_an_answer_that_is_lost_after_the_work_does_no_harm(site, small_pack):
    site.fake.master.files = {"etc/rules/9200-wazuh-pack-gone.xml": b"<group/>\n"}
    site.fake.faults = [
        Fault("PUT /rules", done=True),
        Fault("DELETE /rules", done=True),
        Fault("PUT /manager/analysisd/reload", 503, done=True),
    ]

    assert run(site, small_pack()).status == "deployed"
    assert set(site.fake.master.files) == {RULES, DECODERS, LIST}


def test_a_restart_that_cuts_its_own_answer_off_is_asked_for_once(site, small_pack):
    site.fake.faults = [
        Fault("PUT /manager/restart", done=True),
        Fault("GET /manager/logs.*Started", times=0),
    ]

    assert run(site, small_pack(), restart=True).status == "deployed"
    assert site.fake.restarts == {"manager": 1}


def test_a_manager_that_does_not_come_back_is_a_failure_and_is_said_to_be(site, small_pack):
    site.fake.master.loads = False

    outcome = run(site, small_pack(), restart=True)

    assert outcome.status == "damaged"
    assert "did not load the rules within 60 s" in outcome.problems[0]
    assert site.fake.master.files == {}


def test_a_cluster_is_loaded_when_every_node_has_the_files(cluster, small_pack):
    cluster.fake.nodes["worker"].lag = 3

    outcome = run(cluster, small_pack())

    assert outcome.status == "deployed"
    assert cluster.clock.slept == [5.0, 5.0, 5.0]
    requests = cluster.fake.requests
    synced = len(requests) - requests[::-1].index("GET /cluster/ruleset/synchronization")
    assert synced < requests.index("PUT /cluster/analysisd/reload")
    assert cluster.fake.nodes["worker"].loaded == cluster.fake.master.files


def test_a_worker_that_stays_behind_rolls_the_cluster_back(cluster, small_pack):
    cluster.fake.nodes["worker"].lag = 14

    outcome = run(cluster, small_pack())

    assert outcome.status == "rolled-back"
    assert outcome.problems == ("worker did not get the files within 60 s",)
    assert cluster.fake.master.files == {}


def test_a_warning_in_one_nodes_log_rolls_the_cluster_back_before_it_is_loaded(cluster, small_pack):
    cluster.fake.warn = lambda node: [DUPLICATE] if node.name == "worker" and node.files else []

    outcome = run(cluster, small_pack())

    assert outcome.status == "rolled-back"
    assert outcome.problems == (f"worker: {DUPLICATE}",)
    assert cluster.fake.master.files == {}
    assert cluster.fake.requests.count("PUT /cluster/analysisd/reload") == 1


def test_a_warning_at_one_nodes_restart_rolls_the_cluster_back(cluster, small_pack):
    cluster.fake.checks_tell = False
    cluster.fake.warn = lambda node: [DUPLICATE] if node.name == "worker" and node.files else []

    outcome = run(cluster, small_pack(), restart=True)

    assert outcome.status == "rolled-back"
    assert outcome.problems == (f"worker: {DUPLICATE}",)
    assert cluster.fake.master.files == {}
    assert cluster.fake.nodes["worker"].loaded == {}
    assert cluster.fake.restarts == {"master": 2, "worker": 2}


def test_a_worker_is_not_deployed_to(cluster, small_pack):
    cluster.fake.asked = "worker"

    with pytest.raises(DeployError, match="is the worker worker") as caught:
        make_plan(cluster.manager(), small_pack())
    assert "master" in caught.value.hint


def test_a_list_that_no_node_loads_stops_the_deployment(cluster, small_pack):
    cluster.fake.master.conf = CONF.replace(b"audit-keys", b"ci-runners")

    plan = make_plan(cluster.manager(), small_pack(lists=(LIST,)))

    assert [item.code for item in plan.errors] == ["WP661"]
    assert plan.errors[0].message.startswith("worker:ossec.conf does not load etc/lists/ci-runners")


LOCALFILE = (
    "<localfile><log_format>json</log_format><location>/var/log/ci.json</location></localfile>"
)
COMMAND = "<command><name>x</name><executable>wazuh-pack-x</executable></command>"


def test_conf_is_merged_on_every_node_and_logs_are_collected_once(cluster, small_pack):
    source = small_pack(elements=(LOCALFILE, COMMAND), lists=(LIST,))

    outcome = run(cluster, source, conf=True)

    assert outcome.status == "deployed"
    assert outcome.changes[1:3] == ("edit master:etc/ossec.conf", "edit worker:etc/ossec.conf")
    confs = {name: node.conf for name, node in cluster.fake.nodes.items()}
    assert all(b"<list>etc/lists/ci-runners</list>" in conf for conf in confs.values())
    assert all(b"wazuh-pack-x" in conf for conf in confs.values())
    assert b"ci.json" in confs["master"]
    assert b"ci.json" not in confs["worker"]
    assert cluster.fake.restarts == {"master": 1, "worker": 1}
    assert make_plan(cluster.manager(), source, conf=True).is_empty


def test_a_node_gets_the_lists_before_the_configuration_that_names_them(cluster, small_pack):
    cluster.fake.nodes["worker"].lag = 2

    run(cluster, small_pack(lists=(LIST,)), conf=True)

    requests = cluster.fake.requests
    written = requests.index("PUT /cluster/worker/configuration")
    assert requests[:written].count("GET /cluster/ruleset/synchronization") == 4
    assert cluster.clock.slept == [5.0, 5.0]


def test_conf_is_put_back_byte_for_byte(site, small_pack):
    site.fake.warn = lambda node: [DUPLICATE] if RULES in node.files else []

    outcome = run(site, small_pack(lists=(LIST,)), conf=True)

    assert outcome.status == "rolled-back"
    assert "etc/ossec.conf" in outcome.restored
    assert site.fake.master.conf == CONF


def test_a_configuration_whose_secrets_the_api_hides_is_not_written_back(site, small_pack):
    site.fake.hidden = CONF.replace(b"yes", b"*****")

    with pytest.raises(DeployError, match="asterisks"):
        make_plan(site.manager(), small_pack(), conf=True)
