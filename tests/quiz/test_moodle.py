"""To Moodle and back: GIFT and Moodle XML."""

from __future__ import annotations

from fractions import Fraction
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness import documents
from harness.errors import UserError
from harness.quiz import Key, KeyEntry, Question, Scheme, Sheet, Statement, load_key, load_sheet
from harness.quiz.moodle import (
    WEIGHTS,
    adopt,
    heading,
    items,
    read_gift,
    read_questions,
    read_xml,
    remarks,
    write_gift,
    write_xml,
)

# Every construct of the format's documentation, in words of our own.
SAMPLE = r"""
// a comment, and the labels of a question  [id:7] [tag:sky] [tag:a \] bracket]
The sky is green.{F}

::Snow::Snow is white.{TRUE}

::Rain:: [html]<p>Rain is <b>wet</b> &amp; cold.</p>{T#No\: look outside.#Yes, it is.####Water is wet.}

$CATEGORY: $course$/top/weather/2. Wind \\ storm

Storms
// a comment within
 are loud.{ FALSE # wrong \= not right }

::choice::Fog is thin.{
    ~%-50%Yes#Look again.
    =No#Right.
    ~Abstain
}

Which is warm?{~ice =fire ~snow#cold}

Two plus {=two =2} is four.

What is pi? {#3.14:0.01}

Match. {=a -> b =c -> d}

Say what you think.{}

Only a text, without a question.
"""


def found():
    return read_gift(SAMPLE, "sample.gift")


def test_every_kind_of_question_in_the_documentation_is_told_apart():
    assert [one.kind for one in found()] == [
        "true-false", "true-false", "true-false", "true-false", "choice", "choice", "short answer", "numerical",
        "matching", "essay", "description",
    ]


def test_names_texts_feedback_labels_and_categories_are_read():
    sky, snow, rain, storm, *_ = found()
    assert (sky.text, sky.tags, sky.line) == ("The sky is green.", ("sky", "a ] bracket"), 2)
    assert (snow.name, snow.text, snow.category) == ("Snow", "Snow is white.", ())
    assert (rain.name, rain.text, rain.feedback) == ("Rain", "Rain is wet & cold.", "Water is wet.")
    assert [(one.text, one.weight, one.feedback) for one in rain.options] == [
        ("True", 1, "Yes, it is."), ("False", 0, "No: look outside.")]
    assert (storm.text, storm.category) == ("Storms\n are loud.", ("weather", r"2. Wind \\ storm"))
    assert [(one.text, one.weight, one.feedback) for one in storm.options] == [
        ("True", 0, "wrong = not right"), ("False", 1, "")]


def test_weights_of_a_choice_are_read():
    choice = found()[4]
    assert [(one.text, one.weight, one.feedback) for one in choice.options] == [
        ("Yes", Fraction(-1, 2), "Look again."), ("No", 1, "Right."), ("Abstain", 0, "")]


def test_answers_within_a_sentence_leave_a_gap():
    assert found()[6].text == "Two plus _____ is four."


@pytest.mark.parametrize("text", ["A {TRUE", "A TRUE}", "A }{", "A {TRUE\n\n}"])
def test_a_brace_without_its_partner_is_named_with_its_line(text):
    with pytest.raises(UserError, match=r"x\.gift, line 3: a brace without its partner"):
        read_gift(f"// one\n\n{text}", "x.gift")


# --- import


def test_true_false_questions_become_sheet_and_key_and_the_rest_is_listed():
    adopted = adopt([one for one in found() if one.kind != "choice"], quiz="weather", title="Weather")
    sheet, key = adopted.sheet, adopted.key
    assert [one.text for one in sheet.statements] == [
        "The sky is green.", "Snow is white.", "Rain is wet & cold.", "Storms are loud."]
    assert [entry.answer for entry in key.answers.values()] == ["no", "yes", "yes", "no"]
    assert [entry.why for entry in key.answers.values()] == [
        "The file gave no reason.", "The file gave no reason.", "Water is wet.", "wrong = not right"]
    assert (sheet.points, sheet.scheme.wrong) == (4, 0)
    assert len(adopted.left_out) == 5
    assert "line 23" in adopted.left_out[0]
    assert "short answer questions are not taken" in adopted.left_out[0]


