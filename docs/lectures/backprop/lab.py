# %% [markdown]
# # Lab: find out who is to blame
#
# You estimate derivatives by finite differences, write the pass backwards, give the engine a new operation, break it, and
# repair a deep network. 70 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `backprop.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import math

import backprop
import checks
from backprop import Value
from drawings import draw_graph
from neuronup import figures
from neuronup.digits import train_test_digits
from neuronup.exercises import attempt, solution

# %% [markdown]
# ## 1. Your turn: a finite difference (10 minutes)
#
# > **Predict.** What is the derivative of $f(x) = x^3$ at $x = 2$?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Before any theory: change a number a little, and see how much the result changes. Divide one by the other, and you have an estimate of the
# derivative, a *finite difference*. It is more exact if you step both ways, $(f(x + h) - f(x - h)) / 2h$, with a small $h$ such
# as $10^{-5}$. Write it for any function `f` of one number, at the number `x`; return a number.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Two calls of `f`, one on each side of `x`. How far apart are the two points?
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `h = 1e-5`
#
# </details>


# %% tags=["exercise"]
def finite_difference(f, x):
    return None  # your turn


# %% tags=["check"]
attempt(checks.finite_difference, finite_difference)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def finite_difference(f, x):
    h = 1e-5
    return (f(x + h) - f(x - h)) / (2 * h)


# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# It is $3 x^2 = 12$. You can try yours: `finite_difference(lambda x: x**3, 2.0)`.
#
# </details>
#
# With this alone you can check any gradient. You could even train with it, at the price of two runs for each
# parameter and step.
#
# ## 2. Your turn: replay the tape (15 minutes)
#
# The engine records. `tape()` lists every value after its parents; each has its `parents` and its `derivatives`, one with respect
# to each parent.
#
# > **Predict.** In $L = c\,d$ with $c = a\,b$ and $d = c + a$: through how many paths does $a$ act on $L$?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
example = backprop.shared()
for node in example.tape():
    made_of = [parent.name for parent in node.parents]
    print(
        f"{node.name:12}{node.data:6.1f}   made of {made_of}, derivatives {node.derivatives}"
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Three: through $c$, through $d$, and through $c$ and then $d$.
#
# </details>
#
# Write the pass backwards. The lecture's `backward` leaves each gradient in the value, as its `grad`. Write yours so that it returns them: a list of numbers, one for
# each value of `tape`, in the order of the tape. Two values may have the same number and no name; a `dict` tells them apart if the
# values themselves are its keys.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Begin with gradient 1 for the last value and 0 for all others. Then give each parent its share, the last value first: by then it has all its own shares.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `gradient = dict.fromkeys(tape, 0.0)`
#
# </details>


# %% tags=["exercise"]
def replay(tape):
    return None  # your turn: a list of numbers


# %% tags=["check"]
attempt(checks.replay, replay)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def replay(tape):
    gradient = dict.fromkeys(tape, 0.0)
    gradient[tape[-1]] = 1.0
    for node in reversed(tape):
        for parent, derivative in zip(node.parents, node.derivatives, strict=True):
            gradient[parent] += derivative * gradient[node]
    return [gradient[node] for node in tape]


# %%
example = backprop.shared()
tape = example.tape()
for node, gradient in zip(tape, replay(tape), strict=True):
    node.grad = float(gradient)
figures.Shown(
    draw_graph(example, backwards=True, tall=1.8, box=0.95),
    "The graph of L: each value, and below it the gradient that the replay found.",
)

# %% [markdown]
# ## 3. Break it (5 minutes)
#
# Take the lecture's pass backwards with one character less: `=` in place of `+=`.
#
# > **Predict.** For which of these will it still be right: $\exp(\tanh(a))$, $a \cdot b$, $a \cdot a$, $(a + b) \cdot a$?

# %% tags=["guess"]
guess = ""  # write yours here before you go on


# %%
def forgetful(end):
    """The pass backwards, overwriting where it should add."""
    tape = end.tape()
    end.grad = 1.0
    for node in reversed(tape):
        for parent, derivative in zip(node.parents, node.derivatives, strict=True):
            parent.grad = derivative * node.grad


formulas = {
    "exp(tanh(a))": lambda a, b: a.tanh().exp(),
    "a · b": lambda a, b: a * b,
    "a · a": lambda a, b: a * a,
    "(a + b) · a": lambda a, b: (a + b) * a,
}
for name, formula in formulas.items():
    a, b = Value(2.0), Value(-3.0)
    forgetful(formula(a, b))
    true = float(
        finite_difference(lambda x, f=formula: f(Value(x), Value(-3.0)).data, 2.0)
    )
    print(f"{name:14} derivative in a: overwriting {a.grad:7.4f}, true {true:7.4f}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Right for the first two. It survives as long as nothing branches. A chain of layers is no protection: in every network with two hidden neurons or more
# the inputs branch, and with two points in the loss the weights do.
#
# </details>
#
# ## 4. Your turn: one operation more (10 minutes)
#
# *Softplus*, $\ln(1 + e^z)$, is a ReLU without the corner at 0.
#
# > **Predict.** Its derivative is a function that you know. Which?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# An operation is a value and a derivative. The new operation gets a `Value` called `z`, whose number is `z.data`. Return a `Value`
# whose only parent is `z`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# `Value` takes three things: the number, a tuple of parents, a tuple of derivatives. For the derivative use the chain rule: the logarithm outside, $1 + e^z$ inside.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `value = math.log(1 + math.exp(z.data))`
#
# </details>


# %% tags=["exercise"]
def softplus(z):
    return None  # your turn


# %% tags=["check"]
attempt(checks.softplus, softplus)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def softplus(z):
    value = math.log(1 + math.exp(z.data))
    return Value(value, (z,), (1 / (1 + math.exp(-z.data)),))


# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The sigmoid: $e^z / (1 + e^z) = 1 / (1 + e^{-z})$.
#
# </details>
#
# ## 5. Your turn: a gradient by hand (10 minutes)
#
# One neuron, $\hat y = \sigma(w x + b)$, with the loss $L = -y \ln \hat y - (1 - y) \ln(1 - \hat y)$.
#
# > **Predict.** Which is larger in size if $x = 3$: $\frac{\partial L}{\partial w}$ or $\frac{\partial L}{\partial b}$?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Return $\frac{\partial L}{\partial w}$ and $\frac{\partial L}{\partial b}$ as two plain numbers, without the engine. The lecture has the short form of
# $\frac{\partial L}{\partial z}$.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# $w$ and $b$ both act on the loss through $z = w x + b$. So both derivatives have the factor $\frac{\partial L}{\partial z} = \hat y - y$, and one factor more.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `error = 1 / (1 + math.exp(-(w * x + b))) - y`
#
# </details>


# %% tags=["exercise"]
def by_hand(w, b, x, y):
    return None  # your turn


# %% tags=["check"]
attempt(checks.by_hand, by_hand)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def by_hand(w, b, x, y):
    error = 1 / (1 + math.exp(-(w * x + b))) - y
    return error * x, error


# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The one in the weight, by the factor $x = 3$: a weight is blamed in proportion to what came in through it.
#
# </details>
#
# ## 6. The worked example, with other rates (5 minutes)
#
# > **Predict.** The lecture's network needs thousands of passes at $\eta = 0.01$: after 5,000 its mean loss is 0.23. What happens in
# > 200 passes at 0.1, at 1, at 10?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
for rate in (0.01, 0.1, 1.0, 10.0):
    p = backprop.initial_parameters()
    for _ in range(200):
        for x, y in backprop.POINTS:
            end = backprop.example_loss(p, x, y)
            end.backward()
            p = backprop.gradient_step(p, rate)
    print(
        f"rate {rate:5}: mean loss {backprop.mean_loss(p):.5f}, w11 {p['w11'].data:7.3f}"
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Larger steps train faster, up to a point. At 10 the network fits each point right after its own step and gets the other one
# wrong, back and forth, so the loss is higher than at the start. The gradient says in which direction to go. It does not say how far.
#
# </details>
#
# ## 7. Your turn: keep a deep network alive (15 minutes)
#
# Twenty hidden layers of tanh, 64 neurons each. The weights are drawn with variance $s^2 / 64$.
#
# > **Predict.** For $s = 0.5$ and $s = 3$: does the gradient vanish or explode on its way back?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
images, digit, _, _ = train_test_digits(seed=0)
for scale in (0.5, 3.0):
    weights = backprop.random_weights(20, scale, seed=0)
    norms = backprop.gradient_norms(images, digit, weights, "tanh")
    print(f"s = {scale}: first layer {norms[0]:.1e}, last layer {norms[-1]:.1e}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# At 0.5 it vanishes, at 3 it explodes: there the weights win, although many derivatives of tanh are near 0.
#
# </details>
#
# Now with the *leaky* ReLU, $z$ if $z > 0$ and $0.01\,z$ elsewhere. Find a scale $s$ for which, over five seeds, the first
# layer gets between a third and three times the gradient of the last, and return it. A short calculation finds it, and so does trying.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# A layer multiplies the mean square of the gradients by $s^2$, and by the mean square of the derivatives of its activation. What must the product be?
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `mean_square = (1 + 0.01**2) / 2`, if half of the sums are positive
#
# </details>


# %% tags=["exercise"]
def good_scale():
    return None  # your turn


# %% tags=["check"]
attempt(checks.good_scale, good_scale)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def good_scale():
    # half of the derivatives are 1 and half 0.01: their mean square is about a half
    return (2 / (1 + 0.01**2)) ** 0.5


# %% [markdown]
# ## Go further
#
# - Give the engine `max(a, b)` of two values. What are its two derivatives, and what at $a = b$?
# - Train the network of the lecture on XOR, which no single neuron can do. Here it starts from three times its weights. Take
#   the 3 away, and it still classifies one of the four wrongly after 20,000 passes: gradient descent goes downhill from where it starts, and does not
#   always arrive at the lowest point.

# %%
xor = [((0.0, 0.0), 0.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0), ((1.0, 1.0), 0.0)]
p = {name: Value(3 * number).called(name) for name, number in backprop.INITIAL.items()}
for _ in range(1000):
    for x, y in xor:
        end = backprop.example_loss(p, x, y)
        end.backward()
        p = backprop.gradient_step(p, rate=1.0)
for x, y in xor:
    prediction, _ = backprop.values_and_gradients(backprop.example_loss(p, x, y))["ŷ"]
    print(x, "label", y, f"prediction {prediction:.3f}")
assert max(backprop.example_loss(p, x, y).data for x, y in xor) < 0.1
