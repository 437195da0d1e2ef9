# %% [markdown]
# # Lab: find out who is to blame
#
# You estimate derivatives by finite differences, write the pass backwards, give the engine a new operation, break it, and
# repair a deep network. 45 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `backprop.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import math

from backprop import (
    INITIAL,
    POINTS,
    Value,
    example_loss,
    gradient_norms,
    gradient_step,
    initial_parameters,
    mean_loss,
    random_weights,
    shared,
    values_and_gradients,
)
from drawings import draw_graph
from neuronup import figures
from neuronup.digits import train_test_digits
from neuronup.exercises import attempt

# %% [markdown]
# ## 1. Your turn: a finite difference
#
# Before any theory: change a number a little, and see how much the result changes. Divide one by the other, and you have an estimate of the
# derivative, a *finite difference*. It is more exact if you step both ways, $(f(x + h) - f(x - h)) / 2h$, with a small $h$ such
# as $10^{-5}$. Write it for any function of one number.
#
# > **Predict.** What is the derivative of $f(x) = x^3$ at $x = 2$?


# %% tags=["exercise"]
def finite_difference(f, x):
    return None  # your turn


# %% tags=["check"]
def check_difference(finite_difference):
    found = finite_difference(lambda x: x**3, 2.0)
    assert found is not None, "it returns nothing yet"
    assert abs(found - 12) < 1e-3, f"the derivative of x³ at 2 is 12, not {found:.4f}"
    assert abs(finite_difference(math.exp, 0.0) - 1) < 1e-7, (
        "step both ways: it is more exact"
    )


attempt(check_difference, finite_difference)


# %% tags=["solution"] jupyter={"source_hidden": true}
def finite_difference(f, x):
    h = 1e-5
    return (f(x + h) - f(x - h)) / (2 * h)


check_difference(finite_difference)

# %% [markdown]
# With this alone you can check any gradient. You could even train with it, at the price of two runs for each
# parameter and step.
#
# ## 2. Your turn: replay the tape
#
# The engine records. `tape()` lists every value after its parents; each has `parents`, `derivatives` (one with respect
# to each parent), and `grad`, which is 0 at first.
#
# > **Predict.** In $L = c\,d$ with $c = a\,b$ and $d = c + a$: through how many paths does $a$ act on $L$?

# %%
example = shared()
for node in example.tape():
    made_of = [parent.name for parent in node.parents]
    print(
        f"{node.name:12}{node.data:6.1f}   made of {made_of}, derivatives {node.derivatives}"
    )

# %% [markdown]
# Three: through $c$, through $d$, and through $c$ and then $d$. Write the pass backwards: set the last gradient to 1, then
# give each parent its share.


# %% tags=["exercise"]
def replay(tape):
    return None  # your turn: set grad of every value in the list


# %% tags=["check"]
def check_replay(replay):
    for make in (shared, lambda: Value(3.0).tanh().exp()):
        ours, theirs = make(), make()
        replay(ours.tape())
        theirs.backward()
        assert ours.grad == 1, "the last value changes with itself at rate 1"
        for mine, right in zip(ours.tape(), theirs.tape(), strict=True):
            assert math.isclose(mine.grad, right.grad), (
                f"the gradient of {mine.name or 'a value'} is {right.grad}, not {mine.grad}"
            )


attempt(check_replay, replay)


# %% tags=["solution"] jupyter={"source_hidden": true}
def replay(tape):
    tape[-1].grad = 1.0
    for node in reversed(tape):
        for parent, derivative in zip(node.parents, node.derivatives, strict=True):
            parent.grad += derivative * node.grad


check_replay(replay)

# %%
replay(example.tape())
figures.Shown(
    draw_graph(example, backwards=True, tall=1.8, box=0.95),
    "The graph of L: each value, and below it the gradient that the replay found.",
)

# %% [markdown]
# ## 3. Break it
#
# Here is the same pass with one character less: `=` in place of `+=`.
#
# > **Predict.** For which of these will it still be right: $\exp(\tanh(a))$, $a \cdot b$, $a \cdot a$, $(a + b) \cdot a$?


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
    true = finite_difference(
        lambda x, formula=formula: formula(Value(x), Value(-3.0)).data, 2.0
    )
    print(f"{name:14} derivative in a: overwriting {a.grad:7.4f}, true {true:7.4f}")

# %% [markdown]
# It survives as long as nothing branches. A chain of layers is no protection: in every network with two hidden neurons or more
# the inputs branch, and with two points in the loss the weights do.
#
# ## 4. Your turn: one operation more
#
# *Softplus*, $\ln(1 + e^z)$, is a ReLU without the corner at 0. An operation is a value and a derivative: return a `Value` whose parent
# is `z`.
#
# > **Predict.** Its derivative is a function that you know. Which?


# %% tags=["exercise"]
def softplus(z):
    return None  # your turn


# %% tags=["check"]
def check_softplus(softplus):
    for at in (-2.0, 0.0, 1.5):
        z = Value(at)
        end = softplus(z)
        assert end is not None, "it returns nothing yet"
        assert math.isclose(end.data, math.log(1 + math.exp(at))), "the value is wrong"
        (end * 2).backward()
        true = finite_difference(lambda x: 2 * math.log(1 + math.exp(x)), at)
        assert abs(z.grad - true) < 1e-6, f"its derivative at {at} is {true / 2:.4f}"


attempt(check_softplus, softplus)


