"""String objects of MATLAB: their text is read where the layout is known, and nothing else is made of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.object_files import WRITERS, Strings, v5_with_objects

import refvis
from refvis.weights import Limits, ModelFormatError, Opaque, read_mat
from refvis.weights.mat.strings import MARK, StringObjects, texts
from refvis.weights.mat.tree import DEFAULT_LIMITS, Budget

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("strings")


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("version", [2, 3, 4])
def test_strings_anywhere_in_a_file(tmp_path, form, version):
    names = Strings(("a", "Käse 日本", None, "😀", "", "long enough for two numbers"), (2, 3))
    variables = {
        "one": Strings(("word",)),
        "s": {"names": names, "cell": [Strings(("x",)), "y", Strings(("",))], "n": np.ones((1, 2))},
        "none": Strings((), (0, 0)),
    }
    found = read_mat(WRITERS[form](tmp_path / "a.mat", variables, version=version))
    assert found["one"] == "word"
    assert found["s"]["names"] == ["a", "Käse 日本", "", "😀", "", "long enough for two numbers"]
    assert found["s"]["cell"] == ["x", "y", ""]
    assert found["none"] == []


@settings(deadline=None, max_examples=30)
@given(listed=st.lists(words, min_size=2, max_size=7), form=st.sampled_from(sorted(WRITERS)))
def test_every_text_comes_back(folder, listed, form):
    variables = {"x": Strings(tuple(listed), (len(listed), 1)), "y": [Strings((word,)) for word in listed]}
    assert read_mat(WRITERS[form](folder / "a.mat", variables)) == {"x": listed, "y": listed}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("options", [{"subsystem": False}, {"version": 9}])
def test_another_layout_is_not_decoded(tmp_path, form, options):
    path = WRITERS[form](tmp_path / "a.mat", {"x": [Strings(("a",)), Strings(("b",))], "y": np.ones((1, 1))}, **options)
    found = read_mat(path)
    assert found["x"] == [Opaque("string")] * 2
    assert found["y"].item() == 1


@pytest.mark.parametrize("form", WRITERS)
def test_the_text_counts_against_the_limits(tmp_path, form):
    path = WRITERS[form](tmp_path / "a.mat", {"x": Strings(("",) * 500, (500, 1)), "y": [np.ones((1, 1))] * 3})
    assert len(read_mat(path)["x"]) == 500
    with pytest.raises(ModelFormatError, match="too many values"):
        read_mat(path, Limits(values=300))


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_damaged_subsystem_costs_text_and_no_more(folder, data):
    path = v5_with_objects(folder / "b.mat", {"x": [Strings(("a",)), Strings(("bc",))], "y": np.ones((1, 1))})
    content = bytearray(path.read_bytes())
    start = int.from_bytes(content[116:124], "little") + 56  # behind the tags, which are tested elsewhere
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(start, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    found = read_mat(path)
    assert found["y"].item() == 1
    assert all(isinstance(entry, str | list | Opaque) for entry in found["x"])


@pytest.mark.parametrize(
    "payload",
    [
        np.array([1.0, 2, 1, 1, 0]),
        np.array([2, 2, 1, 1, 0], "u8"),
        np.array([1, 2, 1, 1, 9, 0], "u8"),
        np.array([1, 2, 7, 7, 0], "u8"),
        np.array([1, 2, 1, 1, 5, 0], "u8"),
        np.array([1, 2**63, 1], "u8"),
        np.array([1, 2, 2**63, 2**63, 0], "u8"),
    ],
)
def test_numbers_that_are_no_text(payload):
    with pytest.raises(ValueError, match="another layout"):
        texts(payload, lambda count: None)


@pytest.mark.parametrize(
    "reference", [[MARK, 2, 1, 1, 99, 1], [1, 2, 1, 1, 1, 1], [MARK, 2, 2, 1, 1, 2, 1], [], [MARK, 2, 1, 1, 2**31, 1]]
)
def test_references_to_no_string(reference):
    metadata = np.zeros((1, 80), "uint8")
    metadata[0, 0] = 4
    objects = StringObjects(lambda number: [metadata][number], Budget(DEFAULT_LIMITS))
    assert objects.decode(np.array([reference], "uint32"), "x") is None


@pytest.mark.parametrize("form", WRITERS)
def test_a_network_whose_texts_are_strings(tmp_path, form):
    filters = np.ones((1, 1, 3, 2), "float32")
    layer = {"type": Strings(("conv",)), "name": Strings(("first",)), "weights": [filters, np.zeros((1, 2))]}
    layer |= {"pad": np.zeros((1, 1)), "stride": np.ones((1, 1)), "opts": [Strings(("dilate",)), np.ones((1, 1))]}
    classes = {"name": Strings(("cat", "Kätzchen"), (1, 2))}
    variables = {"net": {"layers": [layer], "meta": {"classes": classes}}}
    net = refvis.load(WRITERS[form](tmp_path / "net.mat", variables))
    assert net.labels == ["cat", "Kätzchen"]
    assert net.nodes[0].name == "first"
    refvis.save(net, tmp_path / "again.mat")
    assert refvis.load(tmp_path / "again.mat").labels == net.labels
