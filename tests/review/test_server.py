"""Who is let in, what is refused, and what a saved form does: asked of a server that listens."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx
import pytest

from harness.report import write_report


def fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="(.*?)">', page))


def save(client: httpx.Client, address: str, **typed: str) -> httpx.Response:
    form = {"points": "2", "reason": "Well explained.", "author": "Bo Example", **typed}
    return client.post(address, data={**fields(client.get(address).text), **form})


@pytest.fixture
def address(served):
    item = next(item for item in served.queue.items() if item.criterion == "needs_person" and item.group == "group2")
    return f"/item/{item.id}"


def test_a_link_lets_in_one_browser_and_the_next_one_another(served):
    first, stranger = served.person(), served.stranger()
    assert first.get("/").status_code == 200
    assert stranger.get(served.links[0]).status_code == 403
    assert stranger.get("/").status_code == 403
    assert len(served.links) == 2
    assert served.person().get("/").status_code == 200


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(served):
    cookie = served.stranger().get(served.links[-1]).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert str(served.port) in cookie.split("=")[0]


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "127.0.0.1"}, {"Host": "evil.example:PORT"},
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://127.0.0.1:PORT"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Cookie": "harness-review-PORT=guess"},
])
def test_what_comes_from_elsewhere_is_refused_and_changes_nothing(served, address, headers):
    person = served.person()
    form = {**fields(person.get(address).text), "points": "2", "reason": "r", "author": "a"}
    if "Cookie" in headers:
        person.cookies.clear()
    told = {name: value.replace("PORT", str(served.port)) for name, value in headers.items()}
    assert person.post(address, data=form, headers=told).status_code == 403
    assert served.shelf.given == []


def test_a_form_without_an_origin_is_refused(served, address):
    person = served.person()
    form = fields(person.get(address).text)
    del person.headers["Origin"]
    assert person.post(address, data=form).status_code == 403


def test_every_answer_forbids_what_is_not_its_own(served, address):
    person = served.person()
    for path in ("/", address, "/nothing", served.links[0]):
        headers = person.get(path).headers
        policy = dict(rule.strip().split(" ", 1) for rule in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"].startswith("'sha256-")
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_a_saved_form_is_kept_at_once_and_leads_to_the_next_that_waits(served, address):
    person = served.person()
    answer = save(person, f"{address}?{urlencode({'criterion': 'summer23/needs_person'})}", points="1,5")
    assert answer.status_code == 303
    ((key, mark),) = served.shelf.given
    assert key == ("group2", "summer23", "needs_person")
    assert (mark.points, mark.reason, mark.author) == (1.5, "Well explained.", "Bo Example")
    following = person.get(answer.headers["location"]).text
    assert "<bdi>group3</bdi></h1>" in following
    assert "<b>1</b> of 3 done" in following
    assert 'data-reason="Well explained."' in following, "the reason is offered again"


def test_what_was_just_marked_can_be_gone_back_to(served):
    person = served.person()
    first, second, _ = [item.id for item in served.queue.items() if item.criterion == "needs_person"]
    part = "criterion=summer23%2Fneeds_person&state=todo"
    following = save(person, f"/item/{first}?{part}").headers["location"]
    assert following == f"/item/{second}?{part}"
    page = person.get(following).text
    assert f'href="/item/{first}?{part.replace("&", "&amp;")}" data-key="k"' in page
    assert "<b>1</b> of 3 done" in page


def test_after_the_last_the_queue_follows(served):
    person = served.person()
    ids = [item.id for item in served.queue.items() if item.criterion == "needs_person"]
    answers = [save(person, f"/item/{name}?criterion=summer23%2Fneeds_person") for name in ids]
    assert answers[-1].headers["location"] == "/?criterion=summer23%2Fneeds_person"


@pytest.mark.parametrize(("typed", "says"), [
    ({"points": "4"}, "there are 0 to 3 points"), ({"points": "-1"}, "there are 0 to 3 points"),
    ({"points": "many"}, "is no number of points"), ({"points": "nan"}, "is no number of points"),
    ({"points": "1e999999999"}, "is no number of points"), ({"reason": " "}, "say why"),
    ({"author": ""}, "say who"),
])
def test_a_wrong_form_is_shown_again_with_what_was_typed(served, address, typed, says):
    answer = save(served.person(), address, **typed)
    assert answer.status_code == 422
    assert says in answer.text
    assert served.shelf.given == []
    if "points" in typed:
        assert "Well explained.</textarea>" in answer.text


def test_a_mark_given_meanwhile_is_shown_and_not_overwritten(served, address):
    ada, bo = served.person(), served.person()
    seen = fields(ada.get(address).text)
    assert save(bo, address, points="3", reason="I was first.").status_code == 303
    late = ada.post(address, data={**seen, "points": "0", "reason": "My own words.", "author": "Ada"})
    assert late.status_code == 409
    assert "I was first." in late.text
    assert "My own words.</textarea>" in late.text
    assert [mark.points for _, mark in served.shelf.given] == [3]
    knowing = ada.post(address, data={**fields(late.text), "points": "1", "reason": "After talking.", "author": "Ada"})
    assert knowing.status_code == 303
    assert [mark.points for _, mark in served.shelf.given] == [3, 1]


def test_of_many_who_save_at_the_same_moment_one_is_kept(served, address):
    people = [served.person() for _ in range(6)]
    forms = [{**fields(one.get(address).text), "points": str(index % 4), "reason": "r", "author": "a"}
             for index, one in enumerate(people)]
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda one, form: one.post(address, data=form).status_code, people, forms))
    assert sorted(codes) == [303, *[409] * 5]
    assert len(served.shelf.given) == 1


def test_a_grade_made_anew_while_somebody_types_is_told(served, address, reports, complete):
    person = served.person()
    seen = fields(person.get(address).text)
    parts = [
        part.model_copy(update={"criteria": [
            one.model_copy(update={"evidence": "another page"}) for one in part.criteria]})
        for part in complete.marks.parts]
    write_report(complete.model_copy(update={
        "group": "group2", "marks": complete.marks.model_copy(update={"parts": parts})}), reports)
    late = person.post(address, data={**seen, "points": "1", "reason": "r", "author": "a"})
    assert late.status_code == 409
    assert "graded again meanwhile" in late.text
    assert served.shelf.given == []


def test_a_form_that_is_too_large_is_refused(served, address):
    assert save(served.person(), address, reason="x" * 100_000).status_code == 413


def test_what_is_not_there_is_said(served):
    person = served.person()
    assert person.get("/item/0123456789ab").status_code == 404
    assert person.get("/nothing").status_code == 404
    assert person.get("/report/0123456789ab").status_code == 404
    assert person.post("/").status_code == 404


def test_evidence_comes_from_the_templates_of_the_report(served):
    person, items = served.person(), {item.criterion: item.id for item in served.queue.items()}
    measured = person.get(f"/item/{items['reconstruction']}").text
    assert 'id="model-1-reconstruction"' in measured
    assert 'id="model-1-clusters"' not in measured
    assert 'id="hand-in"' not in measured
    judged = person.get(f"/item/{items['needs_person']}").text
    assert 'id="hand-in"' in judged
    assert 'id="model-1-clusters"' in judged
    assert "<script>alert(1)</script>" not in judged
    whole = person.get(f"/report/{items['needs_person']}")
    assert 'id="provenance"' in whole.text


def test_without_names_neither_group_nor_members_are_told(serve):
    served = serve(anonymous=True)
    person = served.person()
    told = [person.get("/").text, *(person.get(f"/item/{item.id}").text for item in served.queue.items()[:4])]
    for page in told:
        assert "Ada Example," not in page
        assert not re.search(r">group\d+<", page)
        assert "Hand-in " in page
    assert person.get(f"/report/{served.queue.items()[0].id}").status_code == 404
