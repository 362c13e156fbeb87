"""Running decoders: choice, offsets, chains, plug-ins, accumulator, first time seen, output."""

import pytest

from wazuh_pack.engine.decode import DecodeState, decode
from wazuh_pack.engine.decoders import load_decoders
from wazuh_pack.engine.fields import output_data
from wazuh_pack.engine.predecode import predecode

LAST = """
<decoder name="any-program"><program_name></program_name></decoder>
<decoder name="any"><prematch>^</prematch></decoder>
"""
BSD = b"Oct 11 22:14:15 web "


class Bench:
    """Decoders and one session's state."""

    def __init__(self, decoders):
        self.decoders = decoders
        self.state = DecodeState({b"5710"}, manager=b"manager")

    def run(self, message, location=b"stdin", time=1000.0):
        event = predecode(message, location, time)
        decode(event, self.decoders, self.state)
        return event

    def fields(self, message):
        event = self.run(message)
        return {**event.static, **{name.decode(): value for name, value in event.dynamic}}


@pytest.fixture
def bench(tmp_path):
    """Return a function that loads decoders, before two that take everything."""

    def load(*texts):
        path = tmp_path / "decoders.xml"
        path.write_text("".join(texts) + LAST, encoding="utf-8")
        return Bench(load_decoders([path])[0])

    return load


def root(name, options):
    return f'<decoder name="{name}">{options}</decoder>'


def child(parent, options, name="kid"):
    return root(name, f"<parent>{parent}</parent>{options}")


def regex(pattern, order, offset="", kind="osregex"):
    place = f' offset="{offset}"' if offset else ""
    return f'<regex type="{kind}"{place}>{pattern}</regex><order>{order}</order>'


def test_without_a_matching_decoder_an_event_is_syslog(tmp_path):
    path = tmp_path / "decoders.xml"
    path.write_text(
        root("a", "<prematch>a</prematch><type>ids</type>")
        + root("p", "<program_name>p</program_name>"),
        encoding="utf-8",
    )
    event = Bench(load_decoders([path])[0]).run(b"xyz")
    assert (event.decoder, event.category, event.static, event.dynamic) == (None, "syslog", {}, [])


def test_a_program_name_decides_which_roots_are_asked(bench):
    b = bench(
        root("text", "<prematch>^hello</prematch>"),
        root("app", "<program_name>^app$</program_name><prematch>^hello</prematch>"),
    )
    assert b.run(BSD + b"app: hello").decoder.name == b"app"
    assert b.run(BSD + b"app: other").decoder.name == b"any-program"
    assert b.run(BSD + b"apple: hello").decoder.name == b"any-program"
    assert b.run(b"hello").decoder.name == b"text"


@pytest.mark.parametrize(("kind", "pattern"), [("osregex", "^a\\w+$"), ("pcre2", "^a[a-z]+$")])
def test_program_names_in_other_languages(bench, kind, pattern):
    b = bench(root("app", f'<program_name type="{kind}">{pattern}</program_name>'))
    names = [b.run(BSD + name + b": x").decoder.name for name in (b"app", b"bpp", b"app", b"a")]
    assert names == [b"app", b"any-program", b"app", b"any-program"]


def test_the_first_child_that_matches_is_taken_and_becomes_the_decoder(bench):
    b = bench(
        root("r", "<prematch>^r </prematch><type>firewall</type>"),
        child("r", "<prematch>one</prematch>", "k1") + child("r", "<prematch>two</prematch>", "k2"),
    )
    event = b.run(b"r two one")
    assert (event.decoder.name, event.decoder.parent, event.category) == (b"r", b"r", "syslog")
    event = b.run(b"r three")
    assert (event.decoder.name, event.decoder.parent, event.category) == (b"r", None, "firewall")


def test_a_child_without_prematch_gives_fields_but_the_root_stays_the_decoder(bench):
    b = bench(root("r", "<prematch>^r </prematch>"), child("r", regex("(\\d+)", "n")))
    event = b.run(b"r 12")
    assert (event.decoder.parent, event.dynamic) == (None, [(b"n", b"12")])


