"""Which responses a configuration has."""

from wazuh_pack.verify.execd import configured


def test_a_response_whose_command_is_nowhere_and_the_switch_for_all_are_left_out(tmp_path):
    conf = tmp_path / "ossec.conf"
    conf.write_text(
        "<ossec_config>"
        "<active-response><disabled>no</disabled></active-response>"
        "<active-response><command>gone</command><rules_id>5</rules_id></active-response>"
        "<active-response><command>a</command><location>local</location><rules_id>1,2</rules_id>"
        "</active-response>"
        "<command><name>a</name><executable>a.sh</executable></command>"
        "</ossec_config>"
    )
    (found,) = configured(conf)

    assert (found.name, found.executable, found.rules) == ("a", "a.sh", {"1", "2"})
