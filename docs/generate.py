"""What the pages of the documentation take from the project, so that no number in them is typed by hand.

    python docs/generate.py        writes docs/_generated/*.md, and prints the numbers

`docs/conf.py` calls it before each build. Pages include the files, and write a number as ``{{ primitives }}``.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median_high
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
OUT = DOCS / "_generated"
RESULTS = ROOT / "benchmarks/results"
NOT_SEEN = "not seen"
SEES = ("gradcheck_sees", "rule_sees")
WIDTH = "100"  # of a help text
ORDERS = {1: "first", 2: "second"}
KINDS = ("identity", "order", "count", "law of chance", "audit")
STRATEGIES = {
    "functions": ("programs", "scalar_functions", "functions_between", "compositions", "chains", "forks", "alone"),
    "points": ("numbers", "arrays", "directions", "logits", "probabilities", "gradient_trees"),
}
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


def result(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return found


def rows_of(path: str, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads((ROOT / path).read_text("utf-8"))[table]
    return rows


def pinned(library: str) -> str:
    """The version that requirements.txt and what it includes demand."""
    for path in (ROOT / "requirements.txt", *sorted((ROOT / ".ci/constraints").glob("*.txt"))[::-1]):
        for line in path.read_text("utf-8").splitlines():
            if line.split(";")[0].strip().startswith(f"{library}=="):
                return line.split(";")[0].strip().partition("==")[2]
    raise KeyError(library)


def numbers() -> dict[str, str]:
    """Every number that a page names, by the name under which it names it."""
    from gradlaws.strategies.catalogue import CORE, PRIMITIVES
    from gradlaws.suite.bound.contracts import DEFAULT_ULPS
    from gradlaws.suite.known.claims import CLAIMS
    from gradlaws.suite.vocabulary import VERSION

    ledger, faults, soak = rows_of("suite/known/ledger.toml", "deviation"), result("faults"), result("soak")
    found: dict[str, Any] = {
        "version": VERSION,
        "primitives": len(PRIMITIVES),
        "core": len(CORE),
        "numpy_primitives": sum("numpy" in primitive.spellings for primitive in PRIMITIVES.values()),
        "torch_primitives": sum("torch" in primitive.spellings for primitive in PRIMITIVES.values()),
        "jax_primitives": sum("jax" in primitive.spellings for primitive in PRIMITIVES.values()),
        "claims": len(CLAIMS),
        "document_claims": sum(claim.document for claim in CLAIMS.values()),
        "ledger_rows": len(ledger),
        "default_ulps": DEFAULT_ULPS,
        "faults": len(faults["rows"]),
        "faults_killed": faults["counts"].get("killed", 0),
        "faults_explained": faults["counts"].get("explained", 0),
        "soak_comparisons": f"{soak['comparisons']:,}",
        "soak_seeds": soak["seeds"],
        "soak_alarms": len(soak["alarms"]),
        "soak_mended": len(soak["mended"]),
        "torch": pinned("torch"), "jax": pinned("jax"), "numpy": pinned("numpy"),
    }  # fmt: skip
    found |= {f"{kind.replace(' ', '_')}_claims": sum(c.kind == kind for c in CLAIMS.values()) for kind in KINDS}
    return {name: str(value) for name, value in found.items()}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def measured(found: dict[str, Any]) -> str:
    """Where a number comes from: a line below its table."""
    installed = ", ".join(f"{name} {found['versions'][name]}" for name in ("torch", "jax", "numpy"))
    return f"\nMeasured by `{found['command']}` on {found['machine']}, {found['date'][:10]}, with {installed}.\n"


def power_of_ten(number: float) -> str:
    """2.2·10⁻¹⁶."""
    digits, _, exponent = f"{number:.1e}".partition("e")
    return f"{digits}·10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def sensitivity() -> str:
    """The smallest fault that each checker sees: the median over the primitives, and the worst."""
    found = result("sensitivity")
    groups: dict[tuple[str, str, int, str], list[dict[str, Any]]] = {}
    for row in found["rows"]:
        groups.setdefault((row["backend"], row["dtype"], -row["order"], row["tool"]), []).append(row)
    lines = []
    for (backend, dtype, order, tool), rows in sorted(groups.items(), reverse=True):
        seen = sorted(row["delta"] if row["delta"] is not None else float("inf") for row in rows)
        middle = median_high(seen)
        lines.append([
            f"{backend}, {dtype}, {ORDERS[-order]} derivative", tool if tool == "gradlaws" else f"`{tool}`",
            power_of_ten(middle) if middle < float("inf") else NOT_SEEN, f"{seen.count(float('inf'))} of {len(seen)}",
            f"{1e3 * median_high(sorted(row['seconds'] for row in rows)):.2g} ms",
        ])  # fmt: skip
    head = ["what is wrong", "checker", "smallest fault seen (median)", "primitives with no fault seen", "CPU time"]
    return table(head, lines) + measured(found)


def sizes() -> str:
    """Of the largest sizes, what RULE says and costs; what was planted; gradcheck beside it."""
    found = result("sizes")
    largest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in found["rows"]:
        if row["dtype"] == "float64":
            key = row["program"], row["framework"]
            largest[key] = max(largest.get(key, row), row, key=lambda r: r["n"])
    lines = [
        [program, framework, f"{row['n']:,}", row["verdict"], f"{row['apart']:.0e}", f"{row['seen_from']:.0e}",
         f"{row['rule_seconds']:.2g} s"] for (program, framework), row in largest.items()
    ]  # fmt: skip
    text = table(["program", "framework", "entries", "rule", "apart", "seen from", "RULE, both orders"], lines)
    if "faults" in found:
        planted = found["faults"]
        text += (
            f"\nOf {planted['planted']} faults planted in traced rules {planted['seen']} were seen, and the range of "
            f"wrong entries was right in {planted['in_range']} of {planted['ranged']}.\n"
        )
    if "against" in found:
        beside = []
        for row in found["against"]:
            theirs, ours = (NOT_SEEN if row[who] is None else f"{row[who]:.0e}" for who in SEES)
            times = [f"{row[who]:.2g} s" for who in ("gradcheck_seconds", "rule_seconds")]
            beside.append([row["program"], f"{row['n']:,}", *times, theirs, ours])
        head = ["program", "largest n that they bear in a minute", "gradcheck, gradgradcheck", "RULE",
                "they see a factor 1 + δ from", "RULE sees it from"]  # fmt: skip
        text += "\n" + table(head, beside)
    return text + measured(found)


def trials_of_itself() -> str:
    """What was planted and caught, and how often it cried wolf."""
    faults, soak = result("faults"), result("soak")
    planted = Counter((row["backend"], row["status"]) for row in faults["rows"])
    lines = [
        [backend, sum(n for (name, _), n in planted.items() if name == backend), planted[backend, "killed"],
         planted[backend, "explained"]]
        for backend in sorted({backend for backend, _ in planted})
    ]  # fmt: skip
    text = table(["faults planted in", "number", "caught", "survive, with a reason"], lines) + measured(faults)
    text += (
        f"\nFalse alarms: {len(soak['alarms'])} open in {soak['comparisons']:,} comparisons under {soak['seeds']} "
        f"seeds; {len(soak['mended'])} were met, and are mended.\n"
    )
    return text + measured(soak)


def help_of(arguments: Sequence[str]) -> str:
    """What the command prints, with paths of this machine taken out."""
    from gradlaws.__main__ import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit), environment(COLUMNS=WIDTH):
        main([*arguments])
    return said.getvalue().replace(f"{ROOT}/", "").rstrip()


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def commands() -> str:
    from gradlaws.__main__ import REPORTS, RUNS, SUITE

    groups = {
        "Judge the frameworks": RUNS, "One thing at a time": {name: text for name, (_, text) in SUITE.items()},
        "Reports": REPORTS,
    }  # fmt: skip
    text = shown(["--help"])
    for title, group in groups.items():
        text += f"\n## {title}\n"
        for name, what in group.items():
            text += f"\n### gradlaws {name}\n\n{what[0].upper()}{what[1:]}.\n\n{shown([name, '--help'])}"
    return text


def shown(arguments: Sequence[str]) -> str:
    return f"```console\n$ gradlaws {' '.join(arguments)}\n{help_of(arguments)}\n```\n"


def catalogue() -> str:
    """Every primitive, by family."""
    from gradlaws.strategies import catalogue as families
    from gradlaws.strategies.catalogue import OUR_CORE, OURS

    family = {
        primitive.name: name
        for name, module in vars(families).items() if hasattr(module, "FAMILY") for primitive in module.FAMILY
    }  # fmt: skip
    text = ""
    for name in dict.fromkeys(family[primitive] for primitive in OURS):
        members = [primitive for primitive in OURS.values() if family[primitive.name] == name]
        core = " (composed in every run)" if members[0].name in OUR_CORE else ""
        text += f"\n## {name.replace('_', ' ')}{core}\n\n"
        lines = [
            [f"`{one.name}`", f"`{one.symbol.format_map(Letters())}`",
             ", ".join(backend for backend in ("numpy", "torch", "jax") if backend in one.spellings)]
            for one in members
        ]  # fmt: skip
        text += table(["primitive", "as a report writes it", "frameworks"], lines)
    return text


class Letters(dict[str, str]):
    """Names of operands and parameters as they are."""

    def __missing__(self, name: str) -> str:
        return name


def claims() -> str:
    """Every claim: what it says, and what must be seen to fail."""
    from gradlaws.suite.known.claims import CLAIMS

    lines = [
        [f"`{one.id}`", one.claim, one.statement, "; ".join(one.controls), one.blind, one.kind]
        for one in CLAIMS.values()
    ]
    return table(["id", "claim", "what is verified", "controls", "cannot see", "kind"], lines)


def found() -> str:
    """How many deviations the ledger has for the installed versions, as the command says it."""
    command = [sys.executable, "-m", "suite.reproduce", "--count"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    return f"```console\n$ python -m suite.reproduce --count\n{done.stdout.rstrip()}\n```\n"


def ledger() -> str:
    """Every row of the ledger."""
    lines = [
        [f"`{row['id']}`", row["backend"], ", ".join(row["versions"]), f"`{row['primitive']}`", row["order"],
         row["cause"]]
        for row in rows_of("suite/known/ledger.toml", "deviation") if not row.get("like")
    ]  # fmt: skip
    return table(["row", "framework", "versions", "primitive", "order", "cause"], sorted(lines, key=lambda row: row[1]))


def api() -> str:
    """The public names, as directives of autodoc."""
    import gradlaws

    lines = ["```{eval-rst}"]
    for name in gradlaws.__all__:
        thing = getattr(gradlaws, name)
        if name.startswith("__"):
            continue
        kind = "autoexception" if isinstance(thing, type) and issubclass(thing, BaseException) else (
            "autoclass" if isinstance(thing, type) else "autofunction")  # fmt: skip
        members = ["   :members: mode, wrapper, wrong_wrapper"] if name == "Backend" else []
        lines += [f".. {kind}:: gradlaws.{name}", *members, ""]
    return "\n".join([*lines, "```", ""])


def strategies(module: str) -> str:
    """The strategies of a module, by the shortest name under which they can be imported."""
    package = importlib.import_module("gradlaws.strategies")
    lines = ["```{eval-rst}"]
    for name in STRATEGIES[module]:
        short = callable(getattr(package, name, None))
        lines.append(f".. autofunction:: gradlaws.strategies.{name if short else f'{module}.{name}'}")
    return "\n".join([*lines, "```", ""])


PAGES: dict[str, Callable[[], str]] = {
    "api": api, "catalogue": catalogue, "claims": claims, "commands": commands, "found": found,
    "functions": lambda: strategies("functions"), "points": lambda: strategies("points"), "ledger": ledger,
    "sensitivity": sensitivity, "sizes": sizes, "trials_of_itself": trials_of_itself,
}  # fmt: skip


def main() -> None:
    """Writes what is new only, so that a second build has little to do."""
    OUT.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        path, text = OUT / f"{name}.md", page()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
    for name, value in numbers().items():
        print(f"{name} {value}")