def test_a_root_with_children_never_runs_its_own_regex(bench):
    own = "<prematch>^r </prematch>" + regex("(\\w+)$", "own")
    assert bench(root("r", own)).fields(b"r x") == {"own": b"x"}
    b = bench(root("r", own), child("r", "<prematch>z</prematch>"))
    assert b.fields(b"r x") == {}


@pytest.mark.parametrize(
    ("offset", "found"),
    [("", b"a"), ("after_parent", b"b"), ("after_prematch", b"c")],
)
def test_offsets_of_a_childs_regex(bench, offset, found):
    b = bench(
        root("r", "<prematch>^a</prematch>"),
        child("r", "<prematch>b</prematch>" + regex("(\\w)", "x", offset)),
    )
    assert b.fields(b"a b c") == {"x": found}


def test_offsets_of_a_childs_prematch_and_a_roots_regex(bench):
    b = bench(
        root("r", "<prematch>^a </prematch>"),
        child("r", '<prematch offset="after_parent">^b</prematch>'),
        root("s", "<prematch>^s </prematch>" + regex("(\\w)", "x", "after_prematch")),
    )
    assert b.run(b"a b").decoder.parent == b"r"
    assert b.run(b"a a b").decoder.parent is None
    assert b.fields(b"s t") == {"x": b"t"}


def test_a_chain_runs_every_member_and_skips_those_that_fail(bench):
    b = bench(
        root("r", "<prematch>^r </prematch>"),
        child("r", regex("a=(\\w)", "a")),
        child("r", regex("b=(\\w)", "b", "after_regex")),
        child("r", regex("c=(\\w)", "c", "after_regex")),
        child("r", regex("(z)", "z"), "other"),
    )
    assert b.fields(b"r a=1 b=2 c=3 z") == {"a": b"1", "b": b"2", "c": b"3"}
    assert b.fields(b"r a=1 c=3 b=2 z") == {"a": b"1", "b": b"2"}
    assert b.fields(b"r b=2 z") == {"b": b"2"}


def test_a_chain_whose_first_prematch_fails_is_skipped_with_the_member_after_it(bench):
    b = bench(
        root("r", "<prematch>^r </prematch>"),
        child("r", "<prematch>never</prematch>" + regex("(\\w)$", "x")),
        child("r", regex("(\\w)$", "y")),
        child("r", regex("(\\w)$", "z"), "other"),
    )
    assert b.fields(b"r q") == {"z": b"q"}
    b = bench(
        root("r", "<prematch>^r </prematch>"),
        child("r", "<prematch>never</prematch>" + regex("(\\w)$", "x")),
        child("r", regex("(\\w)$", "stranger"), "stranger"),
        child("r", regex("(\\w)$", "y")),
        child("r", regex("(\\w)$", "z"), "other"),
    )
    assert b.fields(b"r q") == {"y": b"q"}


def test_slots_keep_the_last_value_and_fields_are_appended(bench):
    b = bench(
        root("r", "<prematch>^r </prematch>"),
        child("r", regex("(\\w)=(\\w)", "user, k")),
        child("r", regex("(\\w)=(\\w)", "dstuser, K", "after_regex")),
    )
    event = b.run(b"r a=1 b=2")
    assert event.static == {"dstuser": b"b"}
    assert event.dynamic == [(b"k", b"1"), (b"K", b"2")]
    assert event.lookup == {b"k": b"1"}


def test_surplus_captures_are_dropped(bench):
    b = bench(root("r", "<prematch>^r </prematch>" + regex("(\\w)-(\\w)", "only")))
    assert b.fields(b"r a-b") == {"only": b"a"}


def test_a_pcre2_regex_without_groups_takes_what_was_captured_before(bench):
    b = bench(
        root("r", "<prematch>^r </prematch>"),
        child(
            "r",
            '<prematch type="pcre2">k=(\\w) l=(\\w)</prematch>' + regex("zz", "x,y", kind="pcre2"),
        ),
    )
    assert b.fields(b"r k=1 l=2 zz") == {"x": b"1", "y": b"2"}
    assert b.fields(b"r k=1 l=2") == {}
    assert b.state.captures == (b"1", b"2")
    b.run(b"something else")
    assert b.state.captures == ()


