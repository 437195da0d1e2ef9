# %% [markdown]
# # Lab: ship a network, and watch it
#
# You change training images, put the preprocessing into the network, export it, serve it to many clients at once, round its weights,
# and build an alarm for the day when its inputs change. 60 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `deployment.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch
from torch import nn

import checks
import deployment
from neuronup import devices, export, figures, images, loaders, loop, metrics
from neuronup.accuracy import accuracy
from neuronup.exercises import attempt, solution
from neuronup.preprocessing import Standardise

device = devices.pick("auto")  # where networks train: a GPU, if there is one
mnist = images.load("mnist", seed=0)
x, y = mnist.train
test, labels = mnist.test
print(f"{len(x):,} training images, {len(test):,} test images, {tuple(x.shape[1:])}")

# %% [markdown]
# ## 1. Your turn: a change that keeps the label (10 minutes)
#
# A digit with a stain on it is still that digit. *Random erasing* tells a network so: in each training image it overwrites an area at a random place
# (Z. Zhong and others, 2017, arXiv:1708.04896). Ours is a square, set to the background.
#
# `erase(x, corners, size)` gets images `x (n, c, h, w)` and for each of them the row and the column of a square's upper left pixel, `corners (n, 2)`. It returns
# new images, in which the square of `size` by `size` pixels is 0. All squares lie within their image.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Copy the images. Then go through them one by one, and set a slice of rows and columns to 0 in all channels.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `erased = x.clone()`, and then `for image, (top, left) in zip(erased, corners.tolist()):`
#
# </details>


# %% tags=["exercise"]
def erase(x, corners, size):
    return None  # your turn


# %% tags=["check"]
attempt(checks.erase, erase)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def erase(x, corners, size):
    erased = x.clone()
    for image, (top, left) in zip(erased, corners.tolist(), strict=True):
        image[:, top : top + size, left : left + size] = 0
    return erased


# %% [markdown]
# In training the places are drawn at random, and the squares have 8 by 8 pixels. A second change, for comparison: upside down, which means that top and bottom
# change places. The ten digits as they are, with random erasing, and upside down:


# %%
def random_erasing(seed):
    drawn = torch.Generator().manual_seed(seed)

    def change(x):
        corners = torch.randint(0, x.shape[-1] - 8 + 1, (len(x), 2), generator=drawn)
        return torch.as_tensor(erase(x.cpu(), corners, 8)).float().to(x.device)

    return change


ten = torch.stack([x[y == digit][0] for digit in range(10)])
shown = torch.cat([ten, random_erasing(0)(ten), ten.flip(2)])
fig, ax = figures.panels(5.2, 1.7)
figures.tiles(ax, shown, columns=10)
figures.Shown(
    fig,
    "Three rows of the digits 0 to 9: as they are, with a square erased in each, and upside down.",
)

# %% [markdown]
# > **Predict.** Three networks learn from 200 images: as they are, with random erasing, and with every second image upside down. What does each of the two
# > changes do to the accuracy on test images, which stay as they are? Which digits will the last network confuse?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
from neuronup.transforms import affine, random_flip

kinds = {
    "as they are": lambda seed: None,
    "random erasing": random_erasing,
    "upside down": lambda seed: random_flip(seed, [2]),
}
scale = images.scale_of(mnist.train)
some, their_labels = test[::2], labels[::2]
shares = (200 / len(y), 1 - 200 / len(y))
right = {}
for kind, make in kinds.items():
    counts = []
    for seed in range(3):
        chosen = images.stratified_split(y, seed, shares)[0]
        few = loaders.Examples(x[chosen], y[chosen]).to(device)
        torch.manual_seed(seed)
        model = nn.Sequential(Standardise(scale), deployment.small_network(10))
        batches = loaders.Loader(few, 32, seed, make(seed))
        deployment.train(model.to(device), batches, steps=160, rate=0.008)
        found = loop.predict(model, some.to(device)).argmax(dim=1).cpu()
        counts.append(metrics.confusion_matrix(their_labels, found, 10))
    total = sum(counts)
    right[kind] = float(total.trace() / total.sum())
    low, *_, high = sorted(float(each.trace() / each.sum()) for each in counts)
    print(f"{kind}: accuracy {right[kind]:.1%}, by seed {low:.1%} to {high:.1%};")
    print(f"    {float(total[2, 5] / total[2].sum()):.1%} of the 2s are called 5")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Erasing hardly matters here: the means differ by less than one seed from another. Upside down costs several points. A 2 upside down looks like a 5, and the
