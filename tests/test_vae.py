"""The variational autoencoder: its bound against torch.distributions and the true evidence, its samples, its file."""

import json
import math
from itertools import pairwise

import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

import vae
from neuronup.gaussians import active_units, gradient_estimates, kl, kl_between, reparameterise
from neuronup.images import Images, load
from neuronup.loaders import Examples
from neuronup.loop import predict
from neuronup.noise import add_noise, apply_linear, blur, fit_linear
from neuronup.samples import sample_distances, sample_mixture, sample_quality, share_confident
from vae import (
    SIGMA,
    VAE,
    Autoencoder,
    Experiment,
    elbo_terms,
    importance_weighted_bound,
    load_decoder,
    log_likelihood,
    midpoint,
    negative_elbo,
    run_experiment,
    sample_codes,
    save_decoder,
    squared_error,
    train,
)

ON_THE_PAGE = {"betas", "denoised", "grid", "map", "rebuilt", "samples", "slopes", "walk"}
ON_THE_DECK = {"bound", "decoder", "families", "jensen", "model", "paths", "posteriors", "rare"}
SMALL = torch.Size((1, 4, 4))


def made_up(side: int = 6, n: int = 60, seed: int = 0) -> Images:
    """Draw images of ten classes, each with a foreground row in a place of its own, n a part."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(3):
        y = torch.arange(n) % 10
        x = torch.rand(n, 1, side, side, generator=generator) / 4
        x.flatten(2)[torch.arange(n)[:, None], 0, y[:, None] + torch.arange(6)] = 1
        parts.append(Examples(x, y))
    return Images(tuple("abcdefghij"), *parts)


def gaussians(seed: int, n: int = 7, k: int = 3) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw two means and two log-variances, each (n, k)."""
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(4, n, k, generator=drawn).unbind()


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_the_kl_divergences_are_those_of_torch_distributions(seed: int) -> None:
    mean, logvar, mean2, logvar2 = gaussians(seed)
    first, second = Normal(mean, (logvar / 2).exp()), Normal(mean2, (logvar2 / 2).exp())
    assert_close(kl_between(mean, logvar, mean2, logvar2), kl_divergence(first, second).sum(dim=1))
    assert_close(kl(mean, logvar), kl_divergence(first, Normal(0, 1)).sum(dim=1))
    assert (kl(mean, logvar) > 0).all()
    assert_close(kl_between(mean, logvar, mean, logvar), torch.zeros(7))


@given(seed=st.integers(0, 10_000), beta=st.floats(0, 20))
@settings(deadline=None, max_examples=30)
def test_the_two_terms_of_the_elbo_are_those_of_torch_distributions(seed: int, beta: float) -> None:
    mean, logvar, _, _ = gaussians(seed)
    drawn, x = torch.rand(2, 7, 1, 4, 4, generator=torch.Generator().manual_seed(seed)).unbind()
    seen = Normal(drawn, SIGMA).log_prob(x).sum(dim=(1, 2, 3))
    apart = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0, 1)).sum(dim=1)
    output = torch.cat([drawn.flatten(1), mean, logvar], dim=1)
    likelihood, divergence = elbo_terms(output, x)
    assert_close(likelihood, seen, rtol=1e-4, atol=1e-4)
    assert_close(divergence, apart)
    assert_close(negative_elbo(beta)(output, x), (beta * apart - seen).mean(), rtol=1e-4, atol=1e-4)


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=10)
def test_gradients_through_a_drawn_code_are_those_of_its_expectation(seed: int) -> None:
    torch.manual_seed(seed)
    mean, logvar = torch.randn(2, 1, requires_grad=True), torch.randn(2, 1, requires_grad=True)
    wide = mean.expand(-1, 40_000), logvar.expand(-1, 40_000)
    each = reparameterise(*wide) ** 2  # its expectation is mean^2 + variance
    by_mean, by_logvar = torch.autograd.grad(each.sum(), wide)
    for found, expected in ((by_mean, 2 * mean), (by_logvar, logvar.exp())):
        error = found.std(dim=1) / 200  # the standard error of the mean of 40,000
        assert ((found.mean(dim=1) - expected[:, 0]).abs() < 5 * error).all()