def test_after_an_empty_match_at_the_start_of_a_whole_line_nothing_is_left(bench):
    pattern = regex("(.*)$", "x", "after_prematch", "pcre2")
    b = bench(
        root("r", '<prematch type="pcre2">(?=start)</prematch>' + pattern),
        root("p", f'<program_name>p</program_name><prematch type="pcre2">^</prematch>{pattern}'),
    )
    assert b.fields(b"start here") == {"x": b""}
    assert b.fields(BSD + b"p[1]: start here") == {"x": b"start here"}
    assert b.fields(BSD + b"p:start here") == {"x": b""}


def test_json_is_read_from_where_the_plug_in_says(bench):
    plugin = '<plugin_decoder offset="{}">JSON_Decoder</plugin_decoder>'
    b = bench(
        root("j", "<prematch>^j: </prematch>" + plugin.format("after_prematch")),
        root("k", "<prematch>^k: </prematch>"),
        child("k", "<prematch>{</prematch>" + plugin.format("after_parent")),
        root("l", "<prematch>^l: </prematch>"),
        child("l", "<plugin_decoder>JSON_Decoder</plugin_decoder>"),
        root("w", '<prematch>^{"w"</prematch><plugin_decoder>JSON_Decoder</plugin_decoder>'),
    )
    assert b.fields(b'j: {"a":1}') == {"a": b"1"}
    assert b.fields(b'k: {"a":1}') == {"a": b"1"}
    assert b.fields(b'l: {"a":1}') == {}
    assert b.fields(b'{"w":1} x') == {"w": b"1"}


def test_json_options_are_those_of_the_events_decoder(bench):
    options = (
        "<json_null_field>discard</json_null_field><json_array_structure>csv</json_array_structure>"
    )
    json = "<plugin_decoder>JSON_Decoder</plugin_decoder>"
    b = bench(root("r", "<prematch>^{</prematch>" + options), child("r", json))
    assert b.fields(b'{"a":null,"b":[1,2]}') == {"b": b"1,2"}


def test_pf_gives_addresses_ports_action_and_protocol(bench):
    b = bench(
        root("pf", "<program_name>^pf$</program_name><plugin_decoder>PF_Decoder</plugin_decoder>")
    )
    line = BSD + b"pf: rule 1/0(match) %s on em0: %s"
    assert b.fields(line % (b"block in", b"10.0.0.1.137 > 10.0.0.2.138:  udp 50")) == {
        "action": b"block",
        "protocol": b"UDP",
        "srcip": b"10.0.0.1",
        "srcport": b"137",
        "dstip": b"10.0.0.2",
        "dstport": b"138",
    }
    assert b.fields(line % (b"pass out", b"10.0.0.1 > 10.0.0.2: icmp")) == {
        "action": b"pass",
        "protocol": b"ICMP",
        "srcip": b"10.0.0.1",
        "dstip": b"10.0.0.2",
    }
    assert b.fields(line % (b"pass out", b"10.0.0.1 < 10.0.0.2: x")) == {
        "action": b"pass",
        "srcip": b"10.0.0.1",
    }
    assert b.fields(line % (b"match out", b"10.0.0.1 > 10.0.0.2: x")) == {}
    assert b.fields(line % (b"pass out", b"10.0.0.1")) == {"action": b"pass"}
    assert b.fields(line % (b"pass out", b"10.0.0.1 > 10.0.0.2")) == {
        "action": b"pass",
        "srcip": b"10.0.0.1",
    }
    assert b.fields(BSD + b"pf: garbage") == {}