# network has learnt to call it a 2. Both changes are easy to write. Only someone who knows digits can tell which of them keeps the label.
#
# </details>
#
# ## 2. Your turn: the preprocessing goes along (10 minutes)
#
# This is the network to ship, trained on all images:

# %%
served = deployment.train_to_ship(mnist.to(device), steps=400, seed=0).cpu()
network = served.network

# %% [markdown]
# An app will send photographs of digits: 56 by 56 pixels, dark strokes on light paper, whole numbers from 0 (black) to 255 (white).


# %%
def photograph(x):
    """Make photographs (n, 56, 56), whole numbers to 255, of images x (n, 1, 28, 28)."""
    large = nn.functional.interpolate(x, scale_factor=2)[:, 0]
    return (255 * (1 - large)).round().to(torch.uint8)


photographs = photograph(test)
fig, axes = figures.panels(3.6, 1.8, columns=2)
for ax, view, name in zip(
    axes, (photographs[0], test[0, 0]), ("photograph", "MNIST"), strict=True
):
    figures.greyscale(ax, view.float(), name, inverted=False)
figures.Shown(
    fig,
    "The same 7 twice: as a photograph, dark on light paper, and as MNIST has it, light on a dark ground.",
)

# %% [markdown]
# The network wants images as in MNIST: 28 by 28 pixels from 0 (background) to 1 (foreground), with a dimension for the channel, and then standardised. Write `forward`, so that the
# model takes photographs `(n, 56, 56)` and returns logits. Each pixel of the small image is the mean of a square of 2 by 2 pixels of the large one. Use PyTorch's
# functions only, and all photographs at once: the model is to be exported.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Five steps: a dimension for the channel; floats from 0 to 1; dark and light change places; half the size; standardise. What comes out goes to the network.
# Pooling can halve an image.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `x = 1 - photograph[:, None].float() / 255`
#
# </details>


# %% tags=["exercise"]
class PhotoModel(nn.Module):
    def __init__(self, scale, network):
        super().__init__()
        self.standardise = Standardise(scale)
        self.network = network

    def forward(self, photograph):
        return None  # your turn


# %% tags=["check"]
attempt(checks.photographs, PhotoModel)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
class PhotoModel(nn.Module):
    def __init__(self, scale, network):
        super().__init__()
        self.standardise = Standardise(scale)
        self.network = network

    def forward(self, photograph):
        x = 1 - photograph[:, None].float() / 255
        x = nn.functional.avg_pool2d(x, 2)  # (n, 1, 28, 28)
        return self.network(self.standardise(x))


# %% [markdown]
# Export it, and compare what the file says in onnxruntime with what PyTorch says:

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

folder = TemporaryDirectory()
path = Path(folder.name) / "digits.onnx"
model = PhotoModel(scale, network).eval()
export.export(model, photographs[:2], path)
session = export.open_session(path)
logits = export.run_session(session, photographs)
apart = float((logits - loop.predict(model, photographs)).abs().max())
print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")
print(f"accuracy {float(accuracy(logits, labels)):.1%} on {len(labels):,} photographs")
print(f"the logits of PyTorch and of onnxruntime differ by at most {apart:.0e}")

# %% [markdown]
# The server below uses the file alone.
#
# ## 3. Your turn: what may come in (10 minutes)
#
# A request is bytes, from somebody whom we do not know. Ours are to be JSON, `{"image": [[0, 255, …], …]}`: a list of 56 rows of 56 whole numbers from 0 to 255.

