"""What holds for every reader, and what a new one has to bring along."""

import json
import os
import random
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wazuh_pack.reports import reader as readers
from wazuh_pack.reports.findings import SCANNERS, SEVERITIES, Artifact, Finding
from wazuh_pack.reports.registry import ALL, BY_NAME, open_report
from wazuh_pack.reports.report import ReportError, ReportFile

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((Path(__file__).parent / "samples").iterdir())
# What cosign printed and what somebody merely downloaded look the same: only the user knows.
TWO_WAYS = {"cosign-attestation.jsonl": "in-toto"}
TEXT_FIELDS = [item.name for item in fields(Finding) if item.type in {str, "str"}]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def chance(seed):
    return random.Random(seed)  # noqa: S311 - chance that repeats


def owner(sample):
    """Return the reader that a sample is named after."""
    return max(
        (reader for reader in ALL if sample.name.startswith(reader.NAME)),
        key=lambda reader: len(reader.NAME),
    )


def read(path, tool):
    reader, report = open_report(ReportFile(path), tool)
    with report:
        return reader, report.head, list(report.findings())


def said(path, tool):
    """Return what a report says, whatever its bytes are."""
    _, head, findings = read(path, tool)
    return replace(head, body=""), findings


def check(reader, findings):
    for finding in findings:
        assert finding.scanner in reader.SCANNERS
        assert finding.severity in SEVERITIES
        assert finding.finding_id
        assert all(isinstance(getattr(finding, name), str) for name in TEXT_FIELDS)
        assert 0 <= finding.line < 2**31
        assert 0 <= float(finding.cvss or 0) <= 10
        assert len(finding.key(Artifact("a", "b"), "t")) == 16


@pytest.mark.parametrize("reader", ALL, ids=lambda reader: reader.NAME)
def test_a_reader_brings_a_sample_tests_and_a_row_in_the_reference(reader):
    module = Path(reader.__file__)
    reference = (ROOT / "docs/reference/reports.md").read_text(encoding="utf-8")

    assert any(owner(sample) is reader for sample in SAMPLES), (
        f"write a small made-up report to tests/reports/samples/{reader.NAME}.json"
    )
    assert (Path(__file__).parent / f"test_{module.stem}.py").is_file(), (
        f"write tests/reports/test_{module.stem}.py"
    )
    assert f"| `{reader.NAME}` |" in reference, "add a row to docs/reference/reports.md"
    assert set(reader.SCANNERS) <= set(SCANNERS)


def test_every_module_that_has_a_reader_s_members_is_registered():
    folder = ROOT / "wazuh_pack/reports"
    looks_like_one = {
        path.stem
        for path in folder.glob("*.py")
        if "\ndef recognise(sketch: Sketch)" in path.read_text()
    } - {"registry"}

    assert looks_like_one == {Path(reader.__file__).stem for reader in ALL}
    assert len(BY_NAME) == len(ALL)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_recognised_and_read(sample):
    reader, _, findings = read(sample, "auto")
    _, _, named = read(sample, owner(sample).NAME)

    assert TWO_WAYS.get(sample.name, owner(sample).NAME) == reader.NAME
    check(reader, findings)
    if reader is owner(sample):
        assert named == findings


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_nothing_that_may_be_secret_is_read(sample):
    """Every field that must never be read holds ``canary-`` in the samples."""
    for tool in {"auto", owner(sample).NAME}:
        _, head, findings = read(sample, tool)

        # TruffleHog's error is the reason for a state, and never shown.
        assert "canary-" not in repr((head, findings))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_every_other_reader_refuses_it_and_says_whose_it_is(sample):
    mine = owner(sample)
    for reader in ALL:
        if reader is mine or {reader.NAME, mine.NAME} <= {"cosign", "in-toto"}:
            continue
        with pytest.raises(ReportError) as caught:
            read(sample, reader.NAME)

        named = TWO_WAYS.get(sample.name, mine.NAME)
        assert f"--tool {named}" in str(caught.value), reader.NAME


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_report_that_is_cut_off_is_refused_or_incomplete(sample, tmp_path):
    content = sample.read_bytes().rstrip()
    _, _, whole = read(sample, owner(sample).NAME)
    cut = tmp_path / "cut"
    for size in chance(7).sample(range(1, len(content)), 60):
        cut.write_bytes(content[:size])
        try:
            _, head, findings = read(cut, owner(sample).NAME)
        except ReportError:
            continue

        assert sample.suffix in (".jsonl", ".log", ".txt")
        # By lines, a report may end anywhere, but half a line is noticed. Of a log, the audit
        # before the last one may be what is left.
        if sample.suffix == ".jsonl":
            assert set(findings) <= set(whole) or head.problems


