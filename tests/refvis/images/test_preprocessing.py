"""From files, PIL images and arrays to a network's input: upright, in the right channels, resized, less the average."""

import math

import numpy as np
import pytest
from PIL import Image
from support.small_nets import AVERAGE, SIZE, classifier

import refvis
from refvis.images.preprocessing import FILTERS, picture, pixels, resize, subtract_average
from refvis.layers import Conv
from refvis.weights.matconvnet.normalization import INTERPOLATIONS

RGB = np.random.default_rng(1).integers(0, 256, (9, 7, 3)).astype(np.uint8)
GRAY = RGB[..., 0]


def cubic(x):
    """Keys' cubic kernel with a = -0.5."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0


def row_weights(extent, wanted, border):
    """The matrix (wanted x extent) of MATLAB's imresize along one axis; a widened kernel where it shrinks.

    border "symmetric" is MATLAB's: pixels beyond the edge are mirrored. "left out" is Pillow's: they have no weight.
    """
    matrix = np.zeros((wanted, extent))
    scale = wanted / extent
    narrow = min(scale, 1)
    mirrored = [*range(extent), *reversed(range(extent))]
    for i in range(wanted):
        centre = (i + 0.5) / scale - 0.5
        reach = math.ceil(2 / narrow) + 1
        for j in range(math.floor(centre) - reach, math.ceil(centre) + reach + 1):
            if border == "symmetric":
                matrix[i, mirrored[j % len(mirrored)]] += cubic(narrow * (centre - j))
            elif 0 <= j < extent:
                matrix[i, j] += cubic(narrow * (centre - j))
        matrix[i] /= matrix[i].sum()
    return matrix


def imresize(image, size, border):
    rows, columns = (row_weights(image.shape[a], size[a], border) for a in (0, 1))
    return np.einsum("ih,jw,hwc->ijc", rows, columns, image.astype("float64"))


SIZES = [((37, 53), (16, 24)), ((37, 53), (61, 90)), ((40, 30), (20, 64)), ((17, 29), (17, 11))]


@pytest.mark.parametrize(("extent", "size"), SIZES)
def test_bicubic_is_imresize_with_the_border_left_out(extent, size):
    image = np.random.default_rng(2).uniform(0, 255, (*extent, 3)).astype("float32")
    resized = resize(image, size)
    assert resized.shape == (*size, 3)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, imresize(image, size, "left out"), rtol=0, atol=2e-4)


@pytest.mark.parametrize(("extent", "size"), SIZES)
def test_bicubic_is_matlabs_away_from_the_border(extent, size):
    image = np.random.default_rng(3).uniform(0, 255, (*extent, 3)).astype("float32")
    resized, matlab = resize(image, size), imresize(image, size, "symmetric")
    # The kernel reaches 2 pixels, of the input or of the output, whichever are larger.
    reach = [math.ceil(2 * max(s / e, 1)) + 1 for s, e in zip(size, extent, strict=True)]
    inner = np.s_[reach[0] : -reach[0], reach[1] : -reach[1]]
    assert resized[inner].size
    np.testing.assert_allclose(resized[inner], matlab[inner], rtol=0, atol=2e-4)
    assert np.abs(resized - matlab).max() > 1, "the borders are expected to differ"


def test_smooth_images_differ_little_from_matlab_at_the_border():
    rows, columns = np.mgrid[:60, :80]
    image = (127 + 60 * np.sin(rows / 9) + 60 * np.cos(columns / 13))[..., None].astype("float32")
    resized, matlab = resize(image, (24, 32)), imresize(image, (24, 32), "symmetric")
    assert np.abs(resized - matlab).max() < 1.5


def test_other_interpolations():
    image = np.random.default_rng(4).uniform(0, 255, (6, 8, 2)).astype("float32")
    assert_equal = np.testing.assert_array_equal
    assert_equal(resize(image, (12, 16), "nearest"), image.repeat(2, axis=0).repeat(2, axis=1))
    box = image.reshape(3, 2, 4, 2, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(resize(image, (3, 4), "box"), box, rtol=1e-6)
    assert_equal(resize(image, (12, 5), "unheard of"), resize(image, (12, 5), "bicubic"))
    assert np.abs(resize(image, (12, 5), "bilinear") - resize(image, (12, 5), "bicubic")).max() > 1
    assert resize(image, (6, 8)) is image
    assert resize(image, None) is image


def test_loading_warns_of_all_interpolations_but_these():
    """Loaders know no images, so the names stand there again."""
    assert set(INTERPOLATIONS) == set(FILTERS)


def test_height_and_width_keep_their_places():
    image = np.zeros((20, 50, 3), np.uint8)
    image[:10, :25] = 255  # the upper left quarter
    x = classifier().preprocess(image)
    assert x.shape == (1, *SIZE)
    shown = (x[0] + AVERAGE).mean(axis=2)
    assert shown[0, 0] > 250
    assert max(shown[-1, 0], shown[0, -1], shown[-1, -1]) < 5


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff"])
def test_path_pil_and_arrays_are_one(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(RGB).save(path)
    for image in (path, str(path), Image.fromarray(RGB), RGB, RGB.astype("float64"), RGB.astype("int32")):
        values = pixels(image)
        assert values.dtype == np.float32
        assert values.flags.c_contiguous
        np.testing.assert_array_equal(values, RGB)


def test_gray_becomes_rgb_where_the_network_wants_it():
    for image in (GRAY, GRAY[..., None], Image.fromarray(GRAY)):
        values = pixels(image, 3)
        assert values.shape == (9, 7, 3)
        for k in range(3):
            np.testing.assert_array_equal(values[..., k], GRAY)
    assert pixels(GRAY, None).shape == (9, 7, 1)
    assert pixels(RGB, None).shape == (9, 7, 3)


def test_rgb_becomes_gray_as_matlab_does_it():
    values = pixels(RGB, 1)
    expected = 0.298936 * RGB[..., 0] + 0.587043 * RGB[..., 1] + 0.114021 * RGB[..., 2]
    assert values.shape == (9, 7, 1)
    np.testing.assert_allclose(values[..., 0], expected, rtol=1e-6)
    net = refvis.chain({"conv": Conv(np.ones((2, 3, 3, 1), "float32"))})
    np.testing.assert_array_equal(net.preprocess(RGB)[0], values)
    np.testing.assert_array_equal(net.preprocess(GRAY)[0, ..., 0], GRAY)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
def test_what_is_transparent_shows_white(tmp_path, mode):
    path = tmp_path / "a.png"
    if mode in ("RGBA", "LA"):
        image = Image.new(mode, (4, 3), (10, 20, 30, 0) if mode == "RGBA" else (10, 0))
        image.putpixel((1, 2), (10, 20, 30, 255) if mode == "RGBA" else (10, 255))
        image.save(path)
    else:
        values = np.zeros((3, 4), np.uint8)
        values[2, 1] = 1
        image = Image.fromarray(values)
        if mode == "P":
            image = Image.new("P", (4, 3), 0)
            image.putpalette([9, 9, 9, 10, 20, 30])
            image.putpixel((1, 2), 1)
        image.save(path, transparency=0)
    decoded = pixels(path)
    expected = np.full((3, 4, 3), 255)
    expected[2, 1] = {"RGBA": (10, 20, 30), "LA": 10, "P": (10, 20, 30), "L": 1}[mode]
    np.testing.assert_array_equal(decoded, expected)


def test_half_transparent_is_blended():
    values = pixels(Image.new("RGBA", (2, 3), (0, 100, 200, 128)))
    np.testing.assert_allclose(values[0, 0], 255 + (np.array([0, 100, 200]) - 255) * 128 / 255, atol=1)


def test_sixteen_bits_become_eight(tmp_path):
    values = np.array([[0, 257, 65535], [128 * 257, 1000, 5]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    decoded = pixels(tmp_path / "a.png", 1)
    assert decoded.shape == (2, 3, 1)
    np.testing.assert_allclose(decoded[..., 0], values / 257, rtol=1e-6)


def test_black_and_white_and_float_images(tmp_path):
    Image.fromarray(GRAY > 99).save(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels(tmp_path / "a.png", 1)[..., 0], np.where(GRAY > 99, 255, 0))
    Image.fromarray(GRAY.astype("float32") / 3).save(tmp_path / "a.tiff")
    np.testing.assert_allclose(pixels(tmp_path / "a.tiff", 1)[..., 0], GRAY / 3, rtol=1e-6)


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_files_are_turned_upright(tmp_path, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), np.rot90(RGB, turn))


@pytest.mark.parametrize("average", [AVERAGE, AVERAGE.reshape(1, 1, 3), tuple(AVERAGE.tolist()), AVERAGE[:1]])
def test_average_colour_is_subtracted(average):
    expected = RGB - np.broadcast_to(np.asarray(average, "float32").ravel(), 3)
    np.testing.assert_array_equal(subtract_average(RGB.astype("float32"), average), expected)


def test_average_image_is_subtracted_after_resizing():
    average = np.random.default_rng(5).uniform(90, 130, SIZE).astype("float32")
    net = refvis.chain({"conv": Conv(np.ones((2, 3, 3, 3), "float32"))}, {"normalization": {"averageImage": average}})
    assert net.input_size == SIZE[:2]
    x = net.preprocess(RGB)
    assert (x.dtype, x.shape) == (np.float32, (1, *SIZE))
    np.testing.assert_allclose(x[0], imresize(RGB, SIZE[:2], "left out") - average, rtol=0, atol=2e-4)
    np.testing.assert_array_equal(net.restore(x), np.clip(np.rint(x[0] + average), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("shape", [(9, 8, 3), (7, 9, 3), (9, 7, 2), (1, 1, 2), (2,)])
def test_average_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match=r"meta\.normalization\.averageImage"):
        subtract_average(RGB.astype("float32"), np.zeros(shape))


def test_without_meta_data_pixels_are_the_input():
    net = refvis.chain({"conv": Conv(np.ones((2, 3, 3, 3), "float32"))})
    assert net.input_size is None
    np.testing.assert_array_equal(net.preprocess(RGB), RGB[None])


def test_pictures():
    x = np.array([-300, 0.4, 0.6, 900], "float32").reshape(1, 2, 2, 1)
    assert picture(x).tolist() == [[[0] * 3, [0] * 3], [[1] * 3, [255] * 3]]
    assert picture(x[..., [0, 0, 0]], [10, 20, 30])[0, 1].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((4, 5, 3), np.nan), "60 values that are NaN or infinite"),
        (np.where(GRAY[2, 3] == GRAY, np.inf, 1.0), "NaN or infinite"),
        (np.zeros((0, 5, 3)), "empty"),
        (np.zeros((4, 5, 0)), "empty"),
        (np.zeros((1, 4, 5, 3)), r"array of shape \(1, 4, 5, 3\)"),
        (np.zeros(5), "expected a path"),
        (np.array([["a", "b"]]), "expected a path"),
        (np.zeros((4, 5, 3), complex), "expected a path"),
        ([[1, 2], [3, 4]], "found: list"),
        (None, "found: NoneType"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        pixels(image)
    with pytest.raises(ValueError, match=message):
        classifier().preprocess(image)


def test_files_that_are_no_images_are_refused(tmp_path):
    text = tmp_path / "text.png"
    text.write_text("not an image at all")
    with pytest.raises(ValueError, match=r"text\.png is not an image that can be read"):
        pixels(text)
    empty = tmp_path / "empty.jpg"
    empty.write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty\.jpg is not an image"):
        pixels(empty)
    with pytest.raises(FileNotFoundError, match=r"nothing\.png"):
        pixels(tmp_path / "nothing.png")
    with pytest.raises(IsADirectoryError):
        pixels(tmp_path)


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path, kind, share):
    path = tmp_path / f"a.{kind}"
    Image.fromarray(RGB.repeat(20, axis=0).repeat(20, axis=1)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"is a damaged image|is not an image"):
        pixels(path)


def test_networks_channels_that_no_image_has_are_refused():
    net = refvis.chain(
        {"conv": Conv(np.ones((2, 3, 3, 5), "float32"))}, {"normalization": {"averageImage": np.ones(5)}}
    )
    with pytest.raises(ValueError, match="5 channels and the image 3"):
        net.preprocess(RGB)


@pytest.mark.parametrize("image", [RGB / 255, (RGB / 255).astype("float32"), GRAY / 127.5 - 1, np.ones((4, 5, 3))])
def test_floats_whose_white_seems_to_be_1_are_warned_of(image):
    with pytest.warns(
        UserWarning, match=r"values lie in -?[01]\S* \.\.\. \S+, expected 0 \.\.\. 255: multiply them"
    ) as told:
        classifier().preprocess(image)
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    "image", [RGB // 200, np.zeros((4, 5, 3)), np.zeros((4, 5), "uint8"), RGB.astype(float), RGB / 200, RGB > 100]
)
def test_dark_images_are_no_reason_to_warn(image):
    assert classifier().preprocess(image).shape[0] == 1
