"""Answers to the lab on deployment."""

import itertools
import json
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from answers import right, wrong
from neuronup.preprocessing import Standardise


@right("erase")
def erase_by_slices(x, corners, size):
    x = x.clone()
    for i, (top, left) in enumerate(corners):
        x[i, :, top : top + size, left : left + size] = 0
    return x


@right("erase")
def erase_by_mask(x, corners, size):
    rows = torch.arange(x.shape[2]) - corners[:, :1]
    columns = torch.arange(x.shape[3]) - corners[:, 1:]
    inside = ((rows >= 0) & (rows < size))[:, :, None] & ((columns >= 0) & (columns < size))[:, None]
    return torch.where(inside[:, None], 0.0, x)


@right("erase")
def erase_with_numpy(x, corners, size):
    found = x.numpy().astype(float)
    for image, (top, left) in zip(found, corners.numpy(), strict=True):
        image[..., top : top + size, left : left + size] = 0
    return found


@right("erase")
def erase_pixel_by_pixel(x, corners, size):
    found = x.tolist()
    for image, (top, left) in zip(found, corners.tolist(), strict=True):
        for channel in image:
            for i, j in itertools.product(range(size), range(size)):
                channel[top + i][left + j] = 0.0
    return torch.tensor(found)


@right("erase")
def erase_by_multiplying(x, corners, size):
    keep = torch.ones(len(x), 1, *x.shape[2:], dtype=torch.float64)
    for each, (top, left) in zip(keep, corners, strict=True):
        each[:, top : top + size, left : left + size] = 0
    return x * keep


@right("erase")
def erase_in_a_list(x, corners, size):
    found = []
    for image, corner in zip(x, corners.tolist(), strict=True):
        hole = torch.zeros(len(image), size, size)
        found.append(image.clone())
        found[-1][:, corner[0] : corner[0] + size, corner[1] : corner[1] + size] = hole
    return found


@wrong("erase", "argument 1: make a new one")
def erase_in_place(x, corners, size):
    for image, (top, left) in zip(x, corners, strict=True):
        image[:, top : top + size, left : left + size] = 0
    return x


@wrong("erase", "nothing is erased")
def erase_a_copy_of_a_copy(x, corners, size):
    for image, (top, left) in zip(x, corners, strict=True):
        image.clone()[:, top : top + size, left : left + size] = 0
    return x


@wrong("erase", "first comes the row")
def erase_column_first(x, corners, size):
    return erase_by_slices(x, corners.flip(1), size)


@wrong("erase", "the first one's in all of them")
def erase_one_for_all(x, corners, size):
    (top, left), x = corners[0], x.clone()
    x[:, :, top : top + size, left : left + size] = 0
    return x


@wrong("erase", "this one is larger")
def erase_too_much(x, corners, size):
    return erase_by_slices(x, corners, size + 1)


@wrong("erase", "this one is smaller")
def erase_too_little(x, corners, size):
    return erase_by_slices(x, corners, size - 1)


@wrong("erase", "keep what is around it")
def erase_all_around(x, corners, size):
    return x - erase_by_slices(x, corners, size)


