#include "lintorch/diffusion/sampler.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/diffusion/euler_sampler.h"
#include "lintorch/diffusion/guidance.h"
#include "lintorch/diffusion/unipc_coefficients.h"
#include "lintorch/diffusion/unipc_sampler.h"

using namespace lintorch;
using namespace lintorch::diffusion;

namespace {

// The exact flow of data x_0 ~ N(0.5, 0.3^2).
at::Tensor exact_x0(const at::Tensor& x, double s) {
  const double a = 1 - s;
  return 0.5 + a * 0.09 * (x - 0.5 * a) / (a * a * 0.09 + s * s);
}

double sample_gaussian(Sampler& sampler) {
  auto x = torch::ones({1}, torch::kFloat64);
  for (int64_t i = 0; i < sampler.num_steps(); ++i) {
    const double s = sampler.sigmas()[i];
    x = sampler.step((x - exact_x0(x, s)) / s, i, x);
  }
  return x.item<double>();
}

auto near(double value) { return Approx(value).margin(5.1e-11).epsilon(0); }

}  // namespace

TEST_CASE("Euler and UniPC reproduce the solver test vectors of a Gaussian", "[sampler]") {
  struct Row {
    double shift;
    int64_t steps;
    double unipc, euler;
  };
  for (const Row& row : {Row{1, 5, 0.7209202738, 0.7000740221}, Row{1, 10, 0.7858987456, 0.7470394474},
                         Row{1, 20, 0.8019859146, 0.7725346382}, Row{1, 160, 0.8002489620, 0.7965607397},
                         Row{5, 5, 0.5696697943, 0.5692411613}, Row{5, 10, 0.6405664517, 0.6369671150},
                         Row{5, 20, 0.7222914397, 0.7069645683}, Row{5, 160, 0.8010684264, 0.7870667209}}) {
    CAPTURE(row.shift, row.steps);
    CHECK(sample_gaussian(*make_sampler(SamplerKind::kUniPc, row.steps, row.shift)) == near(row.unipc));
    CHECK(sample_gaussian(*make_sampler(SamplerKind::kEuler, row.steps, row.shift)) == near(row.euler));
  }
}

TEST_CASE("UniPC follows the five-step trace: corrector, prediction, predictor", "[sampler]") {
  const auto sampler = make_sampler(SamplerKind::kUniPc, 5, 5);
  const auto& s = sampler->sigmas();
  const double sigma[] = {0.9997998399, 0.9521540221, 0.8820932423, 0.7689347291, 0.5552467763};
  const double corrected[] = {1.0, 0.9762804987, 0.9418757631, 0.8877320770, 0.7937404689};
  const double prediction[] = {0.5000180198, 0.5045219517, 0.5120182134, 0.5269199170, 0.5696697943};
  const double predicted[] = {0.9761731805, 0.9415972066, 0.8871300271, 0.7899678371, 0.5696697943};
  const int order[] = {1, 2, 2, 2, 1};
  auto x = torch::ones({1}, torch::kFloat64);
  double from = 1.0;  // corrected x of the step before
  std::vector<double> m;
  for (int64_t i = 0; i < 5; ++i) {
    CAPTURE(i);
    CHECK(s[i] == near(sigma[i]));
    const auto x0 = exact_x0(x, s[i]);
    m.push_back(x0.item<double>());
    CHECK(m[i] == near(prediction[i]));
    if (i > 0) {
      const auto update = unipc_corrector(s, i, order[i - 1]);
      from = update.x * from + update.m[0] * m[i - 1] + update.m[1] * m[i] +
             (order[i - 1] == 2 ? update.m[2] * m[i - 2] : 0.0);
    }
    CHECK(from == near(corrected[i]));
    x = sampler->step((x - x0) / s[i], i, x);
    CHECK(x.item<double>() == near(predicted[i]));
  }
}

TEST_CASE("Euler is x + (s' - s) v and keeps the type of x", "[sampler]") {
  torch::manual_seed(2);
  EulerSampler sampler({0.9, 0.4, 0.0});
  const auto x = torch::randn({2, 3}), v = torch::randn({2, 3});
  CHECK(torch::allclose(sampler.step(v, 0, x), x - 0.5 * v));
  CHECK(torch::allclose(sampler.step(v, 1, x), x - 0.4 * v));
  const auto mixed = sampler.step(v.to(torch::kBFloat16), 0, x);
  CHECK(mixed.scalar_type() == torch::kFloat32);
}

TEST_CASE("step 0 starts a new run: a used sampler gives the same bits as a new one", "[sampler]") {
  for (const auto kind : {SamplerKind::kEuler, SamplerKind::kUniPc}) {
    const auto sampler = make_sampler(kind, 6, 3);
    const double first = sample_gaussian(*sampler);
    sampler->step(torch::randn({1}), 0, torch::randn({1}));  // an abandoned run
    CHECK(sample_gaussian(*sampler) == first);
  }
}

TEST_CASE("one step of either sampler jumps to the x0 prediction", "[sampler]") {
  for (const auto kind : {SamplerKind::kEuler, SamplerKind::kUniPc}) {
    const auto sampler = make_sampler(kind, 1, 5);
    const auto x = torch::randn({4}, torch::kFloat64), v = torch::randn({4}, torch::kFloat64);
    CHECK(torch::allclose(sampler->step(v, 0, x), x - sampler->sigmas()[0] * v));
  }
}

TEST_CASE("samplers refuse steps out of order, wrong shapes and bad sigmas", "[sampler]") {
  const auto sampler = make_sampler(SamplerKind::kUniPc, 3, 5);
  const auto x = torch::zeros({2});
  CHECK_THROWS_AS(sampler->step(x, 1, x), Error);
  sampler->step(x, 0, x);
  CHECK_THROWS_AS(sampler->step(x, 2, x), Error);
  CHECK_THROWS_AS(sampler->step(torch::zeros({3}), 1, x), Error);
  CHECK_THROWS_AS(EulerSampler({0.5}), ConfigError);
  CHECK_THROWS_AS(EulerSampler({0.5, 0.5, 0.0}), ConfigError);
  CHECK_THROWS_AS(EulerSampler({0.5, 0.1}), ConfigError);
  EulerSampler finished({0.5, 0.0});
  finished.step(x, 0, x);
  CHECK_THROWS_AS(finished.step(x, 1, x), Error);
}

TEST_CASE("guide moves from uncond through cond", "[sampler]") {
  const auto cond = torch::full({2}, 3.0), uncond = torch::full({2}, 1.0);
  CHECK(torch::equal(guide(cond, uncond, 1.0), cond));
  CHECK(torch::equal(guide(cond, uncond, 0.0), uncond));
  CHECK(torch::equal(guide(cond, uncond, 5.0), torch::full({2}, 11.0)));
  CHECK_THROWS_AS(guide(cond, torch::zeros({3}), 2.0), Error);
}
