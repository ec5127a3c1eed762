"""The list of all reports."""

from __future__ import annotations

import re
import time
import tracemalloc

import pytest

from harness.records import GradeResult, Marks
from harness.report import render_index, write_index, write_report
from harness.report.overview import histograms
from harness.report.rows import row_of
from harness.report.strips import strips


def named(result: GradeResult, group: str, *, points: float = 19) -> GradeResult:
    marks = result.marks.model_copy(update={"points": points})
    return result.model_copy(update={"group": group, "marks": marks, "measurements": {}})


def rows(page: str) -> list[str]:
    return re.findall(r"<tr data-outcome.*?>\s*<th scope=\"row\">(.*?)</tr>", page, re.DOTALL)


def test_each_group_has_a_row_with_its_points_and_a_link_to_its_report(result):
    (row,) = rows(render_index([result]))
    assert '<a href="group3/index.html">' in row
    words = " ".join(re.sub(r"<[^>]+>", " ", row).split())
    assert words.startswith("group3 ! fault of the harness 19 of 40 15.5 of 20 3.5 of 20 6 ")
    assert "rejected crashed harness fault Ada Example , Bo Example" in words


def test_what_all_hand_ins_share_stands_once_below_the_table(result):
    page = render_index([named(result, "a"), named(result, "b")])
    assert page.count("bubblewrap (uid 65534, cgroup v1)") == 1
    assert "All of <bdi>summer23</bdi> on fashion-mnist, full budget, in bubblewrap" in page
    quick = named(result, "c").model_copy(
        update={"provenance": result.provenance.model_copy(update={"budget": "quick"})})
    mixed = render_index([named(result, "a"), quick])
    assert "full budget" not in mixed
    assert "<td>quick</td>" in mixed


def test_groups_are_sorted_as_people_count(result):
    page = render_index([named(result, name) for name in ("group10", "group2", "Group1", "alpha")])
    assert re.findall(r'href="([^/"]+)/index.html"', page) == ["alpha", "Group1", "group2", "group10"]


def test_the_head_says_mean_median_and_what_is_open(result):
    graded = [named(result, f"group{index}", points=points) for index, points in enumerate([10, 20, 36])]
    unread = result.model_copy(
        update={"group": "x", "marks": Marks(points=0, max_points=0, open_points=0, parts=[])}
    )
    words = " ".join(re.sub(r"<[^>]+>", " ", render_index([*graded, unread])).split())
    assert "4 hand-ins mean 22 median 20 points open 18" in words


def test_stand_in_data_a_missing_key_and_a_quick_budget_are_named(result):
    provenance = result.provenance.model_copy(
        update={"stand_in": True, "data": "garments", "budget": "quick"}
    )
    statements = [
        one.model_copy(update={"key": None, "verdict": "unmarked"}) for one in result.theory.statements
    ]
    theory = result.theory.model_copy(update={"statements": statements})
    page = render_index([result.model_copy(update={"provenance": provenance, "theory": theory})])
    assert all(words in page for words in ("stand-in data", "quick budget", "no key"))


def test_an_empty_folder_gives_a_list_that_says_how_to_fill_it(tmp_path):
    page = write_index(tmp_path).read_text(encoding="utf-8")
    assert "There are no reports yet" in page
    assert "0 hand-ins" in page


def test_the_list_is_made_from_the_results_that_lie_below_it(result, tmp_path):
    write_report(result, tmp_path)
    write_report(named(result, "../odd name"), tmp_path)
    page = write_index(tmp_path).read_text(encoding="utf-8")
    links = re.findall(r'<a href="([^"#]+)"', page)
    assert len(links) == 3      # and the page of what both answered in the theory part
    assert all((tmp_path / link).is_file() for link in links)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[]", "valid|object"),
        ('{"schema": 1}', "Field required"),
        ("\ud800".encode("utf-8", "surrogatepass"), "Invalid JSON"),
    ],
)
def test_a_damaged_result_is_listed_and_the_others_stay(result, tmp_path, content, reason):
    write_report(result, tmp_path)
    broken = tmp_path / "<b>broken" / "result.json"
    broken.parent.mkdir()
    broken.write_bytes(content if isinstance(content, bytes) else content.encode())
    page = write_index(tmp_path).read_text(encoding="utf-8")
    assert len(rows(page)) == 1
    assert "&lt;b&gt;broken/result.json" in page
    assert re.search(reason, page)


def test_hostile_names_come_out_as_text(result):
    page = render_index([named(result, "<script>alert(1)</script>\u202e")])
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;[U+202E]" in page


def test_a_thousand_rows_take_no_time_and_little_space(result):
    many = [named(result, f"group{index}") for index in range(1_000)]
    start = time.perf_counter()
    page = render_index(many)
    assert time.perf_counter() - start < 10  # well under a second on a quiet machine
    assert len(rows(page)) == 1_000
    assert len(page) < 3_000_000


def test_what_a_person_has_to_decide_is_counted_beside_the_flags(result):
    def looks(graded: GradeResult) -> int:
        (row,) = rows(render_index([graded]))
        return int(re.findall(r'<td class="number" data-sort="(\d*)">', row)[-1])

    contested = result.theory.statements[0].model_copy(update={"contested": True})
    calm = [one.model_copy(update={"contested": False}) for one in result.theory.statements]
    before, after = (
        result.model_copy(update={"theory": result.theory.model_copy(update={"statements": statements})})
        for statements in (calm, [contested, *calm[1:]]))
    assert looks(after) == looks(before) + 1


