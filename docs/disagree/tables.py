"""Tables in Markdown. Those of captum and zennit need the peers that CONTRIBUTING.md says how to install."""

from collections.abc import Callable, Iterable

from choices import CHOICES, Study, correlation

SEEDS = range(10)
SITUATIONS = {
    "x ≥ 0, no biases": {"biases": False, "signed": False},
    "x ≥ 0, no biases, negative score": {"biases": False, "signed": False, "positive": False},
    "x ≥ 0, biases": {"biases": True, "signed": False},
    "x of both signs, no biases": {"biases": False, "signed": True},
    "x of both signs, biases": {"biases": True, "signed": True},
}
PLACES = {
    "all": "all",
    "first": "first",
    "norm": "BatchNorm",
    "mode": "table",
}


def choices(study: Study) -> str:
    """Return what each choice does to the map of the study's image."""
    rows = [("choice", "within", "variant", "correlation with the first", "sum over score")]
    for choice in CHOICES:
        default = study.found(choice.variants[0]).map
        for number, variant in enumerate(choice.variants):
            share = study.share(variant)
            last = "" if share is None else f"{share:.4f}"
            first = number == 0
            found = "" if first else f"{correlation(default, study.found(variant).map):.2f}"
            rows.append((choice.title if first else "", choice.within if first else "", variant.label, found, last))
    return _table(rows)


def rules() -> str:
    """Return what one writes in captum or zennit, and what one writes here for the same map."""
    from support.peers.pairs import PAIRS

    rows = [("library", "there", "layers", "here")]
    rows += [(pair.library, _shown(pair.theirs), PLACES[pair.at], _shown(pair.ours)) for pair in PAIRS]
    return _table(rows)


def agreement() -> str:
    """Return how captum's and zennit's rules of the same name agree, over `SEEDS`."""
    from support.peers.agreement import RULES
    from support.peers.agreement import agreement as compared

    rows = [("rule", "network and input", "correlation", "difference", "sum over score: captum", "zennit")]
    for rule in RULES:
        for title, situation in SITUATIONS.items():
            found = [compared(rule, seed, **situation) for seed in SEEDS]
            correlations = _range((one.correlation for one in found), "{:.2f}".format)
            differences = _range((one.difference for one in found), _percent)
            sums = (_range((one.sums[side] for one in found), "{:.4f}".format) for side in (0, 1))
            rows.append((rule, title, correlations, differences, *sums))
    return _table(rows)


def _shown(expression: str) -> str:
    """Return an expression as a cell of a table."""
    return f"`{expression.replace('|', chr(92) + '|')}`"


def _percent(fraction: float) -> str:
    percent = 100 * fraction
    if percent < 0.05:
        return "< 0.05 %"
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def _range(values: Iterable[float], shown: Callable[[float], str]) -> str:
    """Return the smallest and the largest value, or one of them where they print alike."""
    found = sorted(values)
    low, high = shown(found[0]), shown(found[-1])
    return (low if low == high else f"{low} … {high}").replace("-", "−")


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