# %% tags=["solution"] jupyter={"source_hidden": true}
def softplus(z):
    value = math.log(1 + math.exp(z.data))
    return Value(value, (z,), (1 / (1 + math.exp(-z.data)),))


check_softplus(softplus)

# %% [markdown]
# The derivative of softplus is the sigmoid.
#
# ## 5. Your turn: a gradient by hand
#
# One neuron, $\hat y = \sigma(w x + b)$, with the loss $L = -y \ln \hat y - (1 - y) \ln(1 - \hat y)$. Return
# $\frac{\partial L}{\partial w}$ and $\frac{\partial L}{\partial b}$ as plain numbers, without the engine. The lecture has the short form of
# $\frac{\partial L}{\partial z}$.
#
# > **Predict.** Which of the two is larger if $x = 3$?


# %% tags=["exercise"]
def by_hand(w, b, x, y):
    return None  # your turn


# %% tags=["check"]
def check_by_hand(by_hand):
    for w, b, x, y in ((0.5, -0.2, 3.0, 1.0), (-1.0, 0.3, 0.4, 0.0)):
        found = by_hand(w, b, x, y)
        assert found is not None, "it returns nothing yet"
        weight, bias = Value(w), Value(b)
        prediction = (weight * x + bias).sigmoid()
        (-(y * prediction.log() + (1 - y) * (1 - prediction).log())).backward()
        assert math.isclose(found[0], weight.grad), f"for w it is {weight.grad:.4f}"
        assert math.isclose(found[1], bias.grad), f"for b it is {bias.grad:.4f}"


attempt(check_by_hand, by_hand)


# %% tags=["solution"] jupyter={"source_hidden": true}
def by_hand(w, b, x, y):
    error = 1 / (1 + math.exp(-(w * x + b))) - y
    return error * x, error


check_by_hand(by_hand)

# %% [markdown]
# The one of the weight, by the factor $x = 3$: a weight is blamed in proportion to what came in through it.
#
# ## 6. The worked example, with other rates
#
# > **Predict.** The lecture's network needs thousands of passes at $\eta = 0.01$: after 5,000 its mean loss is 0.23. What happens in
# > 200 passes at 0.1, at 1, at 10?

# %%
for rate in (0.01, 0.1, 1.0, 10.0):
    p = initial_parameters()
    for _ in range(200):
        for x, y in POINTS:
            end = example_loss(p, x, y)
            end.backward()
            p = gradient_step(p, rate)
    print(f"rate {rate:5}: mean loss {mean_loss(p):.5f}, w11 {p['w11'].data:7.3f}")

# %% [markdown]
# Larger steps train faster, up to a point. At 10 the network fits each point right after its own step and gets the other one
# wrong, back and forth, so the loss is higher than at the start. The gradient says in which direction to go. It does not say how far.
#
# ## 7. Your turn: keep a deep network alive
#
# Twenty hidden layers of tanh, 64 neurons each. The weights are drawn with variance $s^2 / 64$.
#
# > **Predict.** For $s = 0.5$ and $s = 3$: does the gradient vanish or explode on its way back?

# %%
images, digit, _, _ = train_test_digits(seed=0)
for scale in (0.5, 3.0):
    norms = gradient_norms(images, digit, random_weights(20, scale, seed=0), "tanh")
    print(f"s = {scale}: first layer {norms[0]:.1e}, last layer {norms[-1]:.1e}")

# %% [markdown]
# At 0.5 it vanishes, at 3 it explodes: there the weights win, although many derivatives of tanh are near 0.
#
# Now with the *leaky* ReLU, $z$ if $z > 0$ and $0.01\,z$ elsewhere. Find a scale for which, over five seeds, the first
# layer gets between a third and three times the gradient of the last. A short calculation finds it, and so does trying.


# %% tags=["exercise"]
def good_scale():
    return None  # your turn


# %% tags=["check"]
def check_scale(good_scale):
    scale = good_scale()
    assert scale is not None, "it returns nothing yet"
    for seed in range(5):
        norms = gradient_norms(
            images, digit, random_weights(20, scale, seed), "leaky ReLU"
        )
        ratio = float(norms[0] / norms[-1])
        assert 1 / 3 < ratio < 3, f"with seed {seed} the first gets {ratio:.1e} of it"


attempt(check_scale, good_scale)


# %% tags=["solution"] jupyter={"source_hidden": true}
def good_scale():
    # half of the derivatives are 1 and half 0.01: their mean square is about a half
    return (2 / (1 + 0.01**2)) ** 0.5


check_scale(good_scale)

# %% [markdown]
# ## Go further
#
# - Give the engine `max(a, b)` of two values. What are its two derivatives, and what at $a = b$?
# - Train the network of the lecture on XOR, which no single neuron can do. Here it starts from three times its weights. Take
#   the 3 away, and it still classifies one of the four wrongly after 20,000 passes: gradient descent goes downhill from where it starts, and does not
#   always arrive at the lowest point.

# %%
xor = [((0.0, 0.0), 0.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0), ((1.0, 1.0), 0.0)]
p = {name: Value(3 * number).called(name) for name, number in INITIAL.items()}
for _ in range(1000):
    for x, y in xor:
        end = example_loss(p, x, y)
        end.backward()
        p = gradient_step(p, rate=1.0)
for x, y in xor:
    prediction, _ = values_and_gradients(example_loss(p, x, y))["ŷ"]
    print(x, "label", y, f"prediction {prediction:.3f}")
assert max(example_loss(p, x, y).data for x, y in xor) < 0.1