@pytest.mark.parametrize(("question", "reason"), [
    ("A?{~a =b}", "not yes and no"), ("A?{=Yes ~%100%No}", "not exactly one"), ("A?{=Yes ~%50%No}", "gives points"),
    ("A?{=Yes ~No ~%20%Abstain}", "gives points"), ("A?{=Yes ~No ~Nein}", "each once"), ("{T}", "no text"),
    ("A?{~%100%Yes ~%50%No}", "gives points"),
])
def test_a_question_that_is_no_statement_is_left_out_with_the_reason(question, reason):
    adopted = adopt(read_gift(f"Water is wet.{{T}}\n\n{question}", "x"), quiz="q")
    assert len(adopted.key.answers) == 1
    assert reason in adopted.left_out[0]


def test_names_that_make_no_ids_are_replaced_by_numbers():
    adopted = adopt(read_gift("::A long name with spaces::One.{T}\n\n::b::Two.{F}\n\n::B::Three.{F}", "x"), quiz="q")
    assert list(adopted.key.answers) == ["1", "2", "3"]


def test_files_without_statements_or_with_several_schemes_are_refused():
    with pytest.raises(UserError, match="no true/false question"):
        adopt(read_gift("A?{}", "x"), quiz="q")
    with pytest.raises(UserError, match=r"different shares \(-1, -1/2\)"):
        adopt(read_gift("A.{=Yes ~%-50%No}\n\nB.{=Yes ~%-100%No}", "x"), quiz="q")


# --- there and back


text = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"], blacklist_characters="\ue000"), max_size=30)


titles = st.sampled_from(["Plain", "A/B: {x} = ~ # \\ y", "1. Numbered"])
topics = st.sampled_from([(), ("vae",), ("a ] b", "c\\d")])


def words(value: str) -> str:
    """What is left of a text in a file of lines: single spaces, and nothing that does more than show."""
    return " ".join(documents.harmless(value).split())


@st.composite
def papers(draw):
    weight = draw(st.sampled_from([Fraction(0), Fraction(-1), Fraction(-1, 3), Fraction(-1, 2), Fraction(-5, 6)]))
    count = draw(st.integers(1, 3))
    statement = text.map(words).filter(lambda value: value and not value.startswith("["))
    entries = {
        f"{place}a": KeyEntry(
            answer=draw(st.sampled_from(["yes", "no"])), why=draw(statement), contested=draw(st.booleans()))
        for place in range(count)}
    sheet = Sheet(quiz="law", title="law", points=count, scheme=Scheme(wrong=weight), questions=tuple(
        Question(id=str(place), title=draw(titles), statements=(
            Statement(id=one, text=draw(statement), topics=draw(topics)),))
        for place, one in enumerate(entries)))
    return sheet, Key(quiz="law", answers=entries)


@given(papers())
def test_gift_reads_back_as_the_same_sheet_and_key(paper):
    sheet, key = paper
    back = adopt(read_gift(write_gift(items(sheet, key), remarks=["a remark"]), "x"), quiz="law")
    assert (back.sheet, back.key, back.left_out) == (sheet, key, ())
    assert Sheet.model_validate(yaml.safe_load(back.sheet_yaml())) == sheet
    assert documents.loads(back.key_yaml(), "key.yaml", Key) == key


@given(papers())
def test_moodle_xml_says_the_same_as_gift(paper):
    sheet, key = paper
    questions = items(sheet, key)
    root = ElementTree.fromstring(write_xml(questions, remarks=["a -- remark"]).encode())
    gift = read_gift(write_gift(questions), "x")
    xml = [one for one in root.findall("question") if one.get("type") != "category"]
    assert [(one.findtext("name/text"), words(one.findtext("questiontext/text"))) for one in xml] == [
        (one.name, one.text) for one in gift]
    for ours, theirs in zip(gift, xml, strict=True):
        assert theirs.get("type") == {"choice": "multichoice", "true-false": "truefalse"}[ours.kind]
        assert [
            (one.findtext("text").title(), pytest.approx(float(one.get("fraction")), abs=1e-3))
            for one in theirs.findall("answer")
        ] == [(one.text, float(100 * one.weight)) for one in ours.options]
        assert [one.text for one in theirs.findall("tags/tag/text")] == list(ours.tags)
        assert words(theirs.findtext("generalfeedback/text")) == ours.feedback


