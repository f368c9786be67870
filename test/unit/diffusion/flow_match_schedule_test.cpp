#include "lintorch/diffusion/flow_match_schedule.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/diffusion/sampler.h"

using namespace lintorch;
using namespace lintorch::diffusion;

namespace {

struct Row {
  int64_t steps;
  double shift;
  SigmaConvention convention;
  std::vector<double> first, last;  // the last non-zero ones
};

std::vector<int64_t> timesteps(int64_t steps, double shift, SigmaConvention convention) {
  const auto sampler = make_sampler(SamplerKind::kUniPc, steps, shift, convention);
  std::vector<int64_t> result;
  for (int64_t i = 0; i < steps; ++i) result.push_back(static_cast<int64_t>(sampler->timestep(i)));
  return result;
}

}  // namespace

TEST_CASE("make_sigmas gives the tables of Wan and of Diffusers", "[flow_match_schedule]") {
  constexpr auto kWan = SigmaConvention::kWan, kDiffusers = SigmaConvention::kDiffusers;
  const std::vector<Row> rows = {
      {50, 5, kWan, {0.999800, 0.995732, 0.991530, 0.987187}, {0.241740, 0.172265, 0.092507}},
      {50, 3, kWan, {0.999666, 0.992907, 0.985963, 0.978826}, {0.160571, 0.111008, 0.057637}},
      {50, 8, kWan, {0.999875, 0.997328, 0.994690, 0.991953}, {0.337790, 0.249805, 0.140228}},
      {4, 5, kWan, {0.999800, 0.937265}, {0.833055, 0.624687}},
      {50, 5, kDiffusers, {0.999999, 0.995939, 0.991744, 0.987408}, {0.244983, 0.175969, 0.096778}},
      {50, 3, kDiffusers, {0.999999, 0.993250, 0.986315, 0.979188}, {0.162959, 0.113576, 0.060405}},
      {50, 8, kDiffusers, {0.999999, 0.997458, 0.994824, 0.992093}, {0.341740, 0.254663, 0.146347}},
      {4, 5, kDiffusers, {0.999999, 0.937578}, {0.833611, 0.625936}}};
  for (const auto& row : rows) {
    CAPTURE(row.steps, row.shift, static_cast<int>(row.convention));
    const auto sigmas = make_sigmas(row.steps, row.shift, row.convention);
    REQUIRE(sigmas.size() == static_cast<size_t>(row.steps + 1));
    CHECK(sigmas.back() == 0.0);
    for (size_t i = 0; i < row.first.size(); ++i) CHECK(sigmas[i] == Approx(row.first[i]).margin(5.1e-7).epsilon(0));
    for (size_t i = 0; i < row.last.size(); ++i)
      CHECK(sigmas[row.steps - row.last.size() + i] == Approx(row.last[i]).margin(5.1e-7).epsilon(0));
  }
}

TEST_CASE("Euler under Diffusers' convention has the grid of FlowMatchEulerDiscreteScheduler",
          "[flow_match_schedule]") {
  struct EulerRow {
    int64_t steps;
    double shift;
    std::vector<double> first, last;
  };
  // The values of the class, to six digits.
  const std::vector<EulerRow> rows = {{50, 5, {1.0, 0.995872, 0.991605, 0.987192}, {0.192804, 0.114819, 0.024414}},
                                      {50, 3, {1.0, 0.993124, 0.986057, 0.978790}, {0.120533, 0.066900, 0.008929}},
                                      {50, 8, {1.0, 0.997424, 0.994753, 0.991982}, {0.289377, 0.188355, 0.060207}},
                                      {4, 5, {1.0, 0.909707}, {0.717317, 0.024414}}};
  for (const auto& row : rows) {
    CAPTURE(row.steps, row.shift);
    const auto sampler = make_sampler(SamplerKind::kEuler, row.steps, row.shift, SigmaConvention::kDiffusers);
    const auto& sigmas = sampler->sigmas();
    REQUIRE(sigmas.size() == static_cast<size_t>(row.steps + 1));
    CHECK(sigmas.back() == 0.0);
    for (size_t i = 0; i < row.first.size(); ++i) CHECK(sigmas[i] == Approx(row.first[i]).margin(5.1e-7).epsilon(0));
    for (size_t i = 0; i < row.last.size(); ++i)
      CHECK(sigmas[row.steps - row.last.size() + i] == Approx(row.last[i]).margin(5.1e-7).epsilon(0));
    // Not truncated: 909.707, not 909.
    for (int64_t i = 0; i < row.steps; ++i) CHECK(sampler->timestep(i) == Approx(1000 * sigmas[i]).epsilon(1e-6));
  }
  CHECK(euler_diffusers_sigmas(1, 5) == std::vector<double>{1.0, 0.0});
  CHECK_THROWS_AS(euler_diffusers_sigmas(0, 5), ConfigError);
  CHECK_THROWS_AS(euler_diffusers_sigmas(4, 0), ConfigError);
}

