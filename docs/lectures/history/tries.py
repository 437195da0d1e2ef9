"""A short history of AI: lines to try and change below the code of the page."""

import torch

from history import (
    FACTS,
    FIRST,
    RULES,
    fixed_split,
    infer,
    nearest_neighbour,
    observe,
    parse,
    shift,
)

# --8<-- [start:facts]
image = torch.zeros(1, 8, 8)
image[0, 0:8, 2:6] = 1.0  # a block
image[0, 1:3, 3:5] = 0.0  # a hole above: now cut one below. Open it to the left?
print([name for name, fact in FACTS.items() if fact(image)])

# --8<-- [end:facts]
# --8<-- [start:fires]
x, digit, x_test, digit_test = fixed_split()
which = 1036  # try others: 1012, 1025, 1042: do the rules agree?
facts = observe(x[which : which + 1])
for place, rule in enumerate(parse(RULES), 1):
    if rule.fires(facts):
        print(f"rule {place}: {rule.digit}, {len(rule.conditions)} conditions")
print("predicted", infer(parse(RULES), facts).item(), "digit", digit[which].item())

# --8<-- [end:fires]
# --8<-- [start:mine]
mine = "8 if hole above, hole below, no foot, full top"  # one a line: which one helps?
for name, text in ("first ten rules", FIRST), ("and mine", FIRST + mine):
    predicted = infer(parse(text), observe(x))
    print(f"{name}: {(predicted == digit).float().mean():.2%} correct")

# --8<-- [end:mine]
# --8<-- [start:noise]
noise = torch.randn(x_test.shape, generator=torch.Generator().manual_seed(0))
for size in 0.0, 0.1, 0.5:  # try 1 and 2: what breaks first, and what does chance give?
    noisy = x_test + size * noise
    ruled = infer(parse(RULES), observe(noisy)) == digit_test
    near = nearest_neighbour(x, digit, noisy) == digit_test
    print(f"noise {size}: rules {ruled.float().mean():.0%}, ", end="")
    print(f"examples {near.float().mean():.0%}")

# --8<-- [end:noise]
# --8<-- [start:shift]
examples, labels = x, digit  # add moved ones: torch.cat([x, shift(x)]), two of digit
moved = x_test
for pixels in range(4):
    right = nearest_neighbour(examples, labels, moved) == digit_test
    print(f"moved by {pixels}: {right.float().mean():.0%} correct")
    moved = shift(moved)

# --8<-- [end:shift]