@pytest.mark.parametrize("name", ["summer22", "summer23"])
def test_the_shipped_sheets_go_there_and_back(course, name):
    sheet, key = load_sheet(course, name), load_key(course, name)
    back = adopt(read_gift(write_gift(items(sheet, key)), "x"), quiz=name, title=sheet.title, points=sheet.points)
    assert back.sheet == sheet.model_copy(update={"questions": tuple(
        one.model_copy(update={"statements": tuple(
            statement.model_copy(update={"text": words(statement.text)}) for statement in one.statements)})
        for one in sheet.questions)})
    assert {one: (entry.answer, entry.contested, entry.why) for one, entry in back.key.answers.items()} == {
        one: (entry.answer, entry.contested, words(entry.why)) for one, entry in key.answers.items()}


# --- what Moodle is told


def test_a_scheme_without_penalty_makes_true_false_questions(sheet, key):
    free = sheet.model_copy(update={"scheme": Scheme(wrong=0)})
    gift = write_gift(items(free, key))
    assert r"::1a::[plain]Statement 1a.{TRUE#Wrong\: the answer is yes.#Right\: the answer is yes.####Because.}" in gift
    root = ElementTree.fromstring(write_xml(items(free, key)))
    answers = root.findall("question[@type='truefalse']")[0].findall("answer")
    assert [(one.findtext("text"), one.get("fraction")) for one in answers] == [("true", "100"), ("false", "0")]
    assert [one.text for one in root.iter("defaultgrade")] == ["2"] * 6


def test_a_scheme_with_penalty_makes_choices_with_an_abstain_option_and_negative_marks(sheet, key):
    third = sheet.model_copy(update={"scheme": Scheme(right=3, wrong=-1)})
    gift = write_gift(items(third, key))
    assert "\t~%-33.33333%No#" in gift
    assert "\t~Abstain#" in gift
    root = ElementTree.fromstring(write_xml(items(third, key)))
    first = root.findall("question[@type='multichoice']")[0]
    assert [one.get("fraction") for one in first.findall("answer")] == ["100", "-33.33333", "0"]
    assert (first.findtext("single"), first.findtext("shuffleanswers")) == ("true", "false")
    # a choice gives full marks for one answer, or Moodle refuses it
    assert max(float(one.get("fraction")) for one in root.iter("answer")) == 100


def test_without_the_key_nothing_of_it_is_written(sheet, key):
    for write in (write_gift, write_xml):
        written = write(items(sheet, None), remarks=remarks(sheet, None, gift=write is write_gift))
        assert "Because." not in written
        assert "contested" not in written
    assert {one.kind for one in read_gift(write_gift(items(sheet, None)), "x")} == {"essay"}


def test_a_weight_that_moodle_does_not_know_is_refused_with_the_nearest(sheet, key):
    odd = sheet.model_copy(update={"scheme": Scheme(right=1, wrong=Fraction(-2, 7))})
    with pytest.raises(UserError, match=r"costs 2/7 of a right one, which Moodle does not know; the nearest .* 3/10"):
        items(odd, key)
    assert len(items(odd, None)) == 6


def voided(sheet, *ids):
    return sheet.model_copy(update={"questions": tuple(
        one.model_copy(update={"statements": tuple(
            statement.model_copy(update={"void": statement.id in ids}) for statement in one.statements)})
        for one in sheet.questions)})


def test_void_statements_are_no_questions_in_moodle_and_said_so(sheet, key):
    without = voided(sheet, "2b")
    made = items(without, key)
    assert sum(one.mark for one in made if not one.void) == 12
    assert [one.text for one in ElementTree.fromstring(write_xml(made)).findall("question/name/text")] == [
        "1a", "1b", "1c", "2a", "2c"]
    asked = [line for line in write_gift(made).splitlines() if line.startswith("::")]
    assert [line[2:4] for line in asked] == ["1a", "1b", "1c", "2a", "2c"]
    for gift, fate in ((True, "GIFT keeps them as comments: 2b"), (False, "they are left out: 2b")):
        said = remarks(without, key, gift=gift)
        assert any(f"no questions in Moodle; {fate}" in one for one in said)
        assert any("floor of 0 for a question" in one for one in said)


