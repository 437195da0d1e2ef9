"""PyTorch and the training loop: lines to try and change below the code of the page."""

import torch
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from neuronup.accuracy import accuracy
from neuronup.loaders import Examples, Loader
from neuronup.loop import predict, train_epoch
from training import Classifier, first, image_splits, module_step

# --8<-- [start:broadcast]
rows, column = torch.arange(3.0), torch.arange(3.0)[:, None]
print(tuple(rows.shape), tuple(column.shape), tuple((rows - column).shape))
print(rows - column)  # what does (rows - column.squeeze()) give?

# --8<-- [end:broadcast]
# --8<-- [start:gradients]
w = torch.tensor(3.0, requires_grad=True)
for _ in range(3):
    (w**2).backward()
    print(w.grad)  # clear it with w.grad = None: what is printed then?

# --8<-- [end:gradients]
# --8<-- [start:module]
torch.manual_seed(0)
images = first(image_splits("digits", seed=0)[0], most=64)
model = Classifier(hidden=32)
optimiser = SGD(model.parameters(), lr=0.5)  # try 0.01 and 50
for step in range(5):
    module_step(model, images.x, images.y, optimiser)
    print(step, round(cross_entropy(model(images.x), images.y).item(), 3))

# --8<-- [end:module]
# --8<-- [start:loader]
few = Examples(torch.arange(10.0)[:, None], torch.arange(10))
loader = Loader(few, batch_size=4, seed=0)  # try batches of 5, and another seed
for number in 1, 2:
    print("epoch", number, [batch.y.tolist() for batch in loader])

# --8<-- [end:loader]
# --8<-- [start:epoch]
parts = image_splits("digits", seed=0)
batches = Loader(parts[0], batch_size=64, seed=0)  # try all at once: 2000
model = Classifier()
optimiser = SGD(model.parameters(), lr=0.3)
for epoch in range(4):
    loss = train_epoch(model, batches, optimiser)
    right = accuracy(predict(model, parts[1].x), parts[1].y)
    print(f"epoch {epoch}: loss {loss:.3f}, {right:.1%} of validation images")

# --8<-- [end:epoch]
