"""How the API is talked to: TLS, tokens, limits, lost answers."""

import pytest
from fake import PASSWORD, USER, Fault

from wazuh_pack.deploy import Api, Credentials, from_environment, from_file
from wazuh_pack.errors import ApiRefusedError, DeployError, UnreachableError


def test_only_an_address_with_tls_and_nothing_else_in_it_is_taken():
    urls = ["http://127.0.0.1:55000", "127.0.0.1:55000", "https://", "ftp://x"]
    urls += [f"https://{host}" for host in ("localhost:99999", "x:y", "x:0", "*.x:1", "[::1")]
    for url in urls:
        with pytest.raises(DeployError, match="no https"):
            Api(url, Credentials(USER, PASSWORD))
    with pytest.raises(DeployError, match="more than host and port") as caught:
        Api(f"https://{USER}:{PASSWORD}@manager:55000", Credentials(USER, PASSWORD))
    assert PASSWORD not in str(caught.value)


def test_a_certificate_of_an_unknown_authority_is_refused_and_nothing_is_sent(site):
    api = site.api(ca=None)

    with pytest.raises(DeployError, match="not trusted") as caught:
        api.call("GET", "/")
    assert "--ca" in caught.value.hint
    assert site.fake.requests == []


def test_a_certificate_for_another_name_is_refused_and_nothing_is_sent(site):
    api = site.api(url=site.url.replace("127.0.0.1", "localhost"))

    with pytest.raises(DeployError, match=r"not trusted: .*localhost"):
        api.call("GET", "/")
    assert site.fake.requests == []


def test_variables_that_would_loosen_trust_are_not_looked_at(site, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(site.ca))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(site.ca))

    with pytest.raises(DeployError, match="not trusted"):
        site.api(ca=None).call("GET", "/")


def test_a_certificate_file_that_is_missing_is_said_so(site, tmp_path):
    with pytest.raises(DeployError, match="is no file"):
        site.api(ca=tmp_path / "absent.pem")


def test_a_token_is_asked_for_once(site):
    api = site.api()
    for _ in range(3):
        api.call("GET", "/")

    assert site.fake.logins == 1


def test_a_token_is_renewed_before_it_expires(site):
    api = site.api()
    api.call("GET", "/")
    site.clock.time += 841

    api.call("GET", "/")

    assert site.fake.logins == 2
    assert len([line for line in site.fake.requests if line == "GET /"]) == 2


def test_a_token_that_the_api_forgot_is_renewed_once(site):
    api = site.api()
    api.call("GET", "/")
    site.fake.tokens.clear()

    assert api.call("PUT", "/manager/restart", idempotent=False).status == 202
    assert site.fake.logins == 2


def test_a_user_who_is_refused_is_not_tried_again(site):
    api = site.api(credentials=Credentials(USER, "wrong"))

    with pytest.raises(ApiRefusedError) as caught:
        api.call("GET", "/")
    assert caught.value.status == 401
    assert caught.value.hint == "check the API user and password"
    assert site.fake.requests == ["POST /security/user/authenticate"]
    assert "wrong" not in str(caught.value)


def test_no_more_than_300_requests_a_minute_are_sent(site):
    api = site.api()
    for _ in range(299):
        api.call("GET", "/")
    assert site.clock.slept == []

    api.call("GET", "/")

    assert site.clock.slept == [60.0]


def test_too_many_requests_wait_for_the_next_minute(site):
    site.fake.faults = [Fault("PUT /manager/restart", 429)]

    api = site.api()
    api.call("PUT", "/manager/restart", idempotent=False)

    assert site.clock.slept == [60.0]
    assert site.fake.restarts == {"manager": 1}


def test_an_api_that_always_has_too_many_requests_is_given_up(site):
    site.fake.faults = [Fault("GET /", 429, times=99)]

    with pytest.raises(DeployError, match="too many requests"):
        site.api().call("GET", "/")
    assert site.clock.slept == [60.0, 60.0, 60.0]


@pytest.mark.parametrize("status", [0, 500, 503])
def test_what_is_idempotent_is_tried_again_with_growing_pauses(site, status):
    site.fake.faults = [Fault("GET /$", status, times=3)]

    assert site.api().call("GET", "/").status == 200
    assert site.clock.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("status", [0, 500, 503])
def test_what_is_not_idempotent_is_sent_once(site, status):
    site.fake.faults = [Fault("PUT /manager/restart", status, times=9, done=True)]

    with pytest.raises(UnreachableError):
        site.api().call("PUT", "/manager/restart", idempotent=False)
    assert site.fake.restarts == {"manager": 1}


def test_an_api_that_never_answers_is_given_up(site):
    site.fake.faults = [Fault(".", times=99)]

    with pytest.raises(UnreachableError, match="no answer from"):
        site.api().call("GET", "/")
    assert site.clock.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_redirect_is_not_followed(site):
    site.fake.spec = None
    site.fake.faults = [Fault("GET /$", 302)]

    with pytest.raises(DeployError, match="sent us elsewhere"):
        site.api().call("GET", "/")


def test_a_refusal_carries_the_apis_words_and_status(site):
    site.fake.faults = [Fault("GET /$", 403)]

    with pytest.raises(ApiRefusedError, match=r"GET /: made to fail") as caught:
        site.api().call("GET", "/")
    assert caught.value.status == 403


def credentials_file(tmp_path, mode=0o600, text=""):
    path = tmp_path / "api.env"
    path.write_text(text or f"# the API's user\nWAZUH_API_USER={USER}\nWAZUH_API_PASSWORD=a=b c \n")
    path.chmod(mode)
    return path


def test_credentials_come_from_a_private_file(tmp_path):
    found = from_file(credentials_file(tmp_path))

    assert (found.user, found.password) == (USER, "a=b c")
    assert "a=b c" not in repr(found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_credentials_that_others_may_use_are_refused(tmp_path, mode):
    path = credentials_file(tmp_path, mode)

    with pytest.raises(DeployError, match=f"mode {mode:04o}") as caught:
        from_file(path)
    assert caught.value.hint == f"chmod 0600 {path}"


def test_credentials_are_not_read_through_a_link_or_from_a_device(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(credentials_file(tmp_path))

    with pytest.raises(DeployError, match="cannot read"):
        from_file(link)
    with pytest.raises(DeployError, match="not a plain file"):
        from_file(tmp_path)


def test_what_is_missing_from_credentials_is_named(tmp_path):
    with pytest.raises(DeployError, match="has no WAZUH_API_PASSWORD"):
        from_file(credentials_file(tmp_path, text="WAZUH_API_USER=x\n"))
    with pytest.raises(DeployError, match="the environment has no WAZUH_API_USER"):
        from_environment({"WAZUH_API_PASSWORD": "x"})
    assert from_environment({"WAZUH_API_USER": "u", "WAZUH_API_PASSWORD": "p"}).user == "u"
