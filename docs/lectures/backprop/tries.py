"""Backpropagation: lines to try and change below the code of the page."""

import torch

from backprop import (
    Loop,
    Value,
    autograds_tape,
    gradient_norms,
    mean_loss,
    random_weights,
    shared,
    training_steps,
)
from neuronup.digits import train_test_digits

# --8<-- [start:value]
for start in 0.5, 2.0, 2.001:  # what slope do the last two results give?
    a = Value(start)
    result = a * a * a + a  # used four times; try a.tanh() / a
    result.backward()
    print(f"a = {start}: result {result.data:.6f}, gradient {a.grad:.6f}")

# --8<-- [end:value]
# --8<-- [start:shared]
end = shared()
for call in 1, 2:  # why do only a and b double? What do three calls give?
    end.backward()
    print(f"call {call}:", {node.name: node.grad for node in end.tape()})

# --8<-- [end:shared]
# --8<-- [start:steps]
for rate in 0.01, 1.0, 10.0:  # why does 100 stop with an error of the logarithm?
    losses, learned = training_steps(rate, passes=100)
    print(f"rate {rate:6}: first {losses[0].data:.3f}, mean {mean_loss(learned):.4f}")

# --8<-- [end:steps]
# --8<-- [start:dynamic]
for size in 0.5, 5.0, 50.0:  # from which size on is it halved ten times?
    point = torch.tensor([size, 0.0], requires_grad=True)
    total = Loop()(point)
    total.backward()
    print(size, autograds_tape(total), point.grad)

# --8<-- [end:dynamic]
# --8<-- [start:depth]
images, digit = train_test_digits(seed=0)[:2]
for scale in 0.7, 1.4, 2.8:  # which one keeps "tanh" level? Does any "sigmoid"?
    norms = gradient_norms(images, digit, random_weights(20, scale, seed=0), "ReLU")
    print(f"scale {scale}: layers 1, 11, 21", [f"{g:.0e}" for g in norms[::10]])

# --8<-- [end:depth]