def test_only_a_file_in_gift_leaves_the_points_of_a_question_to_the_person_who_imports_it(sheet, key):
    assert any("each question is worth 2 of 12 points" in one for one in remarks(sheet, key, gift=True))
    assert not any("GIFT" in one for one in remarks(sheet, key, gift=False))
    marks = ElementTree.fromstring(write_xml(items(sheet, key))).findall("question/defaultgrade")
    assert [one.text for one in marks] == ["2"] * 6


@pytest.mark.parametrize("wrong", [0, -1])
@pytest.mark.parametrize("keyed", [True, False])
def test_title_points_and_void_statements_come_back_from_gift(sheet, key, wrong, keyed):
    without = voided(sheet.model_copy(update={"title": "A title: with a colon", "scheme": Scheme(wrong=wrong)}), "2b")
    if not keyed:       # a void statement needs no answer in the key
        key = key.model_copy(update={"answers": {one: entry for one, entry in key.answers.items() if one != "2b"}})
    written = write_gift(items(without, key), remarks=[*heading(without), *remarks(without, key, gift=True)])
    questions, said = read_questions(written, "x.gift")
    back = adopt(questions, quiz="small", title=said.title, points=said.points)
    assert back.sheet.title == "A title: with a colon"
    assert [one.void for one in back.sheet.statements] == [one.id == "2b" for one in back.sheet.statements]
    assert back.sheet.points == 12
    assert {one: entry.answer for one, entry in back.key.answers.items()} == {
        one: entry.answer for one, entry in key.answers.items()}


def test_comments_that_somebody_else_wrote_are_no_heading():
    _, said = read_questions("// points: many\n// entitled: x\n\nWater is wet.{T}\n\n// title: late", "x.gift")
    assert (said.title, said.points) == ("", None)


def test_the_declaration_is_the_first_line_of_the_xml(sheet, key):
    assert write_xml(items(sheet, key)).startswith('<?xml version="1.0" encoding="UTF-8"?>\n<quiz>')


def test_moodle_xml_is_what_its_documentation_says(sheet, key):
    """The rules of https://docs.moodle.org/en/Moodle_XML_format, and the lists that its importer checks against."""
    formats = {"html", "moodle_auto_format", "plain_text", "markdown"}
    for scheme in (Scheme(wrong=0), Scheme(right=3, wrong=-1), Scheme(right=6, wrong=-5)):
        for made in (items(sheet.model_copy(update={"scheme": scheme}), key), items(sheet, None)):
            root = ElementTree.fromstring(write_xml(made, remarks=["a remark"]))
            assert root.tag == "quiz"
            for question in root:
                if question.get("type") == "category":
                    assert question.findtext("category/text").startswith("$course$/")
                    continue
                assert question.get("type") in {"truefalse", "multichoice", "essay"}
                assert question.findtext("name/text")
                assert question.findtext("questiontext/text")
                assert float(question.findtext("defaultgrade")) > 0
                assert 0 <= float(question.findtext("penalty")) <= 1
                assert {one.get("format") for one in question.iter() if one.get("format")} <= formats
                fractions = [float(one.get("fraction")) for one in question.findall("answer")]
                assert all(min(abs(abs(one) / 100 - weight) for weight in WEIGHTS) < 1e-5 for one in fractions)
                if question.get("type") == "multichoice":
                    assert question.findtext("single") == "true"
                    assert question.findtext("answernumbering") in {"none", "abc", "ABCD", "123", "iii", "IIII"}
                    assert fractions.count(100) == 1
                if question.get("type") == "truefalse":
                    assert [one.findtext("text") for one in question.findall("answer")] == ["true", "false"]
                    assert sorted(fractions) == [0, 100]


# --- Moodle XML, read