def test_symantec_gives_the_first_of_each_number(bench):
    b = bench(
        root("s", "<prematch>^\\d</prematch><plugin_decoder>SymantecWS_Decoder</plugin_decoder>")
    )
    assert b.fields(b"1,11=10.2.2.2,60=http://x/,10=u,10=v,2=27") == {
        "srcip": b"10.2.2.2",
        "url": b"http://x/",
        "dstuser": b"u",
        "id": b"2=27",
    }
    assert b.fields(b"1,2=3,10=user1,11=1.1.1.1") == {"id": b"2=3,10=us", "srcip": b"1.1.1.1"}
    assert b.fields(b"1") == {}


SONICWALL = b'id=firewall pri=6 c=%s m=%s msg="x" src=10.0.0.5:12:WAN dst=8.8.8.8:53:LAN %s'


@pytest.mark.parametrize(
    ("kind", "number", "rest", "expected"),
    [
        (b"1", b"98", b"proto=udp/dns", ("firewall", {"action": b"pass", "protocol": b"udp"})),
        (b"1", b"36", b"proto=longname", ("firewall", {"action": b"drop", "protocol": b"longna"})),
        (b"1", b"537", b"", ("firewall", {"action": b"close"})),
        (b"32", b"98", b"", ("ids", {})),
        (b"1", b"7", b"", ("syslog", {})),
        (b"1", b"97", b"result=404 dstname=h.x arg=/p", ("squid", {"id": b"404", "url": b"h.x/p"})),
        (b"1", b"97", b"nothing", ("squid", {})),
    ],
)
def test_sonicwall_decides_the_category_per_event(bench, kind, number, rest, expected):
    category, extra = expected
    b = bench(
        root("s", "<prematch>^id=</prematch><plugin_decoder>SonicWall_Decoder</plugin_decoder>")
    )
    event = b.run(SONICWALL % (kind, number, rest))
    addresses = {"srcip": b"10.0.0.5", "srcport": b"12", "dstip": b"8.8.8.8", "dstport": b"53"}
    assert event.static == {"status": b"6", "id": number, **addresses, **extra}
    assert event.category == category
    assert b.run(b"id=x").category == "syslog"


def test_sonicwall_keeps_what_it_has_when_addresses_are_missing(bench):
    b = bench(
        root("s", "<prematch>^id=</prematch><plugin_decoder>SonicWall_Decoder</plugin_decoder>")
    )
    event = b.run(b"id=x pri=6 c=32 m=98 src=unknown")
    assert (event.static, event.category) == ({"status": b"6", "id": b"98"}, "syslog")


ALERT = b"ossec: Alert Level: 5; Rule: %s - text; Location: (web) 1.2.3.4->/x; %sthe event"


def test_an_ossec_alert_names_rule_location_and_event(bench):
    b = bench(
        root(
            "o", "<prematch>^ossec: </prematch><plugin_decoder>OSSECAlert_Decoder</plugin_decoder>"
        )
    )
    event = b.run(ALERT % (b"5710", b"srcip: 5.6.7.8; user: root;  "), b"remote")
    assert (event.rule_id, event.category) == (b"5710", "ossec-alert")
    assert (event.log, event.full_log) == (b"the event", b"the event")
    assert event.location == event.hostname == b"remote|(web) 1.2.3.4->/x"
    assert event.static == {"srcip": b"5.6.7.8", "dstuser": b"root"}
    unknown = b.run(ALERT % (b"1", b" "))
    assert (unknown.rule_id, unknown.category, unknown.location) == (None, "ossec-alert", b"stdin")
    assert b.run(ALERT % (b"5710", b"open")).rule_id is None
    assert b.run(b"ossec: Alert Level: 5; Rule: 5710 - text; Place: x;").rule_id is None
    assert b.run(b"ossec: Alert Level: 5; Rule: 5710 - text; Location: x").rule_id is None
    assert b.run(b"ossec: Agent started").rule_id is None


@pytest.fixture
def accumulating(bench):
    return bench(
        root(
            "acc",
            "<program_name>^acc$</program_name><accumulate/>"
            + regex("(\\d+) u=(\\w*) s=(\\S*)$", "id, dstuser, srcip", kind="pcre2"),
        )
    )


