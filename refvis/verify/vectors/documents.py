"""Vectors as JSON: one document for each kind, in the form that `schema.json` describes."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from refvis.verify.kind import FLAGS, Answer, Kind
from refvis.verify.vectors.suite import DEFINITION, Given, Test, chosen_tests, test_of
from refvis.verify.vectors.worked import worked
from refvis.verify.writing import array_json, layer_json
from refvis.version import __version__

SCHEMA = "refvis_vectors_v1"


def document(kind: Kind, seed: int = 0) -> dict[str, Any]:
    """Return the vectors of a kind as values that JSON can write. Same seed, same document."""
    answers = {one.name: one for one in kind.answers}
    basic = [test for part, case in worked(kind) if (test := test_of(kind, part, case)) is not None]
    tests = basic + [test for part in kind.parts for test in chosen_tests(kind, part, seed)]
    used = {name for test in tests for one in test.answers for name in one.names} - {DEFINITION}
    flags = {answers[name].flag for name in used}
    return {
        "schema": SCHEMA,
        "subject": kind.name,
        "page": kind.page,
        "generator": {"name": "refvis", "version": __version__, "seed": seed},
        "axes": "N,H,W,C",
        "flags": {flag: text for flag, text in FLAGS.items() if flag == "BASIC" or flag in flags},
        "notes": {name: _note(answers[name]) for name in answers if name in used},
        "numberOfTests": len(tests),
        "tests": [_test(number, test, answers, number <= len(basic)) for number, test in enumerate(tests, 1)],
    }


def _note(answer: Answer) -> dict[str, Any]:
    note: dict[str, Any] = {"flag": answer.flag, "result": answer.result, "description": answer.text}
    if answer.seen:
        note["seen"] = list(answer.seen)
    if answer.page:
        note["page"] = answer.page
    return note


def _test(number: int, test: Test, answers: Mapping[str, Answer], basic: bool) -> dict[str, Any]:
    named = [answers[name] for one in test.answers for name in one.names if name in answers]
    inputs = {name: array for name, array in test.case.arrays.items() if not name.startswith("layer.")}
    return {
        "id": number,
        "part": test.part,
        "flags": ["BASIC"] * basic + sorted({one.flag for one in named}),
        "layer": layer_json(test.case.layer),
        "inputs": {name: array_json(array) for name, array in inputs.items()},
        "answers": [_answer(one, answers) for one in test.answers],
        "tolerance": test.tolerance,
        "separation": {dtype: _finite(value) for dtype, value in test.separation.items()},
    }


def _answer(given: Given, answers: Mapping[str, Answer]) -> dict[str, Any]:
    results = {"valid"} if DEFINITION in given.names else {answers[name].result for name in given.names}
    result = next(one for one in ("valid", "acceptable", "invalid") if one in results)
    found: dict[str, Any] = {"ids": list(given.names), "result": result}
    if given.values is None:
        return found | {"fails": True}
    return found | {"values": {name: array_json(np.asarray(array)) for name, array in given.values.items()}}


def _finite(value: float) -> float | str:
    return float(f"{value:.3g}") if np.isfinite(value) else "inf"


def text_of(document: Mapping[str, Any]) -> str:
    """Return a document as JSON text: an array of numbers on one line, everything else a line each."""
    return _lines(document, "") + "\n"


def _lines(value: Any, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, Mapping) and value and not _is_flat(value):
        each = (f"{inner}{json.dumps(name)}: {_lines(one, inner)}" for name, one in value.items())
        return "{\n" + ",\n".join(each) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        return "[\n" + ",\n".join(inner + _lines(one, inner) for one in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def _is_flat(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping is an array, or holds no other mapping and is short."""
    if set(value) == {"shape", "data"}:
        return True
    return not any(isinstance(one, Mapping | list) for one in value.values()) and len(json.dumps(value)) < 100