# The constructs of the format's documentation, in words of our own; as Moodle writes them, HTML stands in CDATA.
XML = """<?xml version="1.0" encoding="UTF-8"?>
<!-- title: Weather, all of it -->
<quiz>
<question type="category"><category><text>$course$/top/weather//climate/2. Wind</text></category></question>
<!-- question: 7 -->
<question type="truefalse">
  <name><text>Rain</text></name>
  <questiontext format="html"><text><![CDATA[<p>Rain is <b>wet</b> &amp; cold: <!DOCTYPE x></p>]]></text></questiontext>
  <generalfeedback format="html"><text></text></generalfeedback>
  <defaultgrade>1.0000000</defaultgrade><penalty>1.0000000</penalty><hidden>0</hidden><idnumber></idnumber>
  <answer fraction="0" format="moodle_auto_format"><text>true</text>
    <feedback format="html"><text>No.</text></feedback></answer>
  <answer fraction="100" format="moodle_auto_format"><text>false</text>
    <feedback format="html"><text/></feedback></answer>
  <tags><tag><text>sky</text></tag></tags>
</question>
<question type="truefalse"><name><text>Alt</text></name><questiontext><text>Schnee ist weiß.</text></questiontext>
  <answer fraction="100"><text>Wahr</text></answer><answer fraction="0"><text>Falsch</text></answer></question>
<question type="multichoice"><name><text>Fog</text></name>
  <questiontext format="plain_text"><text>Fog is &lt;b&gt; thin.</text></questiontext><single>true</single>
  <answer fraction="-33.33333" format="html"><text>&lt;p&gt;Yes&lt;/p&gt;</text></answer>
  <answer fraction="100"><text>No</text></answer><answer fraction="0"><text>Abstain</text></answer></question>
<question type="cloze"><name><text>Gap</text></name><questiontext><text>{1:SA:=a}</text></questiontext></question>
</quiz>
"""


def test_questions_of_moodle_xml_are_read_with_their_line_category_and_weights():
    rain, old, fog, gap = read_xml(XML, "x.xml")
    assert (rain.kind, rain.name, rain.text) == ("true-false", "Rain", "Rain is wet & cold:")
    assert (rain.line, rain.category, rain.tags) == (6, ("weather/climate", "2. Wind"), ("sky",))
    assert [(one.text, one.weight, one.feedback) for one in rain.options] == [("True", 0, "No."), ("False", 1, "")]
    assert [(one.text, one.weight) for one in old.options] == [("True", 1), ("False", 0)]
    assert (fog.text, fog.kind) == ("Fog is <b> thin.", "choice")
    assert [(one.text, one.weight) for one in fog.options] == [("Yes", Fraction(-1, 3)), ("No", 1), ("Abstain", 0)]
    assert gap.kind == "gap text"


def test_moodle_xml_is_told_by_how_it_begins_and_says_its_title():
    questions, said = read_questions("\n" + XML.partition("\n")[2], "x")
    assert len(questions) == 4
    assert said.title == "Weather, all of it"


@given(papers())
def test_moodle_xml_reads_back_as_the_same_sheet_and_key(paper):
    sheet, key = paper
    questions, said = read_questions(write_xml(items(sheet, key), remarks=heading(sheet)), "x")
    back = adopt(questions, quiz="law", title=said.title, points=said.points)
    assert (back.sheet, back.key, back.left_out) == (sheet, key, ())


@pytest.mark.parametrize(("text", "words"), [
    ("<quiz>\n<question></quiz>", "x.xml, line 2: not valid XML"),
    ("<quiz>", "not valid XML"),
    ("<?xml version='1.0'?><html></html>", "its root is 'html', not quiz"),
    ('<!DOCTYPE q [<!ENTITY a "b">]>\n<quiz>&a;</quiz>', "x.xml, line 1: a document type"),
    ('<!DOCTYPE q SYSTEM "file:///etc/passwd">\n<quiz/>', "a document type"),
    ("<quiz>&undeclared;</quiz>", "not valid XML"),
    ('<quiz><question type="multichoice"><answer fraction="1e999999999"/></question></quiz>', "no number of percent"),
])
def test_xml_that_cannot_be_read_is_refused_in_a_sentence(text, words):
    with pytest.raises(UserError, match=r"^x\.xml") as caught:
        read_questions(text, "x.xml")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_xml_nested_without_end_is_no_harm():
    text = "<quiz>" + "<a>" * 100_000 + "</a>" * 100_000 + "</quiz>"
    assert read_xml(text, "x.xml") == []