def test_events_of_one_id_share_fields(accumulating):
    first = accumulating.run(BSD + b"acc: 7 u=bob s=")
    assert first.static == {"id": b"7", "dstuser": b"bob", "srcip": b""}
    second = accumulating.run(BSD + b"acc: 7 u= s=1.2.3.4", time=1001.0)
    assert second.static == {"id": b"7", "dstuser": b"bob", "srcip": b"1.2.3.4"}
    third = accumulating.run(BSD + b"acc: 7 u=eve s=", time=1002.0)
    assert third.static == {"id": b"7", "dstuser": b"eve", "srcip": b"1.2.3.4"}
    assert accumulating.run(BSD + b"acc: 7 u= s=", time=1003.0).static["dstuser"] == b"bob"


def test_what_is_shared_belongs_to_host_and_id_and_ends(accumulating):
    accumulating.run(BSD + b"acc: 7 u=bob s=")
    assert accumulating.run(BSD + b"acc: 8 u= s=").static["dstuser"] == b""
    other = BSD.replace(b"web", b"db") + b"acc: 7 u= s="
    assert accumulating.run(other).static["dstuser"] == b""
    assert accumulating.run(BSD + b"acc: 7 u= s=", time=1120.0).static["dstuser"] == b"bob"
    assert accumulating.run(BSD + b"acc: 7 u= s=", time=1241.0).static["dstuser"] == b""


@pytest.mark.parametrize(("size", "kept"), [(80, True), (81, False)])
def test_long_values_are_not_shared(accumulating, size, kept):
    user = b"x" * size
    accumulating.run(BSD + b"acc: 7 u=" + user + b" s=")
    found = accumulating.run(BSD + b"acc: 7 u= s=").static["dstuser"]
    assert found == (user if kept else b"")


@pytest.mark.parametrize(("size", "shared"), [(255, True), (256, False)])
def test_under_a_long_key_nothing_is_shared(accumulating, size, shared):
    number = b"1" * (size - len(b"web acc "))
    accumulating.run(BSD + b"acc: " + number + b" u=bob s=")
    found = accumulating.run(BSD + b"acc: " + number + b" u= s=").static["dstuser"]
    assert found == (b"bob" if shared else b"")


def test_an_event_without_host_is_the_managers(bench):
    b = bench(
        root(
            "acc",
            "<prematch>^acc </prematch><accumulate/>"
            + regex("(\\d+) u=(\\w*)$", "id, dstuser", kind="pcre2"),
        )
    )
    b.run(b"acc 7 u=bob")
    assert b.run(b"acc 7 u=").static["dstuser"] == b"bob"
    assert b.state.accumulator._stored.keys() == {b"manager acc 7"}


@pytest.mark.parametrize(("lent_at", "shared"), [(0.0, True), (1.0, False)])
def test_what_was_lent_in_second_0_does_not_end(accumulating, lent_at, shared):
    accumulating.run(BSD + b"acc: 7 u=bob s=", time=lent_at)
    found = accumulating.run(BSD + b"acc: 7 u= s=", time=500.0).static["dstuser"]
    assert found == (b"bob" if shared else b"")


def test_what_is_over_is_forgotten_every_200_events(accumulating):
    numbers = iter(range(1000))

    def lend(count, time):
        for _ in range(count):
            accumulating.run(BSD + b"acc: %d u=bob s=" % next(numbers), time=time)
        return len(accumulating.state.accumulator._stored)

    assert lend(100, time=1879.0) == 100
    assert lend(99, time=1880.0) == 199
    assert lend(1, time=2000.0) == 100
    assert lend(199, time=9000.0) == 299
    assert lend(1, time=9000.0) == 200


def test_an_event_without_id_shares_nothing(accumulating):
    event = accumulating.run(BSD + b"acc: none u=bob s=")
    assert event.decoder.accumulate
    assert event.static == {}


