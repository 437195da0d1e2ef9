"""The checks of the lab on deployment: what each answer must do, and what mistakes look like."""

import json
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from neuronup.exercises import call, expect, tensor
from neuronup.images import Scale


def erase(erase: Callable[..., Any]) -> None:
    """A square in each image, at a place of its own, for squares of several sizes."""
    for shape, corners, size in (
        ((3, 2, 6, 9), [[1, 5], [0, 2], [3, 0]], 3),
        ((2, 1, 7, 5), [[5, 1], [2, 3]], 2),
        ((2, 3, 4, 4), [[0, 3], [2, 1]], 1),
    ):
        x = torch.rand(shape) + 0.1
        places = torch.tensor(corners)

        def erased(places: Tensor, size: int, x: Tensor = x) -> Tensor:
            down = torch.arange(x.shape[2]) - places[:, :1]
            across = torch.arange(x.shape[3]) - places[:, 1:]
            rows, columns = ((each >= 0) & (each < size) for each in (down, across))
            inside = rows[:, :, None] & columns[:, None, :]
            return x.masked_fill(inside[:, None], 0)

        right = erased(places, size)
        found = tensor(call(erase, x, places, size))
        assert found.shape == x.shape, (
            f"the images are to keep their shape, {shape}; it is {tuple(found.shape)}"
        )
        expect(
            found,
            right,
            f"in each image {size} by {size} pixels are to be 0, from its own corner on",
            {
                "nothing is erased: return the changed copy": x,
                "first comes the row, then the column": erased(places.flip(1), size),
                "each image has a corner of its own: this is the first one's in all of them": erased(
                    places[:1].expand(len(x), 2), size
                ),
                f"the square is to have {size} by {size} pixels, this one is larger": erased(
                    places, size + 1
                ),
                f"the square is to have {size} by {size} pixels, this one is smaller": erased(
                    places, size - 1
                ),
                "erase the square, and keep what is around it": x - right,
                "the corner is the square's upper left pixel, not its middle": erased(
                    places - size // 2, size
                ),
                "the square is to be background: 0, not 1": right + (right == 0),
                "all channels of an image lose the square, not the first alone": torch.cat(
                    [right[:, :1], x[:, 1:]], dim=1
                ),
            },
        )


class _Probe(nn.Module):
    """A network that keeps what it gets, and returns three sums of it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, 3) for images x (n, 1, 28, 28)."""
        self.got = x
        return x.flatten(1)[:, :300].reshape(-1, 3, 100).sum(dim=2)


def photographs(photo_model: Callable[..., Any]) -> None:
    """A model for photographs: what reaches its network, what it returns, and whether it can be exported."""
    scale = Scale(torch.full((1, 1, 1), 0.2), torch.full((1, 1, 1), 0.3))
    for many in (3, 5):
        photograph = torch.randint(256, (many, 56, 56)).to(torch.uint8)
        network = _Probe()
        found = call(photo_model(scale, network).eval(), photograph)
        assert hasattr(network, "got"), "the network is to get the images: call it"
        got, raw = network.got, photograph[:, None].float()
        assert got.shape == (many, 1, 28, 28), (
            f"the network gets images of shape (n, 1, 28, 28), not {tuple(got.shape)} for {many} photographs"
        )
        assert got.dtype == torch.float32, (
            f"the network computes in float32, and gets {got.dtype}: take .float()"
        )
        small = avg_pool2d(1 - raw / 255, 2)
        expect(
            got,
            scale(small),
            "the network is to get images from 0 to 1, the foreground light, half as large, standardised",
            {
                "the foreground is dark in a photograph and light in MNIST: change light and dark, 1 - x": scale(
                    1 - small
                ),
                "standardise before the network": small,
                "standardise before the network, and change light and dark": 1 - small,
                "the numbers go to 255: divide by it": scale(255 * small),
                "divide by 255 before you take it from 1": scale(
                    1 - avg_pool2d(raw, 2)
                ),
                "standardise once, not twice": scale(scale(small)),
                "standardise at the end: mean and standard deviation are those of images as in MNIST, with a light foreground": 1
                - scale(1 - small),
                "take the mean of 2 by 2 pixels, not one of them": scale(
                    1 - raw[..., ::2, ::2] / 255
                ),
                "take the mean of 2 by 2 pixels, not the largest": scale(
                    max_pool2d(1 - raw / 255, 2)
                ),
                "divide by 255, not by 256": scale(avg_pool2d(1 - raw / 256, 2)),
                "rows and columns have changed places": scale(small.mT),
            },
        )
        expect(
            found,
            _Probe()(got),
            "return what the network says, the logits, and nothing else",
            {"return logits, not probabilities": _Probe()(got).softmax(dim=1)},
        )
    learner = nn.Sequential(nn.Conv2d(1, 2, 5, stride=4), nn.Flatten())
    batch = ({0: torch.export.Dim("batch")},)
    try:
        whole = photo_model(scale, learner).eval()
        torch.export.export(whole, (photograph,), dynamic_shapes=batch)
    except Exception as error:
        raise AssertionError(
            "it computes the right numbers, but it cannot be exported for any number of photographs: use PyTorch's functions "
            "on all of them at once, without NumPy, loops over photographs, or `if` on what they hold "
            f"({type(error).__name__})"
        ) from None