# %%
import json

body = json.dumps({"image": photographs[0].tolist()}).encode()
print(len(body), "bytes:", body[:40])

# %% [markdown]
# `read_image(body)` gets such bytes and returns the image `(56, 56)`. It refuses anything else: it raises `ValueError` with one sentence that says what to send.
# Whoever reads the sentence has never seen your code, so it names the 56 rows of 56 numbers and the range from 0 to 255.
# The check sends all sorts of things: no JSON, other keys, too few rows, rows of different lengths, fractions, text, `null`, numbers below 0 and above 255,
# a hundred thousand opening brackets.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Let `torch.tensor` do most of the work: it fails if rows have different lengths or hold text, and its `dtype` tells whole numbers from fractions. Catch what fails, and raise your
# own sentence instead. Then look at the shape, the `dtype`, the smallest and the largest number.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `asked = ValueError('send {"image": …}, 56 rows of 56 whole numbers from 0 to 255')`, then `try:` and
# `image = torch.tensor(json.loads(body)["image"])`
#
# </details>


# %% tags=["exercise"]
def read_image(body):
    return None  # your turn


# %% tags=["check"]
attempt(checks.read_image, read_image)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def read_image(body):
    asked = ValueError(
        'send {"image": …}, 56 rows of 56 whole numbers from 0 to 255, as JSON'
    )
    try:
        image = torch.tensor(json.loads(body)["image"])
    except (ValueError, KeyError, TypeError, RuntimeError):
        raise asked from None
    if image.shape != (56, 56) or image.dtype != torch.int64:
        raise asked
    if image.min() < 0 or image.max() > 255:
        raise asked
    return image


# %% [markdown]
# ## 4. A server (10 minutes)
#
# Python's standard library has a web server. It listens at a port of this machine, and gives each request a thread of its own, which runs `do_POST`. A good request is
# answered with status 200, a bad one with status 400 and your sentence. This server is for learning: its documentation does not recommend it for production.

# %%
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import perf_counter, sleep

begun = Event()  # a request has come in


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        begun.set()
        most = 1_000_000  # bytes: nobody may fill our memory
        try:
            length = int(self.headers["Content-Length"] or 0)
            body = self.rfile.read(max(0, min(length, most)))
            image = torch.as_tensor(read_image(body)).to(torch.uint8)
            logits = export.run_session(session, image[None])[0]
            status, answer = 200, {"digit": int(logits.argmax())}
        except ValueError as error:
            status, answer = 400, {"error": str(error)}
        sleep(self.server.pause)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *words):
        pass  # by default it writes a line for each request


class Server(ThreadingHTTPServer):
    daemon_threads = False  # at the end, wait for requests that are under way
    request_queue_size = 64  # so many more may wait for a thread
    pause = 0.0  # seconds that each request takes longer


server = Server(("127.0.0.1", 0), Handler)  # this machine only, at any free port
Thread(target=server.serve_forever, args=[0.05], daemon=True).start()

# %% [markdown]
# And a client, which could be a program in any language on any machine:

# %%
from contextlib import closing
from http.client import HTTPConnection


