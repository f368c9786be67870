#include "lintorch/models/judge/motion_prompt.h"

#include <cctype>
#include <cmath>
#include <span>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"

namespace lintorch::judge {
namespace {

using Words = std::vector<std::string>;

constexpr std::array<std::string_view, kNumClasses> kClassNames = {
    "t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"};
constexpr std::array<std::string_view, kNumDirections> kDirectionNames = {
    "right", "up-right", "up", "up-left", "left", "down-left", "down", "down-right"};

constexpr std::array<std::string_view, kNumClasses> kNouns = {
    "a t-shirt", "a pair of trousers", "a pullover", "a dress", "a coat",
    "a sandal",  "a shirt",            "a sneaker",  "a bag",   "an ankle boot"};

constexpr std::array<std::array<std::string_view, 3>, kNumDirections> kDirections = {{
    {"right", "to the right", "toward the right"},
    {"up and right", "up and to the right", "toward the upper right"},
    {"up", "upward", "straight up"},
    {"up and left", "up and to the left", "toward the upper left"},
    {"left", "to the left", "toward the left"},
    {"down and left", "down and to the left", "toward the lower left"},
    {"down", "downward", "straight down"},
    {"down and right", "down and to the right", "toward the lower right"},
}};

constexpr std::array<std::array<std::string_view, 3>, 3> kVerbs = {
    {{"drifts slowly", "drifts", "glides slowly"}, {"moves", "slides", "travels"}, {"races", "rushes", "speeds"}}};

constexpr std::array<std::string_view, 4> kEdges = {"left", "right", "top", "bottom"};

// A sentence is: opening, object, [connector, object], full stop.
constexpr std::array<std::string_view, 4> kSingleOpenings = {"", "", "on a dark background,", "the clip shows"};
constexpr std::string_view kRelative = "that";  // after the noun of "the clip shows a bag that moves left"
constexpr std::array<std::string_view, 3> kConnectors = {" while", ", while", ", and"};
constexpr std::string_view kWhile = "while";  // "While a bag moves left, a coat races up."

std::string clause(const ObjectMotion& object, bool relative, uint64_t variation) {
  const auto pick = [&](const auto& choices, uint64_t stream) {
    return std::string(choices[mix_seed(variation, stream) % choices.size()]);
  };
  std::string text(kNouns.at(object.class_id));
  if (relative) text += " " + std::string(kRelative);
  text += " " + pick(kVerbs.at(static_cast<size_t>(object.speed)), 1) + " " + pick(kDirections.at(object.direction), 2);
  for (const Edge edge : object.bounces)
    text += " and bounces off the " + std::string(kEdges.at(static_cast<size_t>(edge))) + " edge";
  return text;
}

Words split_words(std::string_view text) {
  Words words;
  std::string word;
  for (const char raw : text) {
    const auto c = static_cast<unsigned char>(raw);
    if (std::isalnum(c) || c == '-') {
      word += static_cast<char>(std::tolower(c));
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

/// Reads phrases off a list of words.
class PhraseReader {
 public:
  explicit PhraseReader(Words words) : words_(std::move(words)) {}

  bool at_end() const { return position_ == words_.size(); }

  bool accept(std::string_view phrase) {
    const size_t length = match_length(phrase);
    position_ += length;
    return length > 0;
  }

  /// Index of the longest phrase that comes next; it is consumed.
  template <class Phrases>
  std::optional<size_t> accept_longest(const Phrases& phrases) {
    size_t best_length = 0, best = 0;
    for (size_t i = 0; i < phrases.size(); ++i) {
      if (const size_t length = match_length(phrases[i]); length > best_length) {
        best_length = length;
        best = i;
      }
    }
    position_ += best_length;
    return best_length > 0 ? std::optional(best) : std::nullopt;
  }

 private:
  size_t match_length(std::string_view phrase) const {
    const Words wanted = split_words(phrase);
    if (position_ + wanted.size() > words_.size()) return 0;
    for (size_t i = 0; i < wanted.size(); ++i)
      if (words_[position_ + i] != wanted[i]) return 0;
    return wanted.size();
  }

  Words words_;
  size_t position_ = 0;
};

template <size_t N, size_t M>
std::span<const std::string_view> flatten(const std::array<std::array<std::string_view, M>, N>& table) {
  return {table.front().data(), N * M};
}

std::optional<ObjectMotion> parse_object(PhraseReader& reader) {
  ObjectMotion object;
  const auto noun = reader.accept_longest(kNouns);
  if (!noun) return std::nullopt;
  reader.accept(kRelative);
  const auto verb = reader.accept_longest(flatten(kVerbs));
  if (!verb) return std::nullopt;
  const auto direction = reader.accept_longest(flatten(kDirections));
  if (!direction) return std::nullopt;
  object.class_id = static_cast<int64_t>(*noun);
  object.speed = static_cast<Speed>(*verb / kVerbs.front().size());
  object.direction = static_cast<int64_t>(*direction / kDirections.front().size());
  while (reader.accept("and bounces off the")) {
    const auto edge = reader.accept_longest(kEdges);
    if (!edge || !reader.accept("edge")) return std::nullopt;
    object.bounces.push_back(static_cast<Edge>(*edge));
  }
  return object;
}

}  // namespace

const std::array<std::string_view, kNumClasses>& class_names() { return kClassNames; }
const std::array<std::string_view, kNumDirections>& direction_names() { return kDirectionNames; }

std::array<double, 2> direction_vector(int64_t direction) {
  const double diagonal = std::sqrt(0.5);
  const std::array<std::array<double, 2>, kNumDirections> vectors = {{{1, 0},
                                                                      {diagonal, -diagonal},
                                                                      {0, -1},
                                                                      {-diagonal, -diagonal},
                                                                      {-1, 0},
                                                                      {-diagonal, diagonal},
                                                                      {0, 1},
                                                                      {diagonal, diagonal}}};
  return vectors.at(static_cast<size_t>(direction));
}

std::string describe_motion(const std::vector<ObjectMotion>& objects, uint64_t variation) {
  LT_CHECK(objects.size() == 1 || objects.size() == 2, Error, "[describe_motion] expected 1 or 2 objects, got {}",
           objects.size());
  for (const auto& object : objects) {
    LT_CHECK(object.class_id >= 0 && object.class_id < kNumClasses && object.direction >= 0 &&
                 object.direction < kNumDirections,
             Error, "[describe_motion] expected a class in [0,{}) and a direction in [0,{}), got {} and {}", kNumClasses,
             kNumDirections, object.class_id, object.direction);
  }
  std::string text;
  const uint64_t choice = mix_seed(variation, 0);
  if (objects.size() == 1) {
    const std::string opening(kSingleOpenings[choice % kSingleOpenings.size()]);
    const bool relative = opening == kSingleOpenings.back();
    text = (opening.empty() ? "" : opening + " ") + clause(objects[0], relative, mix_seed(variation, 1));
  } else {
    const std::string first = clause(objects[0], false, mix_seed(variation, 1));
    const std::string second = clause(objects[1], false, mix_seed(variation, 2));
    const size_t form = choice % (kConnectors.size() + 1);
    text = form == kConnectors.size() ? std::string(kWhile) + " " + first + ", " + second
                                      : first + std::string(kConnectors[form]) + " " + second;
  }
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + ".";
}

std::optional<std::vector<ObjectMotion>> parse_prompt(std::string_view text) {
  PhraseReader reader(split_words(text));
  const bool while_first = reader.accept(kWhile);
  if (!while_first) reader.accept_longest(kSingleOpenings);
  std::vector<ObjectMotion> objects;
  const auto first = parse_object(reader);
  if (!first) return std::nullopt;
  objects.push_back(*first);
  if (!reader.at_end()) {
    if (!while_first && !reader.accept_longest(kConnectors)) return std::nullopt;
    const auto second = parse_object(reader);
    if (!second || !reader.at_end()) return std::nullopt;
    objects.push_back(*second);
  } else if (while_first) {
    return std::nullopt;
  }
  return objects;
}

}  // namespace lintorch::judge