def test_three_estimators_of_a_gradient_agree_through_a_decoder_but_the_score_function_is_less_certain() -> None:
    torch.manual_seed(0)
    decoder = vae.layers(2, 16, 16).append(nn.Sigmoid())
    x, draws = torch.rand(1, 1, 4, 4), 60_000
    mean, logvar = torch.tensor([0.3, -0.7]), torch.tensor([0.2, -0.5])
    found = gradient_estimates(lambda z: log_likelihood(decoder(z), x.expand(len(z), 1, 4, 4)), mean, logvar, draws)
    through, score, level = found.values()
    for other in (score, level):
        errors = (through.var(dim=0) / draws + other.var(dim=0) / draws).sqrt()
        assert ((through.mean(dim=0) - other.mean(dim=0)).abs() < 4 * errors).all()
    assert (score.std(dim=0) > 5 * through.std(dim=0)).all()
    assert (score.std(dim=0) > 2 * level.std(dim=0)).all()
    assert (level.std(dim=0) > through.std(dim=0)).all()


def true_evidence(model: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """Integrate p(x) over a fine grid of two numbers; and the KL from q to the true posterior."""
    ticks = torch.linspace(-5, 5, 101)
    z = torch.cartesian_prod(ticks, ticks)
    joint = log_likelihood(model.decoder(z)[:, None].expand(-1, len(x), -1).flatten(0, 1), x.repeat(len(z), 1, 1, 1))
    joint = joint.view(len(z), -1) + Normal(0, 1).log_prob(z).sum(dim=1)[:, None]
    area = 2 * math.log(float(ticks[1] - ticks[0]))
    evidence = joint.logsumexp(dim=0) + area
    mean, logvar = model.posterior(x)
    approximate = Normal(mean, (logvar / 2).exp()).log_prob(z[:, None]).sum(dim=2)  # (z, n)
    gap = (approximate.exp() * (approximate - joint + evidence)).sum(dim=0) * math.exp(area)
    return evidence, gap


@torch.no_grad()
def test_the_elbo_misses_the_evidence_by_the_kl_divergence_from_the_true_posterior() -> None:
    torch.manual_seed(1)
    model, x = VAE(SMALL, 2, hidden=8), torch.rand(3, *SMALL)
    evidence, gap = true_evidence(model, x)
    many = x.repeat_interleave(20_000, dim=0)
    likelihood, divergence = elbo_terms(model(many), many)
    elbo = (likelihood - divergence).view(3, -1)
    assert_close(elbo.mean(dim=1) + gap, evidence, atol=0.05, rtol=0)
    assert (gap > 0.05).all()
    tight, tighter = (importance_weighted_bound(model, x, draws) for draws in (50, 2000))
    assert (elbo.mean(dim=1) < tight).all()
    assert_close(tighter, evidence, atol=0.05, rtol=0)


def test_an_output_holds_pixels_between_background_and_foreground_and_the_posterior() -> None:
    torch.manual_seed(0)
    model, x = VAE(SMALL, 3), torch.rand(5, *SMALL)
    first, second = model(x), model(x)
    assert first.shape == (5, 16 + 3 + 3)
    assert not torch.equal(first[:, :16], second[:, :16])  # another code each time
    assert_close(first[:, 16:], torch.cat(model.posterior(x), dim=1))
    assert_close(model.encode(x), model.posterior(x)[0])
    assert ((first[:, :16] > 0) & (first[:, :16] < 1)).all()


def test_labels_are_not_looked_at() -> None:
    weights = []
    for shift in (0, 3):
        images = made_up()
        x, y = images.train
        torch.manual_seed(0)
        model = VAE(x.shape[1:], 2, hidden=8)
        train(model, images._replace(train=Examples(x, y.roll(shift))), 0, 2, negative_elbo())
        weights.append(model.state_dict())
    for name in weights[0]:
        assert torch.equal(weights[0][name], weights[1][name])


def test_a_few_images_can_be_memorised_through_two_numbers() -> None:
    images = made_up(n=10)
    torch.manual_seed(0)
    model = Autoencoder(images.train.x.shape[1:], 2)
    train(model, images._replace(validation=images.train), 0, 300, squared_error)
    assert float(squared_error(predict(model, images.train.x), images.train.x)) < 0.005


def test_sampled_codes_are_spread_as_the_codes_of_the_model_are() -> None:
    torch.manual_seed(0)
    plain, variational, x = Autoencoder(SMALL, 3), VAE(SMALL, 3), torch.rand(500, *SMALL)
    with torch.no_grad():
        codes = plain.encode(x)
    z = sample_codes(plain, x, 50_000, seed=0)
    assert_close(z.mean(dim=0), codes.mean(dim=0), atol=0.01, rtol=0)
    assert_close(z.T.cov(), codes.T.cov(), atol=1e-3, rtol=0.05)
    z = sample_codes(variational, x, 50_000, seed=0)
    assert_close(z.mean(dim=0), torch.zeros(3), atol=0.02, rtol=0)
    assert_close(z.T.cov(), torch.eye(3), atol=0.02, rtol=0)


def test_real_images_are_no_distance_from_themselves_and_one_image_misses_the_others() -> None:
    images, classifier = made_up().test.x, nn.Sequential(nn.Flatten(), nn.Linear(36, 10))
    scores = sample_quality(images, images, classifier)
    assert scores == {"sure": share_confident(classifier, images), **sample_distances(images, images)}
    assert scores["near"] == scores["missed"] == pytest.approx(0, abs=1e-2)
    alone = sample_quality(images[:1].expand_as(images), images, classifier)
    assert alone["near"] == pytest.approx(0, abs=1e-2)
    assert alone["missed"] > 1


def test_an_interpolation_is_straight_and_its_middle_is_halfway() -> None:
    torch.manual_seed(0)
    start, end = torch.rand(2, *SMALL)
    interpolate = drawings_of("vae").interpolate
    way = interpolate(start, end, 5)
    assert_close(way[0], start)
    assert_close(way[-1], end)
    assert_close(way.diff(dim=0), ((end - start) / 4).expand(4, *SMALL))
    assert_close(midpoint(None, start, end), way[2])
    model = Autoencoder(SMALL, 2)
    first, last = model.encode(torch.stack([start, end])).detach()
    assert_close(midpoint(model, start[None], end[None])[0], model.decode(interpolate(first, last, 3))[1].detach())


def test_noise_is_new_each_time_and_a_blur_leaves_a_flat_image_alone() -> None:
    torch.manual_seed(0)
    x = torch.full((4000, 1, 4, 4), 0.5)
    noisy = add_noise(x)
    assert not torch.equal(noisy, add_noise(x))
    assert 0 <= float(noisy.min()) < float(noisy.max()) <= 1
    assert_close(noisy.mean(), torch.tensor(0.5), atol=0.01, rtol=0)
    assert_close(blur(x), x)
    spot = torch.zeros(1, 1, 5, 5)
    spot[0, 0, 2, 2] = 9
    assert_close(blur(spot)[0, 0, 1:4, 1:4], torch.ones(3, 3))
    assert float(blur(spot).sum()) == pytest.approx(9)


def test_linear_regression_removes_noise_as_well_as_any_linear_map_fitted_to_such_noise() -> None:
    torch.manual_seed(0)
    x = torch.rand(200, 1, 2, 2).round()
    weights = fit_linear(x)
    noisy = add_noise(x.repeat(200, 1, 1, 1))
    clean = x.repeat(200, 1, 1, 1)
    error = (apply_linear(weights, noisy) - clean).flatten(1)
    inputs = torch.cat([noisy.flatten(1), torch.ones(len(noisy), 1)], dim=1)
    assert_close(inputs.T @ error / len(error), torch.zeros(5, 4), atol=5e-3, rtol=0)  # nothing linear is left in it


def test_a_mixture_of_two_gaussians_puts_no_codes_between_two_groups_and_one_gaussian_does() -> None:
    drawn = torch.Generator().manual_seed(0)
    codes = torch.randn(400, 2, generator=drawn) / 5
    codes[:300, 0] += 3
    codes[300:, 0] -= 3
    shares = []
    for components in (1, 2):
        z = sample_mixture(codes, 2000, components, seed=0)
        assert_close(z.mean(dim=0), codes.mean(dim=0), atol=0.2, rtol=0)
        shares.append(float((z[:, 0].abs() < 2).float().mean()))
    assert shares[0] > 0.3
    assert shares[1] == 0


def test_a_decoder_read_back_from_its_file_draws_the_same_images(tmp_path) -> None:
    torch.manual_seed(0)
    model, path, z = VAE(SMALL, 2), tmp_path / "decoder.safetensors", torch.randn(9, 2)
    save_decoder(model, ("shirt", "shoe"), path)
    with torch.no_grad():
        assert torch.equal(load_decoder(path)(z), model.decode(z))
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["about"])
    assert about["latent"] == 2
    assert about["shape"] == [1, 4, 4]
    assert about["classes"] == ["shirt", "shoe"]
    assert about["layers"] == ["linear", "relu", "linear", "relu", "linear", "sigmoid"]


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    """Everything that one seed learns of the digits."""
    return run_experiment(load("digits", 0), 0, 30)


