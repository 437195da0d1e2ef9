"""What a tensor is, in four experiments: its memory, dtype, shape and gradient.

Built in the lecture `training`.
"""

import numpy as np
import torch


# --8<-- [start:memory]
def memory() -> dict[str, float]:
    """Change a NumPy array, and see which tensor changes with it."""
    array = np.zeros(3, dtype=np.float32)
    shared, copied = torch.from_numpy(array), torch.tensor(array)
    array[0] = 7
    return {"shared": float(shared[0]), "copied": float(copied[0])}


# --8<-- [end:memory]
# --8<-- [start:dtypes]
def dtypes() -> dict[str, str]:
    """Name the dtypes of the tensors that everyday lines make."""
    whole, decimal = torch.tensor([1, 2]), torch.tensor([1.0, 2.0])
    made = {
        "whole": whole,
        "decimal": decimal,
        "both": whole + decimal,
        "numpy": torch.from_numpy(np.array([1.0, 2.0])),
        "truth": decimal > 1,
    }
    return {name: str(tensor.dtype).split(".")[1] for name, tensor in made.items()}


# --8<-- [end:dtypes]
# --8<-- [start:broadcast]
def broadcast() -> dict[str, str]:
    """Subtract what has another shape: three that help, and a trap."""
    x, y, z = torch.ones(5, 3), torch.ones(5), torch.ones(5, 1)
    made = {
        "number": x - 1,  # (5, 3) - () gives (5, 3)
        "row": x - x.mean(dim=0),  # (5, 3) - (3,): from each row
        "column": x - x.mean(dim=1, keepdim=True),  # (5, 3) - (5, 1)
        "trap": y - z,  # (5,) - (5, 1): each from each
    }
    return {name: str(tuple(tensor.shape)) for name, tensor in made.items()}


# --8<-- [end:broadcast]
# --8<-- [start:gradients]
def gradients_accumulate() -> dict[str, float]:
    """Let autograd find the gradient of w³ at 2, twice without clearing the first."""
    w = torch.tensor(2.0, requires_grad=True)  # record what is done with w
    found = []
    for _ in range(2):
        (w**3).backward()  # replay the record backwards: 3 w² is 12
        assert w.grad is not None
        found.append(w.grad.clone())  # which is added to what was there
    with torch.no_grad():  # do not record this
        w -= 0.01 * found[0]
    once, twice, moved = map(float, (*found, w.detach()))
    return {"once": once, "twice": twice, "moved": moved}


# --8<-- [end:gradients]
