# %% [markdown]
# # Lab: the artificial neuron
#
# Maths $x^2$ and
#
# !!! note
#     Admonition.

# %%
from perceptron import Perceptron

print(Perceptron(3).weight)

# %% tags=["solution"]
1 + 1
