"""TruffleHog's reports."""


def test_what_was_verified_is_worst(files, samples):
    _, head, findings = files.read(samples / "trufflehog.jsonl")

    assert head.artifact.name == "https://git.example.org/shop/web"
    assert [(item.finding_id, item.status, item.severity) for item in findings] == [
        ("AWS", "verified", "critical"),
        ("Slack", "unverified", "medium"),
        ("Github", "unknown", "high"),
    ]
    assert {(item.path, item.line, item.category) for item in findings} == {
        ("conf/aws.tf", 4, "git")
    }


def test_half_a_line_makes_the_report_incomplete(files, samples):
    content = (samples / "trufflehog.jsonl").read_text(encoding="utf-8")

    _, head, findings = files.read(content[:-100])

    assert len(findings) == 2
    assert head.problems == ("1 of 3 records are not TruffleHog JSON lines report records",)


def test_recorded_reports(files, recorded):
    _, head, findings = files.read(recorded / "trufflehog/v3_git.json")

    assert [item.finding_id for item in findings] == ["AWS", "URI", "PrivateKey", "URI"]
    assert "admin" not in repr((head, findings))
    assert "AKIA" not in repr((head, findings))
