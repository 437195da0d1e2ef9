"""Losses: lines to try and change below the code of the page."""

import torch

from loss import (
    absolute,
    binary_cross_entropy,
    cross_entropy,
    derivative,
    entropy,
    fit,
    hinge,
    huber,
    kl_divergence,
    log_softmax,
    naive_softmax,
    squared,
    squared_log,
)

# --8<-- [start:pull]
label = torch.tensor(10.0).double()
for error in 0.5, 10.0, 100.0:  # try -0.5 and -10: which loss minds the sign?
    print(f"error {error}:", end="")
    for each in squared, absolute, huber, squared_log:
        print(f"  {each.__name__} {derivative(each, label + error, label):.3f}", end="")
    print()

# --8<-- [end:pull]
# --8<-- [start:fit]
x = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
y = torch.tensor([1.0, 3.0, 5.0, 7.0, 90.0])  # a slip: put it right, 9
for each in squared, absolute, huber:
    weight, bias = fit(each, x, y).tolist()
    print(f"{each.__name__:8} weight {weight:5.2f}, bias {bias:6.2f}")

# --8<-- [end:fit]
# --8<-- [start:binary]
for logit in -10.0, -1.0, 0.0, 1.0, 10.0:
    z, yes = torch.tensor([logit, 1.0]).double()  # which slopes has a label of 0?
    loss, lacking = binary_cross_entropy(z, yes), hinge(z, yes)
    slope = derivative(binary_cross_entropy, z, yes)
    print(f"{logit:5}: loss {loss:6.3f}, slope {slope:6.3f}, hinge {lacking:.0f}")

# --8<-- [end:binary]
# --8<-- [start:coin]
coin = torch.tensor([0.7, 0.3])  # make it fair, or (1, 0): what is its entropy?
for heads in 0.5, 0.7, 0.9, 0.99:
    z = torch.tensor([heads, 1 - heads]).log()
    total, extra = cross_entropy(z, coin), kl_divergence(z, coin)
    print(f"{heads:4}: cross-entropy {total:.3f} = {entropy(coin):.3f} + {extra:.3f}")

# --8<-- [end:coin]
# --8<-- [start:overflow]
for largest in 20.0, 88.0, 89.0, 1000.0:  # and -1000: which of the two breaks then?
    z = torch.tensor([largest, 0.0])
    print(f"{largest:6}: naive {naive_softmax(z).log().tolist()}, ", end="")
    print(f"stable {log_softmax(z).tolist()}")

# --8<-- [end:overflow]