def read_image(read_image: Callable[..., Any]) -> None:
    """Requests as they should be, and others that must be refused in a sentence that helps."""
    image = torch.randint(256, (56, 56))
    image[0, :2] = torch.tensor([0, 255])  # both are allowed
    rows = image.tolist()

    def body(image: object, key: str = "image") -> bytes:
        return json.dumps({key: image}).encode()

    for good in (rows, (255 - image).tolist()):
        try:
            found = call(read_image, body(good))
        except ValueError as error:
            raise AssertionError(
                f"an image as it should be is refused: {error}"
            ) from None
        expect(
            tensor(found, 56, 56),
            good,
            "return the image as it was sent, 56 rows of 56 whole numbers",
            {
                "return the numbers as they were sent, from 0 to 255": torch.tensor(
                    good
                )
                / 255,
                "rows and columns have changed places": torch.tensor(good).T,
            },
        )
    bad: dict[str, bytes] = {
        "an empty request": b"",
        "a request that is no JSON": b"A seven, I think.",
        "a request that is no text": b"\xff\xd8\xff\xe0",
        "100,000 opening brackets": 100_000 * b"[",
        "a list instead of an object": json.dumps(rows).encode(),
        "a number instead of an object": b"7",
        "an object with another key": body(rows, "picture"),
        "55 rows": body(rows[1:]),
        "rows of 55 numbers": body([row[1:] for row in rows]),
        "a row that is too short": body([*rows[:-1], rows[-1][1:]]),
        "3,136 numbers in one row": body(image.flatten().tolist()),
        "a list around the rows": body([rows]),
        "fractions": body((image / 255).tolist()),
        "text instead of numbers": body(
            [[str(pixel) for pixel in row] for row in rows]
        ),
        "a null in the image": body([*rows[:-1], [None, *rows[-1][1:]]]),
        "a pixel of -1": body([*rows[:-1], [-1, *rows[-1][1:]]]),
        "a pixel of 256": body([*rows[:-1], [256, *rows[-1][1:]]]),
    }
    for what, request in bad.items():
        try:
            read_image(request)
        except ValueError as error:
            said = str(error)
            assert "56" in said and "255" in said, (  # noqa: PT018 - one message for both
                f"{what}: it is refused with {said!r}; say what to send, 56 rows of 56 whole numbers from 0 to 255"
            )
            assert "\n" not in said, (
                f"{what}: it is refused in several lines; write one sentence"
            )
        except Exception as error:
            raise AssertionError(
                f"{what}: it stops your function with {type(error).__name__}; refuse it, with a ValueError and your sentence"
            ) from None
        else:
            raise AssertionError(f"{what}: it comes through; raise ValueError(…)")


def round_to(round_to: Callable[..., Any]) -> None:
    """Weights rounded to several numbers of bits, rows of different size."""
    weight = torch.tensor(
        [
            [0.91, -2.1, 0.37, 1.23, -0.66],
            [0.052, 0.021, -0.043, 0.0131, 0.007],
            [-5.3, 4.1, 0.77, -1.9, 3.1],
        ]
    )
    for bits in (8, 4, 3, 2):
        top = 2 ** (bits - 1) - 1

        def rounded(
            top: int,
            largest: Tensor,
            weight: Tensor = weight,
            digits: Any = torch.round,
        ) -> Tensor:
            return digits(weight / (largest / top)) * (largest / top)

        largest = weight.abs().amax(dim=1, keepdim=True)
        right = rounded(top, largest)
        expect(
            call(round_to, weight, bits),
            right,
            f"with {bits} bits: the largest of a row is {top} steps, every other weight goes to the nearest step",
            {
                "nothing is rounded": weight,
                "multiply by the scale again, to get back to weights": right
                / (largest / top),
                "a scale for each row, not one for all": rounded(
                    top, weight.abs().amax()
                ),
                "a scale for each row, not for each column": rounded(
                    top, weight.abs().amax(dim=0)
                ),
                "the largest *absolute* value of a row": rounded(
                    top, weight.amax(dim=1, keepdim=True)
                ),
                f"t is 2 ** (bits - 1) - 1, here {top}: one bit is for the sign": rounded(
                    2**bits - 1, largest
                ),
                f"t is 2 ** (bits - 1) - 1, here {top}, so that -t and t are alike": rounded(
                    top + 1, largest
                ),
                "round to the nearest step, not down": rounded(
                    top, largest, digits=torch.floor
                ),
                "round to the nearest step, not towards 0": rounded(
                    top, largest, digits=torch.trunc
                ),
            },
        )


def deviation(deviation: Callable[..., Any]) -> None:
    """Windows above the reference's mean and below it, of several sizes."""
    reference = torch.randn(2000) * 0.4 + 3
    for many, shift, std in ((25, 0.5, 1.0), (100, -0.3, 0.1), (16, 0.1, 0.7)):
        window = torch.randn(many) * std + 3 + shift
        gap = window.mean() - reference.mean()
        s, root = reference.std(), many**0.5
        pooled = torch.cat([reference, window]).std()
        expect(
            call(deviation, reference, window),
            gap * root / s,
            f"the difference of the means, divided by s / √{many}",
            {
                "keep the sign: below the reference's mean the number is negative": gap.abs()
                * root
                / s,
                "the sign is wrong: a window above the reference has a positive deviation": -gap
                * root
                / s,
                "a mean varies less than single values: divide s by the root of their number": gap
                / s,
                "divide s by the *root* of the number of values": gap * many / s,
                "the number of values is the window's": gap * len(reference) ** 0.5 / s,
                "take s from the reference, not from the window": gap
                * root
                / window.std(),
                "take s from the reference alone": gap * root / pooled,
                "divide by the standard deviation, not by the variance": gap
                * root
                / s**2,
                "divide the difference of the means by s / √m": gap,
            },
            within=1e-3,
        )