def ask(body):
    """Send `body`, and return the status and the answer."""
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    with closing(connection):
        connection.request("POST", "/", body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


small = json.dumps({"image": photographs[0, ::2, ::2].tolist()}).encode()
answers = [ask(each) for each in (body, small, b"A seven, I think.")]
for status, answer in answers:
    print(status, answer)

# %% [markdown]
# > **Predict.** One client asks again and again, then eight at once. With eight, how many times as many requests a second are answered? How
# > many times as long does each client wait?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
from concurrent.futures import ThreadPoolExecutor


def seconds_to_ask(body):
    start = perf_counter()
    status, _ = ask(body)
    assert status == 200
    return perf_counter() - start


print("at once   requests a second   milliseconds: half within, 99 % within, slowest")
for clients in (1, 2, 8):
    start = perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        waits = torch.tensor(list(pool.map(seconds_to_ask, [body] * 200)))
    rate = len(waits) / (perf_counter() - start)
    half, most, slowest = (1000 * waits).quantile(torch.tensor([0.5, 0.99, 1])).tolist()
    print(f"{clients:7}   {rate:17.0f}   {half:25.1f} {most:12.1f} {slowest:8.1f}")
parts = {
    "read_image": lambda: read_image(body),
    "the network": lambda: export.run_session(session, photographs[:1]),
}
for name, part in parts.items():
    start = perf_counter()
    for _ in range(50):
        part()
    print(f"{name} alone: {20 * (perf_counter() - start):.2f} ms")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Far from eight times as many, and each client waits several times as long. In an ordinary Python, one thread at a time runs, and reading the JSON is more work here
# than running the network. In this lab the clients even share that time with the server. Users notice the slowest requests, so measure them, and not only the rate.
#
# </details>
#
# > **Predict.** You want to stop the server, to put a new network in. A request is under way and will take another half second. What should its client get?
# > And one who asks a moment later?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
server.pause = 0.5
begun.clear()
with ThreadPoolExecutor() as pool:
    last = pool.submit(ask, body)
    begun.wait(timeout=5)  # until the request has come in
    server.shutdown()  # take no new ones
    server.server_close()  # give the port back, wait for those that are under way
    print("the one under way:", last.result())
try:
    late = ask(body)
except ConnectionRefusedError:
    late = "refused"
print("a moment later:", late)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The one under way is answered, and a later one is refused at once, so that its client can try elsewhere. This is a *graceful* stop. It needs the line
# `daemon_threads = False`: without it, Python's server would not wait for its threads. To ask again, run the cell of the server again.
#
# </details>
#
# ## 5. Your turn: fewer bits (10 minutes)
#
# int8 stores weights as whole numbers, times a scale that many weights share. On the lecture page it is one scale for a whole matrix. Give each *row* a scale of its own,
# and any number of bits: with $b$ bits the whole numbers go from $-t$ to $t$, where $t = 2^{b-1} - 1$ (for 8 bits 127). The largest absolute value of a row becomes $t$
# or $-t$, and every other weight of the row goes to the nearest of these steps.
#
# `round_to(weight, bits)` gets `weight (n, d)` and returns the rounded weights `(n, d)`: whole numbers times scale.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The scale is the size of a step: the largest absolute value of a row, divided by $t$. Divide by it, round, and multiply again.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `scale = weight.abs().amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)`
#
# </details>


# %% tags=["exercise"]
def round_to(weight, bits):
    return None  # your turn


# %% tags=["check"]
attempt(checks.round_to, round_to)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def round_to(weight, bits):
    scale = weight.abs().amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)
    return (weight / scale).round() * scale


# %% [markdown]
# > **Predict.** All weights of the network are rounded. Down to how many bits does the accuracy stay within one point of float32's? How much does it help that each row, which
# > is one filter or one neuron, has a scale of its own?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
from copy import deepcopy


def rounded(bits, each_row):
    """Return the accuracy of the network, all weights rounded: by rows, or as one row."""
    whole = deepcopy(model)
    for layer in whole.network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            weight = layer.weight.detach()
            rows = weight.flatten(1) if each_row else weight.reshape(1, -1)
            weight.copy_(torch.as_tensor(round_to(rows, bits)).reshape(weight.shape))
    return float(accuracy(loop.predict(whole, photographs[::2]), labels[::2]))


exact = float(accuracy(logits[::2], labels[::2]))
by_row, by_matrix = {}, {}
print(f"float32: {exact:.1%}")
for bits in (8, 7, 6, 5, 4, 3, 2):
    by_row[bits], by_matrix[bits] = rounded(bits, True), rounded(bits, False)
    print(f"{bits} bits: {by_row[bits]:.1%}, one scale for all {by_matrix[bits]:.1%}")
fig, ax = figures.panels(4.6, 2.5)
for name, found in (("a scale for each row", by_row), ("one for all", by_matrix)):
    ax.plot(list(found), list(found.values()), marker="o", label=name)
