#include "lintorch/io/pickle.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "lintorch/core/error.h"
#include "lintorch/io/torch_type_names.h"

namespace lintorch::io::detail {

namespace {

// With the names of number formats, which are checked where they are used, everything a pickle may import.
constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kCallable[] = {kOrderedDict, "torch._utils._rebuild_tensor_v2",
                                          "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_parameter"};
bool is_callable(std::string_view name) {
  return std::find(std::begin(kCallable), std::end(kCallable), name) != std::end(kCallable);
}

bool is_type_name(std::string_view name) {
  const auto called = [&](const auto& entry) { return entry.first == name; };
  return std::any_of(std::begin(kStorageTypes), std::end(kStorageTypes), called) ||
         std::any_of(std::begin(kDtypes), std::end(kDtypes), called);
}

// Instructions, by the letters and names of Python's pickletools.
enum Opcode : uint8_t {
  kProto = 0x80,
  kFrame = 0x95,
  kStop = '.',
  kMark = '(',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinString = 'T',
  kShortBinString = 'U',
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kBinGet = 'h',
  kLongBinGet = 'j',
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kBinPersId = 'Q',
  kReduce = 'R',
  kBuild = 'b',
};

}  // namespace

/// The stack machine that a pickle is a program for.
class PickleMachine {
 public:
  PickleMachine(Pickle& pickle, std::string_view bytes, const std::string& file)
      : values_(pickle.values_), bytes_(bytes), file_(file) {}

  const PickleValue* run() {
    check(byte() == kProto, "does not start like one");
    const uint8_t protocol = byte();
    LT_CHECK(protocol >= 2 && protocol <= 5, CheckpointError,
             "[read_torch_archive] {}: expected pickle protocol 2 to 5, got {}", file_, protocol);
    while (true) {
      const uint8_t opcode = byte();
      if (opcode == kStop) {
        check(stack_.size() == 1 && marks_.empty(), "does not end with one value");
        return stack_.back();
      }
      step(opcode);
    }
  }

 private:
  void check(bool condition, const char* problem) const {
    LT_CHECK(condition, CheckpointError, "[read_torch_archive] {}: its data.pkl is no intact pickle: it {}", file_,
             problem);
  }

  std::string_view take(uint64_t size) {
    check(size <= bytes_.size() - at_, "is cut off");
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  uint8_t byte() { return static_cast<uint8_t>(take(1)[0]); }
  uint64_t number(int size) {
    const std::string_view bytes = take(size);
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; --i) value = (value << 8) | static_cast<uint8_t>(bytes[i]);
    return value;
  }
  std::string line() {
    const size_t end = bytes_.find('\n', at_);
    check(end != std::string_view::npos, "is cut off");
    const std::string text(take(end - at_));
    take(1);
    return text;
  }

  template <class T>
  void push(T value) {
    values_.push_back({std::move(value)});
    stack_.push_back(&values_.back());
  }