def test_a_regex_adds_nothing_to_256_fields(bench):
    members = ",".join(f'"f{number}":{number}' for number in range(256))
    b = bench(
        root("r", "<prematch>^{</prematch>"),
        child("r", "<plugin_decoder>JSON_Decoder</plugin_decoder>"),
        child("r", regex("(f1)", "srcip")),
    )
    event = b.run(f"{{{members}}}".encode())
    assert (len(event.dynamic), event.static) == (256, {})


def test_answers_for_program_names_are_forgotten_when_there_are_too_many(bench):
    b = bench(root("app", "<program_name>^app</program_name>"))
    names = [b.run(BSD + b"%d: x" % number).decoder.name for number in range(4100)]
    assert set(names) == {b"any-program"}
    assert b.run(BSD + b"app: x").decoder.name == b"app"
    assert len(b.state.index(b.decoders)._by_program) < 100


def seen(bench, message, location=b"stdin"):
    return bench.state.first_time_seen(bench.run(message, location))


def test_a_combination_is_new_once(bench):
    b = bench(
        root(
            "f",
            "<prematch>^f </prematch>"
            + regex("u=(\\w+) d=(\\w+) x=(\\w+)", "dyn, user, extra")
            + "<fts>dyn, user</fts>",
        ),
        root("g", "<prematch>^g </prematch>" + regex("(\\w+)$", "x") + "<fts>location</fts>"),
        root("h", "<prematch>^h </prematch>" + regex("(\\w+)$", "x")),
    )
    assert [seen(b, b"f u=a d=b x=1"), seen(b, b"f u=a d=b x=2"), seen(b, b"f u=a d=c x=1")] == [
        *(True, False, True)
    ]
    assert [seen(b, b"g a"), seen(b, b"g b"), seen(b, b"g b", b"elsewhere")] == [True, False, True]
    assert [seen(b, b"h a"), seen(b, b"f nothing"), seen(b, b"f nothing")] == [False, True, False]


def test_of_similar_intrusions_only_the_first_ones_are_new(bench):
    b = bench(
        root(
            "i",
            "<prematch>^i </prematch><type>ids</type>"
            + regex("(\\S+)$", "data")
            + "<fts>data</fts>",
        )
    )
    values = [b"i signature-%d-of-something" % number for number in range(6)]
    assert [seen(b, value) for value in values] == [True, True, True, True, False, False]
    assert seen(b, b"i x")


def output(bench, message):
    return output_data(bench.run(message))


@pytest.fixture
def json_bench(bench):
    return bench(root("j", "<prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder>"))


def test_output_nests_names_and_leaves_empty_fields_out(json_bench):
    found = output(json_bench, b'{"id":"","b":{"c":{"d":1},"e":""},"f.g":2,"srcip":"1.2.3.4"}')
    assert found == {"srcip": "1.2.3.4", "id": "", "b": {"c": {"d": "1"}}, "f": {"g": "2"}}
    assert list(found) == ["srcip", "id", "b", "f"]


def test_output_drops_what_finds_its_place_taken(json_bench):
    assert output(json_bench, b'{"a":1,"A":2,"a.b":3,"c":{"d":1},"C.D":2,"c.e":3,"c":4}') == {
        "a": "1",
        "c": {"d": "1", "e": "3"},
    }
    assert output(json_bench, b'{"srcip":"x","SRCIP":"y"}') == {"srcip": "x"}


def test_output_shows_texts_that_are_arrays_as_arrays(json_bench):
    text = b'{"a":[1.0,1e20,{"b":0.1,"b":null}],"c":"[1, 2]","d":"[1] ","e":"[x]","f":[1e999]}'
    assert output(json_bench, text) == {
        "a": [1, 1e20, {"b": None}],
        "c": [1, 2],
        "d": "[1] ",
        "e": "[x]",
        "f": [None],
    }


def test_output_of_deep_arrays_and_of_bytes_that_are_not_utf_8(json_bench):
    value = output(json_bench, b'{"a":"' + b"[" * 1000 + b"]" * 1000 + b'"}')["a"]
    depth = 0
    while value:
        (value,) = value
        depth += 1
    assert depth == 999
    assert output(json_bench, b'{"a":"\xff"}') == {"a": "\udcff"}