def test_the_page_says_of_the_models_what_was_measured(experiment: Experiment) -> None:
    scores = experiment.scores
    assert scores["AE_error"] < scores["AE2_error"] < scores["VAE2_error"]  # drawing the code costs accuracy
    assert scores["AE_error"] < scores["VAE_error"]
    assert scores["VAE2_elbo"] < scores["VAE2_bound"] < scores["VAE_bound"]
    assert scores["VAE2_elbo"] < scores["VAE_elbo"] < scores["VAE_bound"]
    assert scores["VAE_near"] < scores["AE_near"] < scores["naive_near"]  # samples, and how the plain one's fail
    held_out = vae.held_out_images(experiment.images)  # the classifier never learned from these
    assert scores["real_sure"] == share_confident(experiment.classifier, held_out)
    assert scores["real_sure"] > max(scores["AE_sure"], scores["VAE_sure"])
    for name in ("sure", "near", "missed"):  # in all three, codes from a mixture are better than from the VAE's prior
        better, worse = scores[f"mixture_{name}"], scores[f"VAE_{name}"]
        assert better > worse if name == "sure" else better < worse
    assert scores["draws_near"] > 1.2 * scores["AE_near"]  # what is shown is the mean: true draws have noise
    assert scores["VAE_used"] < vae.LATENT