  // Values below the innermost mark are off limits until it is taken away.
  PickleValue* pop() {
    check(stack_.size() > (marks_.empty() ? 0 : marks_.back()), "takes more values than it has");
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue* top() {
    PickleValue* value = pop();
    stack_.push_back(value);
    return value;
  }
  std::vector<const PickleValue*> pop_to_mark() {
    check(!marks_.empty(), "has no mark where one is needed");
    std::vector<const PickleValue*> items(stack_.begin() + static_cast<ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  std::vector<const PickleValue*> pop_several(int count) {
    std::vector<const PickleValue*> items(count);
    for (int i = count - 1; i >= 0; --i) items[i] = pop();
    return items;
  }

  template <class T>
  T& top_as(const char* problem) {
    T* value = std::get_if<T>(&top()->data);
    check(value != nullptr, problem);
    return *value;
  }
  std::string pop_string() {
    const auto* text = std::get_if<std::string>(&pop()->data);
    check(text != nullptr, "imports something without a name");
    return *text;
  }

  void put(uint64_t index) { memo_[index] = top(); }
  void get(uint64_t index) {
    const auto it = memo_.find(index);
    check(it != memo_.end(), "refers to a value that it does not have");
    stack_.push_back(it->second);
  }

  void import(const std::string& module, const std::string& attribute) {
    const std::string name = module + "." + attribute;
    LT_CHECK(is_callable(name) || is_type_name(name), CheckpointError,
             "[read_torch_archive] {}: refused to import '{}': only tensors in dicts are read, nothing is ever run",
             file_, name);
    push(PickleGlobal{name});
  }

  void set_items(std::vector<const PickleValue*> items) {
    auto& dict = top_as<PickleDict>("sets items of something that is no dict");
    check(items.size() % 2 == 0, "has a key without a value");
    for (size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
  }

  void append(const std::vector<const PickleValue*>& items) {
    auto& list = top_as<PickleList>("appends to something that is no list");
    list.items.insert(list.items.end(), items.begin(), items.end());
  }

  void reduce() {
    const auto* arguments = std::get_if<PickleTuple>(&pop()->data);
    const auto* function = std::get_if<PickleGlobal>(&pop()->data);
    check(arguments && function, "calls something that is no function");
    LT_CHECK(is_callable(function->name), CheckpointError, "[read_torch_archive] {}: refused to call '{}'", file_,
             function->name);
    if (function->name != kOrderedDict) return push(PickleCall{function->name, arguments->items});
    check(arguments->items.empty(), "makes an OrderedDict of something else than nothing");
    push(PickleDict{});
  }

  // Sets attributes. A state dict has one, _metadata, with version numbers of modules: not needed.
  void build() {
    pop();
    top_as<PickleDict>("sets attributes of something that is no dict");
  }

  void push_long() {
    const uint8_t size = byte();
    check(size <= 8, "holds an integer of more than 64 bits");
    uint64_t value = number(size);
    if (size > 0 && size < 8 && (value >> (8 * size - 1)) != 0) value |= ~uint64_t{0} << (8 * size);
    push(static_cast<int64_t>(value));
  }

  void push_float() {
    const std::string_view bytes = take(8);  // big-endian
    uint64_t bits = 0;
    for (const char c : bytes) bits = (bits << 8) | static_cast<uint8_t>(c);
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    push(value);
  }

  void step(uint8_t opcode) {
    switch (opcode) {
      case kProto:
        return (void)take(1);
      case kFrame:
        return (void)take(8);
      case kMark:
        return marks_.push_back(stack_.size());
      case kNone:
        return push(PickleNone{});
      case kNewTrue:
        return push(true);
      case kNewFalse:
        return push(false);
      case kBinInt:
        return push(int64_t{static_cast<int32_t>(number(4))});
      case kBinInt1:
        return push(static_cast<int64_t>(number(1)));
      case kBinInt2:
        return push(static_cast<int64_t>(number(2)));
      case kLong1:
        return push_long();
      case kBinFloat:
        return push_float();
      case kShortBinString:
      case kShortBinUnicode:
        return push(std::string(take(number(1))));
      case kBinString:
      case kBinUnicode:
        return push(std::string(take(number(4))));
      case kBinUnicode8:
        return push(std::string(take(number(8))));
      case kEmptyTuple:
        return push(PickleTuple{});
      case kTuple:
        return push(PickleTuple{pop_to_mark()});
      case kTuple1:
        return push(PickleTuple{pop_several(1)});
      case kTuple2:
        return push(PickleTuple{pop_several(2)});
      case kTuple3:
        return push(PickleTuple{pop_several(3)});
      case kEmptyList:
        return push(PickleList{});
      case kAppend:
        return append(pop_several(1));
      case kAppends:
        return append(pop_to_mark());
      case kEmptyDict:
        return push(PickleDict{});
      case kSetItem:
        return set_items(pop_several(2));
      case kSetItems:
        return set_items(pop_to_mark());
      case kBinPut:
        return put(number(1));
      case kLongBinPut:
        return put(number(4));
      case kMemoize:
        return put(memo_.size());
      case kBinGet:
        return get(number(1));
      case kLongBinGet:
        return get(number(4));
      case kGlobal: {
        const std::string module = line();
        return import(module, line());
      }
      case kStackGlobal: {
        const std::string attribute = pop_string();
        return import(pop_string(), attribute);
      }
      case kBinPersId:
        return push(PicklePersistent{pop()});
      case kReduce:
        return reduce();
      case kBuild:
        return build();
      default:
        throw CheckpointError(fmt::format("[read_torch_archive] {}: refused the pickle instruction 0x{:02x} at byte {}",
                                          file_, opcode, at_ - 1));
    }
  }

  std::deque<PickleValue>& values_;
  std::string_view bytes_;
  const std::string& file_;
  uint64_t at_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
};

Pickle::Pickle(std::string_view bytes, const std::string& file) { root_ = PickleMachine(*this, bytes, file).run(); }

}  // namespace lintorch::io::detail