@wrong("erase", "not its middle")
def erase_around_the_corner(x, corners, size):
    return erase_by_mask(x, corners - size // 2, size)


@wrong("erase", "0, not 1")
def erase_to_white(x, corners, size):
    x = x.clone()
    for i, (top, left) in enumerate(corners):
        x[i, :, top : top + size, left : left + size] = 1
    return x


@wrong("erase", "all channels of an image")
def erase_the_first_channel(x, corners, size):
    x = x.clone()
    for i, (top, left) in enumerate(corners):
        x[i, 0, top : top + size, left : left + size] = 0
    return x


@wrong("erase", "by 3 pixels are to be 0")
def erase_whole_rows(x, corners, size):
    x = x.clone()
    for i, (top, _) in enumerate(corners):
        x[i, :, top : top + size] = 0
    return x


@wrong("erase", "keep their shape")
def erase_by_cutting_out(x, corners, size):
    return torch.stack([image[:, t : t + size, s : s + size] for image, (t, s) in zip(x, corners, strict=True)])


class ForPhotographs(nn.Module):
    """What every answer to `photographs` has, and how most of them go on."""

    def __init__(self, scale, network):
        super().__init__()
        self.standardise, self.network = Standardise(scale), network

    def forward(self, photograph):
        return self.network(self.standardise(self.small(photograph)))


@right("photographs")
class HalvedByPooling(ForPhotographs):
    def small(self, photograph):
        return functional.avg_pool2d(1 - photograph.unsqueeze(1).float() / 255, 2)


@right("photographs")
class HalvedByReshaping(ForPhotographs):
    def small(self, photograph):
        x = (255 - photograph) / 255
        return x.reshape(-1, 1, 28, 2, 28, 2).mean(dim=(3, 5))


@right("photographs")
class HalvedBySlices(ForPhotographs):
    def small(self, photograph):
        x = photograph.to(torch.float32)[:, None]
        return 1 - (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / (4 * 255)


@right("photographs")
class HalvedByInterpolation(ForPhotographs):
    def small(self, photograph):
        x = functional.interpolate(photograph[:, None].double() / 255, scale_factor=0.5, mode="bilinear")
        return 1 - x.float()


@right("photographs")
class HalvedByConvolution(ForPhotographs):
    def __init__(self, scale, network):
        super().__init__(scale, network)
        self.register_buffer("quarter", torch.full((1, 1, 2, 2), 1 / 4))

    def small(self, photograph):
        return functional.conv2d(1 - photograph[:, None] / 255, self.quarter, stride=2)


@right("photographs")
class ByHand(ForPhotographs):
    def forward(self, photograph):
        x = nn.AdaptiveAvgPool2d(28)(255.0 - photograph[:, None])
        return self.network((x / 255 - self.standardise.mean) / self.standardise.std)


def made(what):
    """Make a model that computes `what(model, photograph)`."""

    class Model(ForPhotographs):
        def forward(self, photograph):
            return what(self, photograph)

    return Model


def halved(photograph):
    """Do all but standardise."""
    return functional.avg_pool2d(1 - photograph[:, None].float() / 255, 2)


def fed(small):
    """Make a model whose network gets `small(photograph)`, standardised."""
    return made(lambda self, photograph: self.network(self.standardise(small(photograph))))


wrong("photographs", "returns nothing yet", made(lambda self, photograph: None))
wrong("photographs", "change light and dark, 1 - x", fed(lambda p: functional.avg_pool2d(p[:, None] / 255, 2)))
wrong("photographs", "standardise before the network", made(lambda self, p: self.network(halved(p))))
wrong("photographs", "and change light and dark", made(lambda self, p: self.network(1 - halved(p))))
wrong("photographs", "divide by it", fed(lambda p: functional.avg_pool2d(255 - p[:, None].float(), 2)))
wrong("photographs", "before you take it from 1", fed(lambda p: functional.avg_pool2d(1 - p[:, None].float(), 2)))
wrong(
    "photographs",
    "once, not twice",
    made(lambda self, p: self.network(self.standardise(self.standardise(halved(p))))),
)
wrong("photographs", "standardise at the end", made(lambda self, p: self.network(1 - self.standardise(1 - halved(p)))))
wrong("photographs", "not one of them", fed(lambda p: 1 - p[:, None, ::2, ::2] / 255))
wrong("photographs", "not the largest", fed(lambda p: functional.max_pool2d(1 - p[:, None] / 255, 2)))
wrong("photographs", "not by 256", fed(lambda p: functional.avg_pool2d(1 - p[:, None] / 256, 2)))
wrong("photographs", "changed places", fed(lambda p: halved(p).mT))
wrong("photographs", "not (3, 28, 28)", fed(lambda p: functional.avg_pool2d(1 - p / 255, 2)))
wrong("photographs", "not (3, 1, 56, 56)", fed(lambda p: 1 - p[:, None] / 255))
wrong("photographs", "take .float()", fed(lambda p: halved(p).double()))
wrong("photographs", "call it", made(lambda self, p: self.standardise(halved(p))))
wrong(
    "photographs",
    "not probabilities",
    made(lambda self, p: self.network(self.standardise(halved(p))).softmax(dim=1)),
)
wrong(
    "photographs",
    "nothing else",
    made(lambda self, p: self.network(self.standardise(halved(p))).round()),
)
wrong(
    "photographs",
    "half as large, standardised",
    fed(lambda p: functional.avg_pool2d((1 - p[:, None] // 255).float(), 2)),
)
wrong("photographs", "stopped with RuntimeError", fed(lambda p: halved(p).reshape(3, 1, 28, 28)))
wrong(
    "photographs",
    "cannot be exported",
    fed(lambda p: torch.from_numpy(halved(p).numpy())),
)
wrong("photographs", "cannot be exported", fed(lambda p: torch.stack([halved(each[None])[0] for each in p])))


@wrong("photographs", "cannot be exported")
class AskingWhatItHolds(ForPhotographs):
    def small(self, photograph):
        x = photograph[:, None].float()
        if x.max() > 1:
            x = x / 255
        return functional.avg_pool2d(1 - x, 2)


ASKED = 'send JSON, {"image": …}, with 56 rows of 56 whole numbers from 0 to 255'


@right("read_image")
def read_with_torch(body):
    try:
        image = torch.tensor(json.loads(body)["image"])
    except Exception:
        raise ValueError(ASKED) from None
    if image.shape != (56, 56) or image.is_floating_point() or not 0 <= image.min() <= image.max() <= 255:
        raise ValueError(ASKED)
    return image.to(torch.uint8)


@right("read_image")
def read_with_numpy(body):
    try:
        image = np.array(json.loads(body)["image"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(ASKED) from None
    if image.shape != (56, 56) or image.dtype.kind != "i" or ((image < 0) | (image > 255)).any():
        raise ValueError(ASKED)
    return image


class Refused(ValueError):
    """A request that is refused."""


@right("read_image")
def read_in_loops(body):
    try:
        given = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise Refused(f"This is no JSON; {ASKED}") from error
    rows = given.get("image") if isinstance(given, dict) else None
    if not isinstance(rows, list) or len(rows) != 56:
        raise Refused(f"There are not 56 rows; {ASKED}")
    for row in rows:
        if not isinstance(row, list) or len(row) != 56:
            raise Refused(f"A row has not 56 numbers; {ASKED}")
        for pixel in row:
            if type(pixel) is not int or pixel < 0 or pixel > 255:
                raise Refused(f"{pixel!r} is no pixel; {ASKED}")
    return rows


@right("read_image")
def read_by_comparing(body):
    try:
        rows = json.loads(body)["image"]
        pixels = bytes(pixel for row in rows for pixel in row)
        assert [len(row) for row in rows] == [56] * 56
    except Exception as error:
        raise ValueError(ASKED) from error
    return torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(56, 56)


def reading(refuse=lambda image: False, otherwise=ASKED, caught=Exception, done=lambda image: image):
    """Make an answer that refuses what `refuse` says of the image, and else returns `done` of it."""

    def read_image(body):
        try:
            image = torch.tensor(json.loads(body)["image"])
        except caught:
            raise ValueError(otherwise) from None
        if refuse(image):
            raise ValueError(otherwise)
        return done(image)

    return read_image


def unlike(image):
    """Whether an image is not as asked for."""
    return image.shape != (56, 56) or image.is_floating_point() or image.min() < 0 or image.max() > 255


wrong("read_image", "returns nothing yet", lambda body: None)
wrong("read_image", "it is refused with 'Expecting value", reading(unlike, caught=KeyError, otherwise="no"))
wrong("read_image", "an empty request: it is refused with", lambda body: json.loads(body)["image"])
wrong("read_image", "it is refused with 'bad input'", reading(unlike, otherwise="bad input"))
wrong("read_image", "in several lines", reading(unlike, otherwise=ASKED.replace(", ", ",\n")))
wrong(
    "read_image",
    "a list instead of an object: it stops your function with TypeError",
    reading(unlike, caught=(ValueError, RuntimeError)),
)
wrong(
    "read_image",
    "100,000 opening brackets: it stops your function with RecursionError",
    reading(unlike, caught=(ValueError, KeyError, TypeError)),
)
wrong(
    "read_image",
    "another key: it stops your function with KeyError",
    reading(unlike, caught=(ValueError, TypeError, RuntimeError)),
)
wrong("read_image", "55 rows: it comes through", reading())
wrong("read_image", "55 rows: it comes through", reading(lambda image: image.is_floating_point()))
wrong("read_image", "in one row: it comes through", reading(lambda image: image.dim() > 1 and unlike(image)))
wrong("read_image", "a list around the rows: it comes through", reading(lambda image: image.shape[-2:] != (56, 56)))
wrong(
    "read_image",
    "fractions: it comes through",
    reading(lambda image: image.shape != (56, 56) or image.min() < 0 or image.max() > 255),
)
wrong(
    "read_image",
    "a pixel of 256: it comes through",
    reading(lambda image: image.shape != (56, 56) or image.is_floating_point() or image.min() < 0),
)
wrong(
    "read_image",
    "a pixel of -1: it comes through",
    reading(lambda image: image.shape != (56, 56) or image.is_floating_point() or image.max() > 255),
)
wrong("read_image", "an image as it should be is refused", reading(lambda image: unlike(image) or image.max() == 255))
wrong("read_image", "from 0 to 255", reading(unlike, done=lambda image: image / 255))
wrong("read_image", "changed places", reading(unlike, done=lambda image: image.T))
wrong("read_image", "56 rows of 56 whole numbers", reading(unlike, done=lambda image: 255 - image))
wrong("read_image", "the shape (56, 56), not (1, 56, 56)", reading(unlike, done=lambda image: image[None]))


@wrong("read_image", "it stops your function with AssertionError")
def read_and_assert(body):
    image = reading()(body)
    assert image.shape == (56, 56), ASKED
    return image


@right("round_to")
def round_row_by_row(weight, bits):
    top = 2 ** (bits - 1) - 1
    return [torch.round(row * (top / row.abs().max())) * row.abs().max() / top for row in weight]


@right("round_to")
def round_with_numpy(weight, bits):
    weight = weight.numpy().astype(float)
    scale = abs(weight).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
    return np.rint(weight / scale) * scale


@right("round_to")
def round_in_loops(weight, bits):
    found = []
    for row in weight.tolist():
        scale = max(abs(value) for value in row) / (2 ** (bits - 1) - 1)
        found.append([round(value / scale) * scale for value in row])
    return found


@right("round_to")
def round_by_floor(weight, bits):
    scale = torch.linalg.vector_norm(weight.double(), math.inf, dim=1)[:, None] / ((1 << (bits - 1)) - 1)
    return torch.floor(weight / scale + 0.5) * scale


@right("round_to")
def round_to_the_nearest_of_all(weight, bits):
    top = 2 ** (bits - 1) - 1
    steps = weight.abs().amax(dim=1, keepdim=True) * torch.arange(-top, top + 1) / top
    nearest = (weight[:, :, None] - steps[:, None]).abs().argmin(dim=2)
    return steps.gather(1, nearest)


@right("round_to")
def round_with_pytorch(weight, bits):
    top = 2 ** (bits - 1) - 1
    scale, zero = weight.abs().amax(dim=1) / top, torch.zeros(len(weight), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -top, top)


def rounding(largest, top=lambda bits: 2 ** (bits - 1) - 1, digits=torch.round):
    """Make an answer with another largest value, another top or another way to round."""

    def round_to(weight, bits):
        scale = largest(weight) / top(bits)
        return digits(weight / scale) * scale

    return round_to


def of_rows(weight):
    """Return the largest absolute value of each row."""
    return weight.abs().amax(dim=1, keepdim=True)


wrong("round_to", "returns nothing yet", lambda weight, bits: None)
wrong("round_to", "nothing is rounded", lambda weight, bits: weight)
wrong("round_to", "a scale for each row, not one for all", rounding(lambda weight: weight.abs().max()))
wrong("round_to", "not for each column", rounding(lambda weight: weight.abs().amax(dim=0)))
wrong("round_to", "*absolute*", rounding(lambda weight: weight.amax(dim=1, keepdim=True)))
wrong("round_to", "one bit is for the sign", rounding(of_rows, lambda bits: 2**bits - 1))
wrong("round_to", "-t and t are alike", rounding(of_rows, lambda bits: 2 ** (bits - 1)))
wrong("round_to", "not down", rounding(of_rows, digits=torch.floor))
wrong("round_to", "not towards 0", rounding(of_rows, digits=torch.trunc))
wrong(
    "round_to",
    "multiply by the scale again",
    lambda weight, bits: (weight / of_rows(weight) * (2 ** (bits - 1) - 1)).round(),
)
wrong("round_to", "every other weight goes to the nearest", rounding(of_rows, digits=torch.ceil))
wrong("round_to", "every other weight goes to the nearest", lambda weight, bits: weight.round(decimals=bits - 6))
wrong("round_to", "with 4 bits", rounding(of_rows, lambda bits: 127))
wrong("round_to", "stopped with RuntimeError", rounding(lambda weight: weight.abs().amax(dim=1)))
wrong("round_to", "with 8 bits", rounding(of_rows, lambda bits: 2 ** (bits - 2) - 1))


@right("deviation")
def deviate_in_one_line(reference, window):
    return (window.mean() - reference.mean()) * len(window) ** 0.5 / reference.std()


@right("deviation")
def deviate_with_numpy(reference, window):
    reference, window = reference.numpy().astype(float), window.numpy().astype(float)
    return (window.mean() - reference.mean()) / (reference.std() / np.sqrt(window.size))


@right("deviation")
def deviate_in_loops(reference, window):
    mean = sum(reference.tolist()) / len(reference)
    variance = sum((value - mean) ** 2 for value in reference.tolist()) / (len(reference) - 1)
    return (sum(window.tolist()) / len(window) - mean) / math.sqrt(variance / len(window))


@right("deviation")
def deviate_by_sums(reference, window):
    scores = (window.double() - reference.double().mean()) / reference.double().std(correction=0)
    return scores.sum() / math.sqrt(len(scores))


@right("deviation")
def deviate_by_variance(reference, window):
    variance, mean = torch.var_mean(reference)
    return ((window - mean) / variance.sqrt()).mean() * torch.tensor(float(len(window))).sqrt()


def deviating(by):
    """Make an answer that divides the difference of the means by `by(reference, window)`."""
    return lambda reference, window: (window.mean() - reference.mean()) / by(reference, window)


wrong("deviation", "returns nothing yet", lambda reference, window: None)
wrong("deviation", "the sign is wrong", lambda reference, window: -deviate_in_one_line(reference, window))
wrong("deviation", "keep the sign", lambda reference, window: abs(deviate_in_one_line(reference, window)))
wrong("deviation", "varies less than single values", deviating(lambda reference, window: reference.std()))
wrong("deviation", "the *root*", deviating(lambda reference, window: reference.std() / len(window)))
wrong("deviation", "is the window's", deviating(lambda reference, window: reference.std() / len(reference) ** 0.5))
wrong("deviation", "not from the window", deviating(lambda reference, window: window.std() / len(window) ** 0.5))
wrong(
    "deviation",
    "from the reference alone",
    deviating(lambda reference, window: torch.cat([reference, window]).std() / len(window) ** 0.5),
)
wrong("deviation", "not by the variance", deviating(lambda reference, window: reference.var() / len(window) ** 0.5))
wrong("deviation", "by s / √m", deviating(lambda reference, window: 1))
wrong("deviation", "a single number", lambda reference, window: (window - reference.mean()) / reference.std())
wrong("deviation", "divided by s / √25", deviating(lambda reference, window: reference.std() * len(window) ** 0.5))
wrong("deviation", "divided by s / √25", lambda reference, window: window.median() - reference.median())
