"""The attributes of a rule, one by one: what analysisd takes, refuses and cuts off."""

from pathlib import Path

import pytest

from wazuh_pack.engine.loadlog import LoadLog, RefuseFile
from wazuh_pack.engine.rule_attributes import Attributes, read_attributes
from wazuh_pack.xmlio import read_text


def read(attributes):
    notes = LoadLog()
    (node,) = read_text(f"<rule {attributes}>x</rule>".encode(), Path("rules.xml"))
    return read_attributes(node, notes), notes


@pytest.mark.parametrize(
    ("attributes", "name", "value"),
    [
        ("", "id", -1),
        ('id="100"', "id", 100),
        ('ID="100" Id="7"', "id", 7),
        ('id=""', "id", -1),
        ('level="16"', "level", 16),
        ('level="0"', "level", 0),
        ('level="x"', "level", -1),
        ('maxsize="123"', "maxsize", 123),
        ('maxsize="12345"', "maxsize", 1234),
        ('maxsize="7" MAXSIZE=""', "maxsize", 7),
        ("", "timeframe", 360),
        ('timeframe="12345"', "timeframe", 12345),
        ('timeframe="123456"', "timeframe", 12345),
        ('timeframe=""', "timeframe", 360),
        ('frequency="2"', "frequency", 0),
        ('frequency="9999"', "frequency", 9997),
        ("", "accuracy", 1),
        ('accuracy="12345"', "accuracy", 1234),
        ('accuracy=""', "accuracy", 1),
        ('ignore="1234567"', "ignore", 123456),
        ('ignore="5" Ignore=""', "ignore", 5),
        ('overwrite="yes"', "overwrite", True),
        ('overwrite="yes" OVERWRITE="no"', "overwrite", False),
        ('noalert="1"', "noalert", True),
        ('noalert="1" NoAlert="0"', "noalert", False),
    ],
)
def test_an_attribute_is_read(attributes, name, value):
    found, notes = read(attributes)
    assert getattr(found, name) == value
    assert notes.diagnostics == []
    others = {other for other in Attributes.__slots__ if other != name}
    assert all(getattr(found, other) == getattr(Attributes(), other) for other in others)


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ('id="1x"', "the rule id is not a number (at most 6 digits)"),
        ('id="1234567"', "the rule id is not a number (at most 6 digits)"),
        ('level="17"', "the level is not a number from 0 to 16."),
        (f'level="{"9" * 5000}"', "the level is not a number from 0 to 16."),
        ('maxsize="x"', "maxsize is not a number"),
        ('timeframe="-1"', "timeframe is not a number (at most 5 digits)"),
        ('frequency="x"', "frequency is not a number"),
        ('frequency=""', "frequency does not lie above 1 and below 10000."),
        ('frequency="1"', "frequency does not lie above 1 and below 10000."),
        ('frequency="10000"', "frequency does not lie above 1 and below 10000."),
        (f'frequency="{"9" * 5000}"', "frequency does not lie above 1 and below 10000."),
        ('accuracy="x"', "accuracy is not a number"),
        ('ignore="x"', "ignore is not a number (at most 6 digits)"),
        ('overwrite="maybe"', "overwrite is neither 'yes' nor 'no'"),
        ('color="red"', "a rule has no attribute 'color'"),
    ],
)
def test_an_attribute_that_is_wrong_ends_loading(attributes, problem):
    notes = LoadLog()
    (node,) = read_text(f"<rule {attributes}>x</rule>".encode(), Path("rules.xml"))
    with pytest.raises(RefuseFile):
        read_attributes(node, notes)
    assert notes.diagnostics[0].message == problem


def test_a_wrong_noalert_is_only_a_warning():
    found, notes = read('noalert="yes"')
    assert found.noalert is False
    (warning,) = notes.diagnostics
    assert warning.message == "invalid value of the attribute 'noalert'"