def test_linear_regression_removes_noise_from_small_digits_as_well_as_the_denoising_autoencoder() -> None:
    errors, shown = vae.compare_denoisers(load("digits", 0), 0, 30)
    assert errors["error_linear"] < 1.05 * errors["error_denoiser"]
    assert errors["error_denoiser"] < errors["error_AE"] < errors["error_blurred"] < errors["error_noisy"]
    assert {len(each) for each in shown.values()} == {8}


def test_a_part_of_the_images_is_spread_over_all_of_them_and_few_are_all_kept() -> None:
    images = made_up(n=60)
    part = vae.part_of(images, train=20, held_out=1000)
    assert torch.equal(part.train.x, images.train.x[::3])
    assert torch.equal(part.train.y, images.train.y[::3])
    assert torch.equal(part.test.x, images.test.x)
    assert vae.passes(images, 10) == 30  # few images, more passes


def test_a_number_of_the_code_is_used_if_its_posterior_is_not_the_prior() -> None:
    mean, logvar = torch.zeros(4, 3), torch.zeros(4, 3)
    mean[:, 1] = torch.tensor([1.0, -1.0, 1.0, -1.0])  # half a nat
    logvar[:, 2] = 0.1  # nearly none
    assert active_units(mean, logvar) == 1


def test_codes_of_the_vae_lie_nearer_to_the_prior_than_those_of_the_autoencoder(experiment: Experiment) -> None:
    x = experiment.images.test.x
    with torch.no_grad():
        mean, logvar = experiment.models["VAE2"].posterior(x)
        plain = experiment.models["AE2"].encode(x)
    total = mean.var(dim=0) + logvar.exp().mean(dim=0)  # the variance of all posteriors together
    assert ((total > 0.6) & (total < 2)).all()  # 1 if they lay as the prior says
    assert (plain.var(dim=0) > total).all()


