"""What learning is: lines to try and change below the code of the page."""

import torch

from learning import (
    hand_made_features,
    k_means,
    means,
    nearest_index,
    play,
    principal_components,
)
from neuronup.accuracy import accuracy
from neuronup.digits import train_test_digits

# --8<-- [start:means]
x, y, x_test, y_test = train_test_digits(seed=0)  # another seed holds out others
for n in 10, 30, 100, 1257:  # try more in between: where does it level off?
    prediction = nearest_index(x_test, means(x[:n], y[:n]))
    print(f"from {n:4} images: {accuracy(prediction, y_test):.1%} of held-out ones")

# --8<-- [end:means]
# --8<-- [start:clusters]
line = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0], [30.0]])
for begin in [0.0, 1.0, 2.0], [0.0, 10.0, 30.0], [10.0, 11.0, 12.0]:  # which one fails?
    # start from [0.0, 1.0, 30.0], or with two means: do they find the groups?
    centres, costs = k_means(line, torch.tensor(begin)[:, None])
    print(f"from {begin}: {centres[:, 0].tolist()}, costs {costs}")

# --8<-- [end:clusters]
# --8<-- [start:components]
for k in 1, 2, 6, 20, 64:  # how many keep 99 %?
    centre, directions, share = principal_components(x, k)
    back = centre + (x - centre) @ directions @ directions.T
    off = (back - x).abs().mean()
    print(f"k {k:2}: {share:.0%} of the variance, pixels off by {off:.3f} on average")

# --8<-- [end:components]
# --8<-- [start:explore]
for exploration in 0.0, 0.1, 0.3, 1.0:  # which share earns most?
    rewards = play(x, y, exploration, seed=0).float()
    paid, late = rewards.mean(), rewards[-200:].mean()
    print(f"explores {exploration:.0%}: rewarded {paid:.0%}, at the end {late:.0%}")

# --8<-- [end:explore]
# --8<-- [start:features]
print("intensity, middle, top-heavy, left-heavy, mirrored, upside down")
for digit in 0, 1, 8:  # which feature tells 3 from 5?
    numbers = hand_made_features(x[y == digit]).mean(dim=0).tolist()
    print(f"{digit}:", [round(number, 2) for number in numbers])

# --8<-- [end:features]