TEST_CASE("timesteps are truncated to integers as Wan tells its network", "[flow_match_schedule]") {
  using Steps = std::vector<int64_t>;
  CHECK(timesteps(50, 5, SigmaConvention::kWan) ==
        Steps{999, 995, 991, 987, 982, 978, 973, 968, 963, 957, 952, 946, 940, 934, 927, 920, 913,
              906, 898, 890, 882, 873, 863, 854, 843, 833, 821, 809, 796, 783, 768, 753, 737, 720,
              701, 681, 660, 636, 611, 584, 555, 522, 487, 448, 405, 356, 302, 241, 172, 92});
  CHECK(timesteps(50, 3, SigmaConvention::kWan) ==
        Steps{999, 992, 985, 978, 971, 963, 956, 948, 939, 931, 922, 913, 904, 894, 884, 874, 864,
              853, 841, 829, 817, 805, 792, 778, 764, 749, 734, 718, 701, 684, 666, 647, 627, 606,
              585, 562, 538, 512, 486, 458, 428, 396, 363, 327, 290, 249, 206, 160, 111, 57});
  CHECK(timesteps(50, 8, SigmaConvention::kWan) ==
        Steps{999, 997, 994, 991, 989, 986, 983, 979, 976, 973, 969, 965, 961, 957, 953, 948, 944,
              939, 934, 928, 922, 916, 910, 903, 896, 888, 880, 871, 862, 852, 841, 830, 817, 804,
              789, 773, 756, 737, 716, 692, 666, 636, 603, 565, 521, 470, 409, 337, 249, 140});
  CHECK(timesteps(4, 5, SigmaConvention::kWan) == Steps{999, 937, 833, 624});
  CHECK(timesteps(4, 5, SigmaConvention::kDiffusers) == Steps{999, 937, 833, 625});
  const auto tail = [](double shift) {
    const auto all = timesteps(50, shift, SigmaConvention::kDiffusers);
    return Steps(all.end() - 4, all.end());
  };
  CHECK(tail(5) == Steps{305, 244, 175, 96});
  CHECK(tail(3) == Steps{208, 162, 113, 60});
  CHECK(tail(8) == Steps{413, 341, 254, 146});
}

TEST_CASE("shift_time agrees between numbers and tensors and keeps both ends", "[flow_match_schedule]") {
  CHECK(shift_time(0.0, 5) == 0.0);
  CHECK(shift_time(1.0, 5) == Approx(1.0));
  CHECK(shift_time(0.5, 3) == Approx(0.75));
  CHECK(shift_time(0.3, 1) == Approx(0.3));
  const auto t = torch::linspace(0, 1, 7, torch::kFloat64);
  const auto shifted = shift_time(t, 3);
  for (int64_t i = 0; i < 7; ++i) CHECK(shifted[i].item<double>() == Approx(shift_time(t[i].item<double>(), 3)));
}

TEST_CASE("add_noise interpolates per sample and velocity_target is its derivative", "[flow_match_schedule]") {
  torch::manual_seed(1);
  const auto x0 = torch::randn({3, 2, 4}, torch::kFloat64), noise = torch::randn({3, 2, 4}, torch::kFloat64);
  const auto t = torch::tensor({0.0, 0.25, 1.0}, torch::kFloat64);
  const auto x = add_noise(x0, noise, t);
  CHECK(torch::equal(x[0], x0[0]));
  CHECK(torch::equal(x[2], noise[2]));
  CHECK(torch::allclose(x[1], 0.75 * x0[1] + 0.25 * noise[1]));
  const auto later = add_noise(x0, noise, t + 0.5);
  CHECK(torch::allclose((later - x) / 0.5, velocity_target(x0, noise)));
  CHECK(add_noise(x0.to(torch::kBFloat16), noise.to(torch::kBFloat16), t.to(torch::kFloat32)).scalar_type() ==
        torch::kBFloat16);
  CHECK_THROWS_AS(add_noise(x0, noise.slice(1, 0, 1), t), Error);
  CHECK_THROWS_AS(add_noise(x0, noise, t.slice(0, 0, 2)), Error);
  CHECK_THROWS_AS(velocity_target(x0, noise[0]), Error);
}

TEST_CASE("make_sigmas refuses impossible schedules", "[flow_match_schedule]") {
  CHECK_THROWS_AS(make_sigmas(0, 5, SigmaConvention::kWan), ConfigError);
  CHECK_THROWS_AS(make_sigmas(4, 0, SigmaConvention::kWan), ConfigError);
}
