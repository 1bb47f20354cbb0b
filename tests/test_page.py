"""The page as text: it asks for nothing, nests, names and escapes everything, and is small and quick to make."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from page_fixtures import HOSTILE, everything, finding, graph, hostile, large, measured
from report_fixtures import comparison, failure, green, run_record, unfolded

from gradlaws.reports.judging.summary import summarise
from gradlaws.reports.numerals import alike
from gradlaws.reports.page import graph as drawing
from gradlaws.reports.page.axis import position
from gradlaws.reports.page.findings import issue
from gradlaws.reports.page.mathml import mathml
from gradlaws.reports.page.measurements import COMMANDS, read_measurements
from gradlaws.reports.page.render import render
from gradlaws.reports.page.seal import Anchors, opened, sealed
from gradlaws.reports.page.sizes import sizes
from gradlaws.suite.known.claims import CLAIMS


class _Page(HTMLParser):
    """Collects start tags, and checks that tags nest."""

    void = frozenset({"meta", "br", "input", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {
        "everything": render(summarise(everything()), measured()),
        "hostile": render(summarise(hostile(), [HOSTILE])),
        "green": render(summarise(green())),
        "empty": render(summarise([])),
    }


@pytest.mark.parametrize("name", ["everything", "hostile", "green", "empty"])
def test_the_page_asks_the_network_for_nothing(pages: dict[str, str], name: str) -> None:
    whole = unfolded(pages[name])
    page = _Page(whole)
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        href = attributes.get("href") or "#"
        assert href.startswith("#") or re.fullmatch(r"https://github\.com/[\w-]+/[\w-]+/issues/\d+", href)
        assert not {"src", "style", "onclick", "onerror"} & attributes.keys()
    policy = next(attributes["content"] or "" for tag, attributes in page.tags if "http-equiv" in attributes)
    assert "default-src 'none'" in policy and policy.count("sha256-") == 2
    assert "url(" not in whole and "@import" not in whole
    assert [tag for tag, _ in page.tags].count("script") == 1


@pytest.mark.parametrize("name", ["everything", "hostile", "green", "empty"])
def test_the_page_is_accessible_in_its_structure(pages: dict[str, str], name: str) -> None:
    page = _Page(unfolded(pages[name]))
    tags = [tag for tag, _ in page.tags]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) and tags.count("h1") == 1
    assert tags.count("caption") == tags.count("table")
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    for _, attributes in page.tags:
        if (attributes.get("href") or "").startswith("#"):
            assert (attributes["href"] or "")[1:] in ids
        for named in (attributes.get("aria-labelledby") or "").split():
            assert named in ids
    assert all(attributes.get("role") == "img" or "aria-hidden" in attributes
               for tag, attributes in page.tags if tag == "svg")  # fmt: skip


def test_hostile_text_is_escaped(pages: dict[str, str]) -> None:
    whole = unfolded(pages["hostile"])
    assert "<script>alert" not in whole and "<img" not in whole and "{{ 7*7 }}" in whole
    assert all("<script>alert" not in opened(text) or name == "report.json" or name == "index"
               for name, text in re.findall(r'data-seal="([^"]*)">([^<]*)<', pages["hostile"]))  # fmt: skip


def test_without_scripts_the_verdict_the_matrix_and_the_failures_are_there(pages: dict[str, str]) -> None:
    plain = re.sub(r"<script.*?</script>", "", pages["everything"], flags=re.S)
    for words in ("Violated", "jax violates D4", "seed 0", "0123456789ab", "D4-7f3a", "RuntimeError: no",
    "f(x) = svd(x)",
                  "× bound", "14 digits", "insufficient evidence", "no autodiff", "Scripts are off"):  # fmt: skip
        assert words in plain, words
    assert "torch-trigamma" not in plain and "torch-trigamma" in unfolded(pages["everything"])


def test_little_evidence_looks_different_from_much(pages: dict[str, str]) -> None:
    cells = re.findall(r'<td class="cell good (seen-\d)">', pages["everything"])
    assert {"seen-1", "seen-2", "seen-3", "seen-4"} <= set(cells)
    for words in ("under ten", "tens", "hundreds", "thousands"):
        assert f'aria-label="evidence: {words}"' in pages["everything"]


def test_everything_recorded_is_shown_somewhere(pages: dict[str, str]) -> None:
    whole = unfolded(pages["everything"])
    for words in ("<math ", "pytorch#61641", "print(&#39;trigamma&#39;)", "product", "NotImplementedError: no rule",
    "mul → tanh",
                  "log2 error", "It is usual", "gradcheck", "torch-mul", "1,000,000 comparisons",
                  "worst signs", "0.4.33", "lgamma",
                  "|x| at 0", "differ", "sorting", "erf", "discarded 4"):  # fmt: skip
        assert words in whole, words


def test_seconds_at_real_sizes_grow_with_a_power() -> None:
    """Of three points with quadratic growth it is 2; what is smaller than FROM is left out."""
    points = [(10, 1.0), (1_000, 1e-3), (10_000, 1e-1), (100_000, 10.0)]
    rows = [
        {"program": "chain", "framework": "jax", "dtype": "float64", "n": n, "verdict": "right", "operations": 3 * n,
         "rule_seconds": seconds} for n, seconds in points
    ]  # fmt: skip
    found = sizes({"rows": rows})
    assert [(g["points"], round(g["exponent"], 9)) for g in found["growth"]] == [(3, 2.0)]
    assert [row["verdict"] for row in found["rows"]] == ["right"] * 4
    rows[1]["verdict"] = "unknown"
    assert "unknown" in {row["verdict"] for row in sizes({"rows": rows})["rows"]}


def test_what_was_not_measured_says_how_to_measure_it(pages: dict[str, str]) -> None:
    whole = unfolded(pages["green"])
    assert all(command in whole for command in COMMANDS.values())


@pytest.mark.parametrize(
    ("text", "clue"),
    [
        ("{", "cannot be read"),
        ("[]", "not a soak of schema 1"),
        ('{"schema": 2}', "not a soak"),
        (None, "Not measured"),
    ],
)
def test_a_measurement_that_cannot_be_read_is_said(tmp_path: Path, text: str | None, clue: str) -> None:
    if text is not None:
        (tmp_path / "soak.json").write_text(text)
    found = read_measurements(tmp_path)
    assert clue in found["soak"]["missing"] and found["soak"]["rows"] == []
    assert clue in unfolded(render(summarise(green()), found))


def test_rows_of_a_measurement_may_lack_anything() -> None:
    found = {kind: one | {"rows": [{}, {"backend": "torch"}]} for kind, one in measured().items()}
    assert "torch" in unfolded(render(summarise(green()), found))


def test_5000_cells_fit_in_2_megabytes() -> None:
    records = [
        run_record(),
        *(comparison(identity=f"I{i}", backend=backend, dtype=dtype, mode=f"torch.func.mode_{mode}")
          for i in range(25) for backend in ("numpy", "torch", "jax") for dtype in ("float64", "float32")
          for mode in range(34)),
    ]  # fmt: skip
    report = summarise(records)
    assert len(report["cells"]) >= 5000
    assert len(render(report).encode()) < 2_000_000


def test_a_million_comparisons_are_a_page_in_5_seconds() -> None:
    start = time.process_time()
    report = large()
    page = render(report, measured())
    assert report["totals"]["comparisons"] >= 1_000_000
    assert time.process_time() - start < 5
    assert len(page.encode()) < 2_000_000


def test_the_same_report_is_the_same_bytes() -> None:
    assert render(summarise(everything()), measured()) == render(summarise(everything()), measured())


def test_what_is_sealed_is_opened() -> None:
    assert opened(sealed("∂f/∂x </script>")) == "∂f/∂x </script>"
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", sealed("<>&" * 99))


def test_anchors_are_safe_unique_and_stay_the_same() -> None:
    anchors = Anchors(["matrix"])
    names = [anchors(name) for name in ("G1", "a b", "a_b", "matrix", "", '"><', "g1")]
    assert len({name.lower() for name in names}) == len(names) and names[0] == "G1" == anchors("G1")
    assert all(re.fullmatch(r"[\w.~-]+", name) for name in names)
    assert anchors("jax", "float64", inside="G1") == "G1/jax/float64"


def test_formulas_become_mathml_and_nothing_else() -> None:
    made = str(mathml(r"H_{ik} = \frac{\partial^2 f}{\partial x_i \partial x_k}", "H"))
    assert made.startswith('<math alttext="H"') and "<mfrac>" in made
    for text in (r"\unknowncommand{x}", "</math><script>alert(1)</script>", r"\href{javascript:alert(1)}{x}"):
        shown = str(mathml(text, "plain <b>"))
        assert "<script" not in shown and "href=" not in shown and "<b>" not in shown


@pytest.mark.parametrize("name", [name for name, claim in CLAIMS.items() if claim.latex])
def test_the_formula_of_each_claim_is_drawn(name: str) -> None:
    made = str(mathml(CLAIMS[name].latex, CLAIMS[name].statement))
    assert made.startswith("<math ") and "\\" not in made.split(">", 1)[1]


def test_the_graph_has_a_box_for_each_value_and_a_curve_for_each_use() -> None:
    drawn = drawing.graph(graph())
    assert drawn is not None
    assert [box["kind"] for box in drawn["boxes"]] == ["input", "constant", "step", "step", "result"]
    assert len(drawn["curves"]) == 5 and drawn["steps"][-1]["is"] == "add(v4, x)"
    lefts = [box["x"] for box in drawn["boxes"]]
    assert lefts[2] < lefts[3] < lefts[4] and lefts[4] + drawn["boxes"][4]["width"] <= drawn["width"]
    assert drawing.graph([]) is None
    assert drawing.graph([{"name": "x", "from": [3], "shape": [], "value": ""}]) is None


def test_the_axis_of_numbers_is_monotone() -> None:
    places = [
        position(x) for x in (float("-inf"), -1e300, -1.0, -5e-324, 0.0, 5e-324, 0.5, 1.0, 20.0, 1e300, float("inf"))
    ]
    assert places == sorted(places) and places[0] == -1 and places[2] == -0.5 and places[4] == 0 and places[-1] == 1


def test_only_issues_of_known_repositories_are_linked() -> None:
    found = issue("pytorch#61641 (closed)")
    assert found is not None and found["href"] == "https://github.com/pytorch/pytorch/issues/61641"
    assert found["rest"] == "(closed)" and issue("not found") is None and issue("evil#1") is None


def test_got_and_true_are_written_alike() -> None:
    assert alike("0.00000092137990381", "9.2e-07") == "9.2137990381e-07"
    assert alike("1.5e-3", "0.25") == "0.0015" and alike("-12.5", "3.25") == "-12.5"
    assert alike("1.2e-7", "1e-07") == "1.2e-07" and alike("nan", "1e5") == "nan" and alike("raises", "1.0") == "raises"


def test_findings_that_changed_come_first() -> None:
    report = summarise([*green(), finding(), finding(id="worse", status="worse"), failure()])
    whole = unfolded(render(report))
    assert whole.index('id="findings/worse"') < whole.index('id="findings/torch-trigamma"')


def test_colours_are_readable_in_both_themes() -> None:
    style = (Path(__file__).parent.parent / "reports" / "page" / "style.css").read_text()
    colours = {name: (light, dark) for name, light, dark in
               re.findall(r"--(\w+): light-dark\(#(\w{6}), #(\w{6})\)", style)}  # fmt: skip
    for name in ("ink", "quiet", "link", "good", "bad", "doubt", "known"):
        for theme in (0, 1):
            for ground in ("paper", "shade"):
                assert _contrast(colours[name][theme], colours[ground][theme]) >= 4.5, (name, theme, ground)


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