def test_assignments_have_means_of_their_own(result):
    other = named(result, "b", points=10).model_copy(update={"assignment": "summer22"})
    words = " ".join(re.sub(r"<[^>]+>", " ", render_index([named(result, "a", points=30), other])).split())
    assert "mean of summer22 10" in words
    assert "mean of summer23 30" in words


def test_a_list_of_results_on_the_stand_in_says_that_they_are_no_grades(result):
    drawn = result.model_copy(update={"provenance": result.provenance.model_copy(update={"stand_in": True})})
    assert "these points are no grades" in render_index([drawn])
    assert "these points are no grades" not in render_index([result])


def measured(result: GradeResult, group: str, **values: float) -> GradeResult:
    """Give the hand-in other values for measurements of its VAE; without any, it has none."""
    vae = result.measurements["vae"]
    found = {
        name: vae.measurements[name].model_copy(update={"value": value})
        for name, value in ((name.replace("__", "."), value) for name, value in values.items())}
    return result.model_copy(update={
        "group": group, "measurements": {"vae": vae.model_copy(update={"measurements": found})}})


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_each_open_criterion_leads_to_its_place_in_the_report(result, tmp_path):
    page = render_index([result])
    link = re.search(r'<li><a href="group3/index.html#(practice-needs_person)">', page)
    assert link
    assert f'id="{link[1]}"' in write_report(result, tmp_path).read_text(encoding="utf-8")
    assert "1 group Criterion 3" in words(page)
    assert "1 group Criterion 5 the harness failed: grade again" in words(page)


def test_a_class_stands_beside_the_reference_models_and_the_anchors_of_the_rubric(result):
    class_ = [measured(result, f"group{index}", reconstruction__mse=0.01 * index) for index in (1, 2, 3, 4, 5)]
    page = words(render_index(class_, references={
        "vae": {"reconstruction.mse": 0.0134}, "gan": {"distribution.fid": 1.0}}))
    strip = page.split("Mean squared error")[1].split("beyond its ends")[0]
    assert "0.03 median, middle half 0.02 to 0.04" in strip
    assert "vae 0.0134 full points 0.0129 no points 0.0866" in strip.replace("full points 0.0129 vae 0.0134", (
        "vae 0.0134 full points 0.0129"))
    assert "gan" not in strip
    assert "lowest group1 0.01, highest group5 0.05" in strip


def test_every_group_has_a_dot_and_one_far_out_does_not_squeeze_the_others(result):
    values = [0.010, 0.011, 0.012, 0.013, 0.014, 0.015, 80.0]
    (strip,), _ = strips(
        [row_of(measured(result, f"group{index}", reconstruction__mse=value), "x") for index, value in
         enumerate(values)], {})
    places = [int(one) for one in re.findall(r"M(\d+) ", strip.dots)]
    assert len(places) == 7
    assert strip.beyond == 1
    assert places[-1] == max(places)
    assert len(set(places[:6])) == 6


def test_one_hand_in_is_no_class(result):
    page = render_index([result])
    assert "<h2 id=\"measurements-title\"" not in page


def test_a_histogram_counts_every_group_once_and_full_points_in_the_last_bar(result):
    rows_of = [row_of(named(result, f"group{index}", points=points), "x") for index, points in
               enumerate([0, 1.5, 20, 39.5, 40, 40])]
    everything = histograms(rows_of)[0]
    assert (everything.count, everything.most, everything.median) == (6, 40, 29.75)
    assert sum(bar.count for bar in everything.bars) == 6
    assert everything.bars[-1].count == 3
    assert everything.bars[-1].words == "38 to 40"


def test_faults_of_one_kind_and_stage_stand_together_with_whom_they_concern(result):
    page = words(render_index([result, result.model_copy(update={"group": "group4"})]).split('id="failures"')[1])
    assert "crashed sample 2 sample() raised ValueError: shapes (64, 20) and (64, 10) differ group3 , group4" in page


def test_similarity_and_theory_are_linked_where_their_pages_are(result, tmp_path):
    write_report(result, tmp_path)
    assert "similarity.html" not in write_index(tmp_path).read_text(encoding="utf-8")
    (tmp_path / "similarity.html").write_text("")
    assert '<a href="similarity.html">' in write_index(tmp_path).read_text(encoding="utf-8")


def test_reference_models_are_asked_only_where_a_whole_class_was_measured_alike(result, tmp_path):
    asked = []

    def ask(*measured_by: str) -> dict[str, dict[str, float]]:
        asked.append(measured_by)
        return {}

    write_report(result, tmp_path)
    write_index(tmp_path, references=ask)
    assert asked == []
    write_report(named(result, "group4"), tmp_path)
    write_index(tmp_path, references=ask)
    assert asked == [("3c" * 32, "full", "69" * 32)]
    quick = result.provenance.model_copy(update={"budget": "quick"})
    write_report(named(result, "group5").model_copy(update={"provenance": quick}), tmp_path)
    write_index(tmp_path, references=ask)
    assert len(asked) == 1


def test_memory_stays_flat_while_results_are_read(result, tmp_path):
    for index in range(12):
        write_report(named(result, f"group{index}").model_copy(update={"measurements": result.measurements}), tmp_path)
    size = (tmp_path / "group1" / "result.json").stat().st_size
    write_index(tmp_path)       # imports and templates
    tracemalloc.start()
    write_index(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12 * size / 2
