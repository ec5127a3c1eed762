"""Pictures, maps and drawings show what the records hold, and damaged ones never stop a report."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.metrics.pictures import grid, point_cloud, table
from harness.records import ImageFile, Measurement, Table
from harness.report.charts import cells, dot_plot, line_charts
from harness.report.figures import code_map, picture_grid, shown_page


def opened(address: str) -> Image.Image:
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**16))
def test_every_tile_of_a_grid_comes_out_in_its_place_between_transparent_gaps(rows, columns, seed):
    tiles = np.random.default_rng(seed).integers(0, 256, (rows * columns, 28, 28)).astype(np.uint8)
    shown = picture_grid(grid(tiles, columns=columns, caption="c", alt="a"))
    pixels = np.asarray(opened(shown.address).convert("LA"))
    assert pixels.shape == (29 * rows - 1, 29 * columns - 1, 2)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        drawn = pixels[29 * row : 29 * row + 28, 29 * column : 29 * column + 28]
        assert np.array_equal(drawn[..., 0], np.maximum(tile, 1))
        assert (drawn[..., 1] == 255).all()
    assert (pixels[28::29, :, 1] == 0).all()
    assert (pixels[:, 28::29, 1] == 0).all()


def test_labels_are_filled_up_to_the_number_of_rows_and_columns():
    picture = grid(np.zeros((6, 28, 28), np.uint8), columns=3, caption="c", alt="a", row_labels=["one"])
    shown = picture_grid(picture)
    assert shown.row_labels == ["one", ""]
    assert shown.column_labels == []


@pytest.mark.parametrize(
    "damage",
    [
        {"data": "AAAA"},
        {"data": "%%%"},
        {"data": ""},
        {"rows": 10**6},
        {"rows": 0},
        {"columns": -1},
        {"height": 29},
        {"width": 10**6},
    ],
)
def test_a_damaged_picture_is_not_shown(damage):
    picture = grid(np.zeros((6, 28, 28), np.uint8), columns=3, caption="c", alt="a")
    assert picture_grid(picture.model_copy(update=damage)) is None


def test_a_map_has_a_layer_for_each_class_that_has_points():
    points = np.array([[0.0, 0.0], [10.0, 5.0], [0.0, 0.1]])
    shown = code_map(point_cloud(points, np.array([0, 2, 0]), classes=["a", "b", "c"], caption="c", alt="a"))
    assert [(layer.label, layer.count) for layer in shown.layers] == [("a", 2), ("c", 1)]
    left, right = (
        np.argwhere(np.asarray(opened(layer.address).convert("L")) > 128).mean(axis=0)
        for layer in shown.layers
    )
    assert left[1] < right[1], "the first axis points right"
    assert left[0] > right[0], "the second axis points up"


@settings(max_examples=15)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=12))
def test_labels_of_a_map_stay_on_it(points):
    labels = np.arange(len(points)) % 10
    cloud = point_cloud(
        np.array(points), labels, classes=[f"class {k}" for k in range(10)], caption="c", alt="a"
    )
    shown = code_map(cloud)
    assert all(0 <= layer.x <= shown.side and 0 < layer.y <= shown.side for layer in shown.layers)


@pytest.mark.parametrize("damage", [{"data": "AAAA"}, {"labels": ""}, {"count": 0}, {"classes": ["a"]}])
def test_a_damaged_map_is_not_shown(damage):
    cloud = point_cloud(np.eye(2), np.array([0, 1]), classes=["a", "b"], caption="c", alt="a")
    assert code_map(cloud.model_copy(update=damage)) is None


def test_a_page_is_shown_as_it_is_or_smaller_and_never_where_it_is_no_png():
    def page(data: bytes) -> ImageFile:
        return ImageFile(caption="c", alt="a", width=1, height=1, data=base64.b64encode(data).decode())

    noise = np.random.default_rng(0).integers(0, 256, (600, 500, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG", compress_level=1)
    assert len(shown_page(page(buffer.getvalue()))) < 700_000
    assert shown_page(page(b"<svg onload=alert(1)>")) is None
    assert shown_page(page(buffer.getvalue()[:1000])) is None


def measured(value: float, better: str, baselines: dict[str, float]) -> Measurement:
    return Measurement.model_validate(
        {
            "name": "a.b",
            "value": value,
            "unit": "share",
            "better": better,
            "sample_size": 1,
            "baselines": baselines,
        }
    )


def test_a_dot_plot_lists_the_best_first_and_keeps_the_proportions():
    plot = dot_plot(measured(0.5, "lower", {"worse": 1.0, "better": 0.1}))
    assert [row.label for row in plot.rows] == ["better", "this model", "worse"]
    assert [row.place for row in plot.rows] == pytest.approx([11.6, 50, 98])
    assert [row.label for row in dot_plot(measured(0.5, "higher", {"x": 1.0, "y": 0.1})).rows] == [
        "x",
        "this model",
        "y",
    ]


@given(st.floats(allow_nan=True), st.dictionaries(st.text(max_size=3), st.floats(allow_nan=True), max_size=4))
def test_a_dot_plot_of_any_numbers_stays_within_its_width(value, baselines):
    plot = dot_plot(measured(value, "lower", baselines))
    if plot:
        assert all(2 <= row.place <= 98 for row in plot.rows)


def test_the_steps_are_drawn_within_and_between_on_one_scale_with_the_cross_fade_as_baseline():
    steps = table(
        "steps",
        {
            "step": [1, 2, 3],
            "within": [0.1, 0.2, 0.1],
            "between": [0.1, 0.4, 0.1],
            "cross-fade within": [0.1, None, 0.1],
            "cross-fade between": [0.2, 0.2, 0.2],
        },
    )
    within, between = line_charts(steps, x_label="x", y_label="y")
    assert within.y_ticks == between.y_ticks
    assert [(line.label, line.baseline, len(line.dots)) for line in within.series] == [
        ("within", False, 3),
        ("cross-fade within", True, 2),
    ]
    for chart in (within, between):
        for line in chart.series:
            assert all(
                chart.left <= x <= chart.right and chart.top <= y <= chart.bottom for x, y in line.dots
            )


@pytest.mark.parametrize(
    "columns", [{}, {"step": []}, {"step": [1.0], "within": [None]}, {"step": ["a"], "note": ["b"]}]
)
def test_a_table_without_numbers_draws_no_chart(columns):
    assert line_charts(Table(caption="c", columns=columns), x_label="x", y_label="y") == []


def test_cells_of_a_confusion_matrix_are_shaded_by_their_share_of_the_row():
    rows = cells(table("c", {"class": ["a", "b"], "a": [90, 0], "b": [10, 0]}), style="heat")
    assert [[cell.heat for cell in row] for row in rows] == [[None, 7, 1], [None, None, None]]


def test_columns_of_several_lengths_are_filled_up():
    rows = cells(Table(caption="c", columns={"class": ["a", "b"], "n": [1.0]}), style="bars")
    assert [[cell.text for cell in row] for row in rows] == [["a", "1"], ["b", "–"]]