def test_more_beta_costs_accuracy_and_saves_kl_until_the_code_says_nothing(experiment: Experiment) -> None:
    found = list(vae.compare_betas(experiment.images, 0, 20).values())
    for less, more in pairwise(found):
        assert less["error"] < more["error"]
        assert less["kl"] > more["kl"]
    assert found[-1]["used"] == 0
    assert found[-1]["kl"] < 0.1


@pytest.mark.parametrize(("name", "side"), [("mnist", 12), ("fashion_mnist", 6)])
def test_main_prints_and_records_and_writes_the_decoder(name, side, tmp_path, capsys, monkeypatch) -> None:
    drawings = drawings_of("vae")
    for module in (vae, drawings):
        monkeypatch.setattr(module, "load", lambda name, seed: made_up(side, seed=seed))
    vae.main(data=name, epochs=2, device="cpu", out=tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert f"{name}: 60 training images of {side * side} pixels" in capsys.readouterr().out
    assert metrics["seeds"] == 3
    assert metrics["VAE_elbo_spread"] > 0
    drawn = drawings.draw(tmp_path)
    assert drawn.keys() == ON_THE_PAGE | ON_THE_DECK
    assert [tick.get_text() for tick in drawn["denoised"].axes[0].get_yticklabels()] == [
        "noisy",
        "blurred",
        "linear",
        "AE",
        "denoiser",
        "clean",
    ]
    assert [text.get_text() for text in drawn["betas"].axes[0].texts] == [f"β = {beta:g}" for beta in vae.BETAS]
    z = torch.zeros(1, 2)
    assert load_decoder(tmp_path / "vae-decoder.safetensors")(z).shape == (1, 1, side, side)


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vae, "load", lambda name, seed: made_up(seed=seed))
    vae.main(epochs=2, device="cpu")
    assert "ELBO" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# --8<-- [start:by_hand]
def test_by_hand() -> None:
    mean = torch.tensor([[0.0], [1.0], [0.0]])
    variance = torch.tensor([[1.0], [1.0], [4.0]])
    expected = torch.tensor([0.0, 0.5, (4 - 1 - math.log(4)) / 2])
    assert_close(kl(mean, variance.log()), expected)


# --8<-- [end:by_hand]
# --8<-- [start:gap]
def test_gap() -> None:
    x = torch.tensor([[1.7]])
    evidence = Normal(0, 2**0.5).log_prob(x)  # x is z plus noise: their variances add
    for mean, variance in ((0.0, 1.0), (0.85, 0.5), (2.0, 0.1)):
        m, logvar = torch.tensor([[mean]]), torch.tensor([[variance]]).log()
        seen = Normal(m, 1).log_prob(x) - variance / 2  # the mean over q
        elbo = seen - kl(m, logvar)
        posterior = torch.tensor([[0.85]]), torch.tensor([[0.5]]).log()
        assert_close(evidence - elbo, kl_between(m, logvar, *posterior)[None])


# --8<-- [end:gap]
# --8<-- [start:best_sigma]
def test_best_sigma() -> None:
    x, drawn = torch.rand(2, 50, 64, generator=torch.Generator().manual_seed(0))
    error = float((x - drawn).pow(2).mean())
    worth = {s / 100: float(Normal(drawn, s / 100).log_prob(x).mean()) for s in range(5, 100)}
    assert max(worth, key=lambda sigma: worth[sigma]) == pytest.approx(error**0.5, abs=0.01)


# --8<-- [end:best_sigma]
# --8<-- [start:linear]
def test_linear() -> None:
    x = load("digits", 0).train.x.flatten(1)
    centred = x - x.mean(dim=0)
    _, lengths, directions = torch.linalg.svd(centred, full_matrices=False)
    best = float(lengths[2:].pow(2).sum()) / x.numel()  # what two directions leave
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 2), nn.Linear(2, 64))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(800):
        optimiser.zero_grad()
        loss = (model(x) - x).pow(2).mean()
        loss.backward()
        optimiser.step()
    assert best * 0.9999 < loss.item() < 1.01 * best
    plane, _ = torch.linalg.qr(model[1].weight.detach())  # the plane it draws in
    assert float((directions[:2] @ plane).norm() ** 2) > 1.98  # 2 if it is theirs


# --8<-- [end:linear]
