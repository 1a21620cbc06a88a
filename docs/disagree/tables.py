"""Tables in Markdown. Two of them need captum and zennit, which CONTRIBUTING.md explains how to install."""

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
    """Return the effect of each choice on the map of the study's image."""
    rows = [("choice", "within", "variant", "correlation with the first", "sum over score")]
    for choice in CHOICES:
        default = study.heatmap(choice.variants[0]).map
        for number, variant in enumerate(choice.variants):
            share = study.share(variant)
            last = "" if share is None else f"{share:.4f}"
            first = number == 0
            r = "" if first else f"{correlation(default, study.heatmap(variant).map):.2f}"
            rows.append((choice.title if first else "", choice.within if first else "", variant.label, r, last))
    return _table(rows)


def rules() -> str:
    """Return the expressions for the same map in captum or zennit and in refvis."""
    from support.peers.pairs import PAIRS

    rows = [("library", "there", "layers", "here")]
    rows += [(pair.library, _code(pair.theirs), PLACES[pair.at], _code(pair.ours)) for pair in PAIRS]
    return _table(rows)


def agreement() -> str:
    """Return the agreement of captum's and zennit's rules of the same name, over `SEEDS`."""
    from support.peers.agreement import RULES
    from support.peers.agreement import agreement as compare

    rows = [("rule", "network and input", "correlation", "difference", "sum over score: captum", "zennit")]
    for rule in RULES:
        for title, situation in SITUATIONS.items():
            agreements = [compare(rule, seed, **situation) for seed in SEEDS]
            correlations = _range((one.correlation for one in agreements), "{:.2f}".format)
            differences = _range((one.difference for one in agreements), _percent)
            sums = (_range((one.sums[side] for one in agreements), "{:.4f}".format) for side in (0, 1))
            rows.append((rule, title, correlations, differences, *sums))
    return _table(rows)


def _code(expression: str) -> str:
    """Return an expression as a cell of a table."""
    return f"`{expression.replace('|', chr(92) + '|')}`"


def _percent(fraction: float) -> str:
    percent = 100 * fraction
    if percent < 0.05:
        return "< 0.05 %"
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def _range(values: Iterable[float], text: Callable[[float], str]) -> str:
    """Return the smallest and the largest value as text; one of them if both texts are equal."""
    ordered = sorted(values)
    low, high = text(ordered[0]), text(ordered[-1])
    return (low if low == high else f"{low} … {high}").replace("-", "−")


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