ax.axhline(exact, color=figures.GREEN, linestyle=":", label="float32")
ax.set(xlabel="bits of a weight", ylabel="accuracy", ylim=(0, 1.05))
ax.legend()
figures.Shown(
    fig,
    "Accuracy on test photographs by the bits of a weight. Both curves lie on that of float32 down to four bits, and a few points below it at three. At two they fall, with one scale for all to that of guessing.",
)

# %% [markdown]
# Your file in int8, by onnxruntime, which rounds the activations too: with ranges measured once on validation images (static), or in each batch (dynamic).

# %%
calibration = photograph(mnist.validation.x[:512])
int8 = deployment.compress(path, calibration, loaders.Examples(photographs, labels))
for kind, size in int8["bytes"].items():
    one, many = (1e6 * seconds for seconds in int8["seconds"][kind])
    print(
        f"{kind}: {size / 1000:.0f} KB, accuracy {int8['right'][kind]:.1%}, "
        f"{one:.0f} µs for one photograph, {many / 256:.1f} µs each for 256"
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Down to four bits. A scale for each row hardly matters here with three bits and more. With two it is far better, and still of no use. The int8 files have about a third
# of the bytes and are as accurate. Whether they are faster, and for which size of batch, you read off for your machine.
#
# </details>
#
# ## 6. Your turn: an alarm (10 minutes)
#
# The page's alarms compare whole distributions. A simpler one compares means. It watches one number for each image, for example the confidence, or the foreground (the mean of all
# pixels). Held-out images give the values `reference (n,)`, a window of new images gives `window (m,)`. Even if nothing has changed, the mean of a window varies: its standard
# deviation is about $s / \sqrt{m}$, where $s$ is the standard deviation of single values.
#
# `deviation(reference, window)` returns how far the window's mean lies above the reference's mean, in units of $s / \sqrt{m}$. Below it, the number is negative. Take $s$ from the
# reference.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The difference of the means, divided by what a mean of so many values varies by. More values, a smaller divisor.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `error = reference.std() / len(window) ** 0.5`
#
# </details>


# %% tags=["exercise"]
def deviation(reference, window):
    return None  # your turn


# %% tags=["check"]
attempt(checks.deviation, deviation)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def deviation(reference, window):
    error = reference.std() / len(window) ** 0.5
    return (window.mean() - reference.mean()) / error


# %% [markdown]
# Below, windows of 100 test images: thirty with the images as they are, then thirty with all images turned by 30 degrees. The alarm rings where the deviation is beyond
# −3 or 3. Such a picture is called a *control chart*.


# %%
def signals(x):
    """Return what is watched of each image x (n, 1, 28, 28), and its prediction."""
    confidence, predicted = loop.predict(model, photograph(x)).softmax(dim=1).max(dim=1)
    watched = {"confidence": confidence, "foreground": x.mean(dim=(1, 2, 3))}
    return watched, predicted


def windows(many, seed):
    """Draw the places of `many` windows of 100 test images."""
    drawn = torch.Generator().manual_seed(seed)
    return torch.randint(len(test), (many, 100), generator=drawn)


reference, held_out = signals(mnist.validation.x[:2000])
still, answered = signals(test)
turned, _ = signals(deployment.turned(test, 30))
chart = [
    float(deviation(reference["confidence"], values["confidence"][at]))
    for values in (still, turned)
    for at in windows(30, seed=1)
]
fig, ax = figures.panels(5.2, 2.4)
for side in (-3, 3):
    ax.axhline(side, color=figures.FAINT)
ax.plot(range(1, 31), chart[:30], "o", label="fresh")
ax.plot(range(31, 61), chart[30:], "x", color=figures.ORANGE, label="turned by 30°")
ax.set(xlabel="window", ylabel="deviation")
ax.legend()
figures.Shown(
    fig,
    "A control chart of the confidence: thirty fresh windows lie between the lines at −3 and 3, thirty of turned images far below.",
)

# %% [markdown]
# > **Predict.** Five more changes, and two alarms: one on the mean confidence, one on the mean foreground. Which alarm rings at which change? Which changes
# > ring none, though the accuracy falls?
# >
# > - all images moved by 3 pixels, down and to the right
# > - contrast × 0.8
# > - every second image smaller (× 0.75), the others larger (× 1.2)
# > - one image in twenty lies on its side
# > - 7 means 1: all 7s get another label

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
from neuronup.drift import ks_p_value

n = len(test)
middle, same, zoom = torch.zeros(n, 2), torch.ones(n), torch.full((n,), 1.2)
zoom[::2] = 0.75
on_side = deployment.change(mnist.test, "1 in 20 on its side", seed=0).x
changes = {
    "fresh": (test, labels),
    "turned by 30°": (deployment.turned(test, 30), labels),
    "moved by 3": (affine(test, 0 * same, same, middle + 3), labels),
    "contrast × 0.8": (0.8 * test, labels),
    "smaller, larger": (affine(test, 0 * same, zoom, middle), labels),
    "1 in 20 on its side": (on_side, labels),
    "7 means 1": (test, torch.where(labels == 7, 1, labels)),
}
rung = {}
print("share of windows in which each alarm rings")
print(f"{'':19} confidence  foreground  foreground, KS  accuracy")
for name, (changed, meant) in changes.items():
    values, predicted = signals(changed)
    rung[name] = {"confidence": 0.0, "foreground": 0.0, "KS": 0.0}
    for at in windows(100, seed=2):
        for signal, each in values.items():
            far = float(deviation(reference[signal], each[at]))
            rung[name][signal] += (abs(far) > 3) / 100
        p = ks_p_value(reference["foreground"], values["foreground"][at])
        rung[name]["KS"] += (p < 0.003) / 100  # by chance as rare as a deviation of 3
    score = float(accuracy(predicted, meant))
    by, again, ks = rung[name].values()
    print(f"{name:19} {by:10.0%}  {again:10.0%}  {ks:14.0%}  {score:8.1%}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# An alarm sees what it measures.
#
# - Turned and moved images make the network less sure, and leave the foreground as it was.
# - A weaker contrast rings the foreground's alarm, although the accuracy has not fallen.
# - Where half of the images are smaller and half larger, the mean foreground hardly changes. The Kolmogorov–Smirnov test (KS) of the page compares distributions, and
#   rings.
# - One image in twenty is mostly lost among the others, and the accuracy falls.
# - No alarm can ring where only the labels change, for none of them looks at labels.
#
# </details>
#
# ## Go further
#
# - **Serve batches.** Collect requests that arrive within two milliseconds, and run the network once for all of them. When does it pay?
# - **No digit at all.** Send white paper, noise, a letter. What does the server answer, and how sure is the network? Refuse what it is not sure
#   of, and count how many good photographs you refuse as well.
# - **Two versions.** Run the int8 file beside the other, send each request to both, and count how often they disagree, before anybody gets the new answers.
# - **A few labels.** Suppose that somebody labels the 100 images of each window. What does your `deviation` say of the share of right answers? How few labels would do? A start:

# %%
known = (held_out == mnist.validation.y[:2000]).float()
seen = {}
for name in ("fresh", "7 means 1"):
    correct = (answered == changes[name][1]).float()
    far = [float(deviation(known, correct[at])) for at in windows(100, seed=3)]
    seen[name] = sum(abs(each) > 3 for each in far) / 100
    print(f"{name}: with labels, {seen[name]:.0%} of the windows ring")
folder.cleanup()
assert right["random erasing"] > right["upside down"]
assert apart < 1e-3
assert [status for status, _ in answers] == [200, 400, 400]
assert last.result() == answers[0]
assert late == "refused"
assert by_row[8] > 0.95 > by_row[2] > by_matrix[2]
assert rung["turned by 30°"]["confidence"] > 0.9 > 0.1 > rung["7 means 1"]["confidence"]
assert seen["7 means 1"] > 0.5 > seen["fresh"]
