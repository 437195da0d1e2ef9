"""Handwritten digits: lines to try and change below the code of the page."""

import torch

from mlp import confidence, logistic_regression, network, train
from neuronup.accuracy import accuracy
from neuronup.images import load, translate
from neuronup.loop import predict
from neuronup.one_hot import most_likely, one_hot

# --8<-- [start:one_hot]
labels = torch.tensor([2, 0, 5])  # try a 6: why does its row hold no 1?
rows = one_hot(labels, 6)
print(rows)
print("and back:", most_likely(rows).tolist())

# --8<-- [end:one_hot]
# --8<-- [start:network]
images = load("mnist", seed=0)  # or "digits", of 8 by 8 pixels
torch.manual_seed(0)
model = network(images, hidden=32)  # how do shapes and parameters change with 64?
z = images.test.x[:5]
for layer in model:
    z = layer(z)
    print(f"{type(layer).__name__:8} {tuple(z.shape)}")
print(sum(part.numel() for part in model.parameters()), "parameters")

# --8<-- [end:network]
# --8<-- [start:train]
history = train(model, images, seed=0, epochs=1)  # what does a second epoch bring?
print("validation:", {name: round(each[-1], 3) for name, each in history.items()})
z = predict(model, images.test.x)
print(f"{accuracy(z, images.test.y):.1%} of test images")

# --8<-- [end:train]
# --8<-- [start:baselines]
logistic = logistic_regression(images)
train(logistic, images, seed=0, epochs=1)  # with more epochs, does it catch up?
print(
    f"no hidden layer: {accuracy(predict(logistic, images.test.x), images.test.y):.1%}"
)

# --8<-- [end:baselines]
# --8<-- [start:confidence]
for right in 0, 2, 4, 8:  # pixels; try a move to the left, -4
    z = predict(model, translate(images.test.x[:1], right, down=0))
    print(
        f"moved by {right}: a {int(z.argmax())}, confidence {float(confidence(z)):.0%}"
    )

# --8<-- [end:confidence]
