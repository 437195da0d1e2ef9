"""A pretend accelerator: its numbers stay in main memory, but it refuses what a GPU refuses.

Tensors of two devices in one operation, a generator of another device, `.numpy()`, and numbers of 64 bits, which
Apple's GPUs lack. It also refuses to draw weights: a GPU draws others than a CPU does from the same seed. It knows
nothing of speed, of memory, or of operations that a real device has no kernel for.
To import this module registers the device, for the whole process: it is then what `torch.accelerator` finds.
Run as a program it calls the `main` of a script on it: `python tests/pretend.py cnn FOLDER`.
"""

import importlib
import sys
from pathlib import Path

import sklearn.datasets
import torch
from torch._decomp.decompositions import gru_impl, lstm_impl
from torch.nn.modules import rnn as layers
from torch.utils._mode_utils import no_dispatch
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

there = _DummyBackendModule()
vars(there).update(get_rng_state=torch.get_rng_state, set_rng_state=torch.set_rng_state)
_setup_privateuseone_for_python_backend("pretend", there)
torch._C._set_only_lift_cpu_tensors(True)

aten = torch.ops.aten
MOVES = {aten.copy_.default, aten._to_copy.default}  # from one device to another
PICKS = {aten.index.Tensor, aten.index_put_.default}  # may take their indices from the CPU
WEIGHTS = {aten.normal_.default, aten.uniform_.default}  # what layers begin with


class Far(torch.Tensor):
    """A tensor of the pretend device: the shell of one that is `near`, in main memory."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    def __new__(cls, near):
        if near.dtype == torch.float64:
            raise TypeError("The pretend device has no float64.")
        look = {"strides": near.stride(), "storage_offset": near.storage_offset(), "dtype": near.dtype}
        shell = torch.Tensor._make_wrapper_subclass(cls, near.shape, device="pretend:0", **look)
        shell.near = near
        return shell

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return call(operation, *args, **kwargs or {})

    def __reduce_ex__(self, protocol):
        return self.near.__reduce_ex__(protocol)

    def __format__(self, how):
        return format(self.near, how)

    def tolist(self):
        return self.near.tolist()


def call(operation, *args, device=None, **kwargs):
    """Do an operation in main memory, if a GPU would do it; what it gives is far away if what it took was."""
    taken = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
    near = [each for each in taken if type(each) is not Far]
    goes_far = device.type == "pretend" if device else len(near) < len(taken)
    if near and len(near) < len(taken) and operation not in MOVES:
        picks = operation in PICKS and type(args[0]) is Far
        changes_near = near[0] is args[0] and operation._schema.is_mutable
        if changes_near or (not picks and any(each.dim() for each in near)):  # a GPU takes single numbers from anywhere
            raise RuntimeError(f"Expected all tensors to be on the same device, in {operation}.")
    if goes_far and kwargs.get("generator") is not None:
        raise RuntimeError(f"Expected a generator of the pretend device, in {operation}.")
    if goes_far and operation in WEIGHTS:  # a GPU would do it, but begin with other weights than a CPU of the same seed
        raise RuntimeError(f"Expected weights that were drawn on the CPU, in {operation}.")
    shells = {id(each.near): each for each in taken if type(each) is Far}
    here_args, here_kwargs = tree_map_only(Far, lambda each: each.near, (args, kwargs))
    out = operation(*here_args, **here_kwargs, **({"device": "cpu"} if device else {}))
    if torch.Tag.inplace_view in operation.tags:
        with no_dispatch():
            operation(*args, **kwargs)
    if operation is aten.copy_.default:
        return args[0]

    def place(made):
        return shells[id(made)] if id(made) in shells else Far(made) if goes_far else made

    return tree_map_only(torch.Tensor, place, out)


LIBRARY = torch.library.Library("_", "IMPL")
LIBRARY.fallback(call, "PrivateUse1")
layers._VF.gru, layers._VF.lstm = gru_impl, lstm_impl  # in small steps: PyTorch has them whole for its own devices

SMALL = {  # what each `main` is called with
    "architectures": {"data": "digits", "examples": 64, "epochs": 1, "seeds": 1, "pixels": 64},
    "backprop": {"passes": 1, "steps": 2},
    "cnn": {"data": "digits", "epochs": 1, "seeds": 1},
    "deployment": {"data": "digits", "steps": 1, "seeds": 1, "ship_steps": 1},
    "learning": {"seeds": 1},
    "loss": {"seeds": 1, "steps": 2},
    "mlp": {"epochs": 1},
    "network": {"steps": 4},
    "overfitting": {"epochs": 1, "tries": 2},
    "perceptron": {"device": "auto", "epochs": 2},
    "rnn": {"epochs": 1, "characters": 10_000},
    "sgd": {"epochs": 2, "clock": 0.001},
    "training": {"data": "digits", "epochs": 1},
    "transfer": {"data": "digits", "pretraining": 2, "steps": 1, "seeds": 1},
    "vae": {"data": "digits", "epochs": 2},
}


def few_digits(count=300):
    """Let scikit-learn have this many digits."""
    load = sklearn.datasets.load_digits

    def load_few():
        data = load()
        return type(data)(**{name: data[name][:count] for name in ("data", "images", "target")})

    sklearn.datasets.load_digits = load_few


def shorten(script):
    """Take out of a script what is only more of the same."""
    match script.__name__:
        case "perceptron":
            fit = script.fit
            script.fit = lambda model, x, y, epochs: fit(model, x, y, min(epochs, 2))
            script.combinations = lambda *_: [(0, 8), (3, 8)]
        case "rnn":
            compare, evaluate, generate = script.compare_memory, script.evaluate, script.generate
            gradients, memory_task = script.measure_gradients, script.memory_task
            windows = script.text_windows
            script.compare_memory = lambda seeds, device: compare(seeds[:1], device)
            script.evaluate = lambda model, text: evaluate(model, text[:20])
            script.generate = lambda model, start, n, *others: generate(model, start, 4, *others)
            script.measure_gradients = lambda seeds, device: gradients(seeds[:1], device)
            script.memory_task = lambda n, length, drawn: memory_task(20, 4, drawn)
            script.text_windows = lambda tokens, length: windows(tokens[:200], 8)
        case "sgd":
            by_epoch, race = script.by_epoch, script.race
            script.by_epoch = lambda steps, size, epochs: by_epoch(steps, min(size, 2), min(epochs, 2))
            script.race = lambda surface, steps, *others: race(surface, 5, *others)


def main(topic, out):
    """Run the script of `topic` into the folder `out`."""
    if topic != "history":  # its rules were written for all digits
        few_digits()
    script = importlib.import_module(topic)
    shorten(script)
    script.main(out=Path(out), **SMALL.get(topic, {}))


if __name__ == "__main__":
    main(*sys.argv[1:])
