"""What the shop's rules say, judged by the offline engine."""

import pytest

from wazuh_pack.testing import assert_no_rule, assert_rule

FAILED = "Nov 21 10:00:00 web1 shop[12]: login failed for eve from 192.0.2.7"
REFUND = {"shop": {"event": "refund", "by": "alice", "amount": 120, "order": "4711"}}


def test_a_failed_login_is_noted_with_user_and_address(wazuh_session):
    assert_rule(
        wazuh_session,
        FAILED,
        rule_id=100101,
        level=5,
        fields={"dstuser": "eve", "srcip": "192.0.2.7"},
    )


def test_a_login_that_succeeds_is_no_alert(wazuh_session):
    assert_no_rule(wazuh_session, FAILED.replace("failed", "succeeded"))


def test_five_failures_within_a_minute_alert(wazuh_session):
    for _ in range(4):
        assert_rule(wazuh_session, FAILED, rule_id=100101, after=10)
    result = assert_rule(wazuh_session, FAILED, rule_id=100102, level=10, after=10)

    assert result.rule["mitre"]["id"] == ["T1110"]


def test_five_failures_within_a_day_do_not(wazuh_session):
    for _ in range(5):
        assert_rule(wazuh_session, FAILED, rule_id=100101, after=4 * 3600)


def test_failures_from_other_addresses_do_not_count(wazuh_session):
    for number in range(1, 6):
        event = FAILED.replace("192.0.2.7", f"192.0.2.{number}")
        assert_rule(wazuh_session, event, rule_id=100101, after=1)


@pytest.mark.parametrize(
    ("person", "rule_id", "level"), [("alice", 100110, 3), ("mallory", 100111, 10)]
)
def test_a_refund_by_someone_who_is_no_cashier_alerts(wazuh_session, person, rule_id, level):
    event = {"shop": {**REFUND["shop"], "by": person}}

    result = assert_rule(wazuh_session, event, rule_id=rule_id, level=level)

    assert person in result.rule["description"]


def test_other_events_of_the_shop_are_no_alert(wazuh_session):
    assert_no_rule(wazuh_session, {"shop": {**REFUND["shop"], "event": "order"}})
