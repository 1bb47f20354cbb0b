"""The index of what can be searched for in the page: a name, a few words about it, and where it is."""

from __future__ import annotations

from gradlaws.reports.page import View


def index(shown: View) -> list[list[str]]:
    """Rows [kind, name, words, id] in the page's order; `shown` is what the templates get."""
    found: list[list[str]] = [["section", name, "", anchor] for anchor, name in shown["sections"].items()]
    for one in shown["failures"]:
        words = f"{one['identity']} {one['backend']} {one['mode']} {one['dtype']} {one['function']}"
        found.append(["failure", one["id"], words, one["anchor"]])
    for entry in shown["entries"]:
        found.append(["identity", entry["identity"], entry["claim"], entry["anchor"]])
        for system in entry["systems"]:
            name = f"{entry['identity']} {system['backend']} {system['dtype']}"
            modes = " ".join(dict.fromkeys(str(row["mode"]) for row in system["rows"]))
            found.append(["cell", name, f"{system['status']} {modes}", system["anchor"]])
    for card in shown["cards"]:
        words = f"{card['what']} {card['of']} {card.get('size') or ''} {card.get('cause') or ''}"
        found.append(["finding", card["id"], words, card["anchor"]])
    for claim in shown["claims"]:
        found.append(["claim", claim["id"], f"{claim['verdict']} {claim['claim']}", claim["anchor"]])
    primitives = {row["primitive"]: row["anchor"] for row in reversed(shown["atlas"]["rows"])}
    found += [["primitive", name, "accuracy atlas", anchor] for name, anchor in sorted(primitives.items())]
    for row in shown["kills"]["rows"]:
        words = f"{row.get('status', '')} {row.get('kind', '')} {row.get('backend', '')} {row.get('identity', '')}"
        found.append(["fault", str(row.get("name", "")), words, "power/faults"])
    return found
