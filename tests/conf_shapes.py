"""Files that ossec.conf can be: shapes by name, and strategies for any that Wazuh would read."""

from hypothesis import strategies as st

from wazuh_pack.install import ConfBlock

RULESET = b"""\
  <ruleset>
    <!-- Default ruleset -->
    <decoder_dir>ruleset/decoders</decoder_dir>
    <rule_dir>ruleset/rules</rule_dir>
    <list>etc/lists/audit-keys</list>

    <!-- User-defined ruleset -->
    <decoder_dir>etc/decoders</decoder_dir>
    <rule_dir>etc/rules</rule_dir>
  </ruleset>
"""
PLAIN = b"<ossec_config>\n" + RULESET + b"</ossec_config>\n"

SHAPES = {
    "plain": PLAIN,
    "empty": b"",
    "only a comment": b"<!-- nothing here -->",
    "no ruleset": b"<ossec_config>\n  <global>\n  </global>\n</ossec_config>\n",
    "two roots": PLAIN + b"<ossec_config><localfile>\n<location>/x</location></localfile>"
    b"</ossec_config>\n",
    "ruleset in the first of three roots": PLAIN + b"\n<ossec_config></ossec_config>" * 2,
    "two rulesets, lists in the first": PLAIN
    + b"<ossec_config><ruleset><rule_dir>etc/rules</rule_dir></ruleset></ossec_config>",
    "no newline at the end": PLAIN.rstrip(b"\n"),
    "many newlines at the end": PLAIN + b"\n\n\n",
    "trailing blanks": PLAIN + b"  \t",
    "CRLF": PLAIN.replace(b"\n", b"\r\n"),
    "CRLF without a last line end": PLAIN.replace(b"\n", b"\r\n").rstrip(),
    "mixed line ends": b"<!-- x -->\r\n" + PLAIN,
    "lone CR at the end": PLAIN.rstrip(b"\n") + b"\r",
    "byte-order mark": b"\xef\xbb\xbf" + PLAIN,
    "Latin-1": b"<!-- caf\xe9 -->\n" + PLAIN,
    "one line": PLAIN.replace(b"\n", b""),
    "tabs": PLAIN.replace(b"    ", b"\t\t").replace(b"  ", b"\t"),
    "entities": PLAIN.replace(b"<ruleset>", b"<x>a &amp;&lt; b &nope; & c</x>\n<ruleset>"),
    "double hyphens in a comment": b"<!-- a -- b --->\n" + PLAIN,
    "a comment in Wazuh's own style": b"<! old !>\n" + PLAIN,
    "a comment in a value": PLAIN.replace(b"audit-keys", b"audit-keys<!-- keep -->"),
    "a commented ruleset": PLAIN + b"<!--\n<ossec_config><ruleset></ruleset></ossec_config>\n-->\n",
    "an escaped bracket": PLAIN.replace(b"<ruleset>", b"<query>\\<Q> a</query><ruleset>"),
    "text between roots": PLAIN + b"stray text\n<ossec_config></ossec_config>\n",
    "attributes with brackets": PLAIN.replace(b"<rule_dir>", b'<rule_dir pattern="a>b">'),
    "comment before the closing tag": PLAIN.replace(b"  </ruleset>", b"<!-- end --></ruleset>"),
    "our list is the user's already": PLAIN.replace(
        b"<list>etc/lists/audit-keys", b"<list>etc/lists/wazuh-pack/admins"
    ),
}


# Property: any file of pieces that Wazuh's reader accepts.

_eol = st.sampled_from([b"\n", b"\r\n"])
_blank = st.sampled_from([b"", b" ", b"\n", b"\r\n", b"\n\n", b"\t", b"\r"])
_words = st.text(
    st.characters(codec="latin-1", exclude_characters="<>!-\\&", exclude_categories=("Cc",)),
    max_size=12,
).map(lambda text: text.encode("latin-1"))
_comment = st.one_of(
    _words.map(lambda w: b"<!-- " + w + b" -->"),
    _words.map(lambda w: b"<!--" + w + b" -- <x> & " + w + b"-->"),
    _words.map(lambda w: b"<! " + w + b"!>"),
)
_value = st.one_of(_words, st.sampled_from([b"&amp;", b"a & b", b"\\<x", b"&lt;", b"\\\\"]))
_leaf = st.tuples(_blank, _value).map(lambda t: t[0] + b"<a b='>'>" + t[1] + b"</a>")
_in_ruleset = st.one_of(
    _comment,
    _blank,
    st.just(b"<rule_dir>etc/rules</rule_dir>"),
    st.just(b"<list>etc/lists/x</list>"),
)
_ruleset = st.lists(_in_ruleset, max_size=5).map(
    lambda parts: b"<ruleset>" + b"".join(parts) + b"</ruleset>"
)
_section = st.one_of(_comment, _blank, _leaf, _ruleset)
_root = st.lists(_section, max_size=5).map(
    lambda parts: b"<ossec_config>" + b"".join(parts) + b"</ossec_config>"
)
confs = st.tuples(
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.one_of(_comment, _blank, _root, _words), max_size=6).map(b"".join),
).map(b"".join)
_element = st.sampled_from(
    [
        "<command><name>a</name><executable>a</executable></command>",
        "<localfile>\n\t<log_format>json</log_format>\n<location>/a</location>\n</localfile>",
        "<!-- a > b -->\n   <socket>\n     <name>\u20ac & x</name>\n   </socket>  ",
    ]
)
blocks = st.builds(
    ConfBlock,
    version=st.sampled_from(["0.1.0", "2"]),
    elements=st.lists(_element, max_size=3).map(tuple),
    lists=st.lists(st.sampled_from(["etc/lists/x", "etc/lists/y"]), max_size=2).map(tuple),
)