def reordered(value, luck):
    """Return JSON with the members of every object in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        luck.shuffle(items)
        return {key: reordered(item, luck) for key, item in items}
    return [reordered(item, luck) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "sample", [path for path in SAMPLES if path.suffix == ".json"], ids=lambda path: path.name
)
def test_the_order_of_members_does_not_matter(sample, tmp_path):
    document = json.loads(sample.read_text(encoding="utf-8"))
    path = tmp_path / "report"
    whole = said(sample, owner(sample).NAME)
    for seed in range(5):
        path.write_text(json.dumps(reordered(document, chance(seed))), encoding="utf-8")

        assert said(path, owner(sample).NAME) == whole


def with_more(value):
    """Return JSON with a member more in every object, as a later version of the tool may have."""
    if isinstance(value, dict):
        return {
            **{key: with_more(item) for key, item in value.items()},
            "zzLater": {"a": [1, None]},
        }
    return [with_more(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "sample", [path for path in SAMPLES if path.suffix == ".json"], ids=lambda path: path.name
)
def test_unknown_members_are_ignored(sample, tmp_path):
    document = json.loads(sample.read_text(encoding="utf-8"))
    path = tmp_path / "report"
    path.write_text(json.dumps(with_more(document)), encoding="utf-8")

    assert said(path, owner(sample).NAME) == said(sample, owner(sample).NAME)


@FEW
@given(document=ANY_JSON)
def test_any_json_is_refused_or_read_but_never_more(tmp_path, document):
    path = tmp_path / "report"
    path.write_text(json.dumps(document), encoding="utf-8")
    for reader in ALL:
        try:
            _, _, findings = read(path, reader.NAME)
        except ReportError:
            continue
        check(reader, findings)


@FEW
@given(content=st.binary(min_size=1, max_size=200))
def test_any_bytes_are_refused_or_read_but_never_more(tmp_path, content):
    path = tmp_path / "report"
    path.write_bytes(content)
    for reader in ALL:
        try:
            _, _, findings = read(path, reader.NAME)
        except ReportError:
            continue
        check(reader, findings)


def nodes(value, path=()):
    """Yield the path of every value in a document."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from nodes(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nodes(item, (*path, index))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize(
    "sample", [path for path in SAMPLES if path.suffix in (".json", ".jsonl")], ids=lambda p: p.name
)
@FEW
@given(data=st.data())
def test_a_report_with_any_value_replaced_is_refused_or_read(tmp_path, sample, data):
    documents = (
        [json.loads(line) for line in sample.read_text("utf-8").splitlines()]
        if (sample.suffix == ".jsonl")
        else [json.loads(sample.read_text("utf-8"))]
    )
    index = data.draw(st.integers(0, len(documents) - 1))
    where = data.draw(st.sampled_from(list(nodes(documents[index]))))
    documents[index] = replaced(documents[index], where, data.draw(ANY_JSON))
    path = tmp_path / "report"
    path.write_text("\n".join(map(json.dumps, documents)) + "\n", encoding="utf-8")
    try:
        reader, _, findings = read(path, owner(sample).NAME)
    except ReportError:
        return
    check(reader, findings)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "an empty list tells nothing of its tool"),
        ("null", "an empty list tells nothing of its tool"),
        ("apiVersion: v1\nkind: List\n", "this is YAML"),
        ("hello", "no known report but text"),
        ("<html></html>", "XML with the root <html>"),
        ('{"@context": "https://openvex.dev/ns"}', "a JSON object with @context"),
    ],
)
def test_what_nobody_knows_is_described(files, content, words):
    with pytest.raises(ReportError, match=words):
        files.read(content)


@pytest.mark.parametrize("tool", ["gitleaks", "conftest", "zizmor", "nuclei"])
@pytest.mark.parametrize("content", ["[]", "null", "[ ]\n"])
def test_an_empty_list_of_a_tool_that_is_named_has_no_findings(files, tool, content):
    _, head, findings = files.read(content, tool)

    assert findings == []
    assert head.problems == ()


@pytest.mark.parametrize("tool", ["nuclei", "trufflehog"])
@pytest.mark.parametrize("content", ["", "\n"])
def test_a_named_tool_that_writes_a_line_a_finding_writes_none_when_there_is_none(
    files, tool, content
):
    reader, head, findings = files.read(content, tool)

    assert (reader.NAME, head.problems, findings) == (tool, (), [])


@pytest.mark.parametrize("tool", ["auto", *sorted(BY_NAME.keys() - {"nuclei", "trufflehog"})])
def test_any_other_empty_file_is_refused(files, tool):
    with pytest.raises(ReportError, match="the file is empty"):
        files.read("", tool)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_deeply_nested_document_is_refused(tmp_path, sample):
    path = tmp_path / "report"
    for opening, closing in (('{"a":', "}"), ("[", "]")):
        path.write_text(opening * 200_000 + "1" + closing * 200_000, encoding="utf-8")

        with pytest.raises(ReportError):
            read(path, owner(sample).NAME)


def test_a_record_that_is_too_long_is_refused(files):
    matches = files.sample("grype.json")
    matches["matches"][0]["vulnerability"]["description"] = "x" * (4 * readers.MAX_RECORD)

    with pytest.raises(ReportError, match="longer than"):
        files.read(matches, "grype")


def test_records_that_are_not_the_tool_s_make_a_report_incomplete(files):
    matches = files.sample("grype.json")
    matches["matches"].append({"something": "else"})

    _, head, findings = files.read(matches)

    assert head.problems == ("1 of 3 records are not Grype JSON report records",)
    assert len(findings) == 2


def test_a_file_that_is_no_plain_file_is_refused(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(ReportError, match="not a regular file"):
        ReportFile(pipe)
