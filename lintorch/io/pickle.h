#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lintorch::io::detail {

struct PickleValue;

struct PickleNone {};
/// A name that the pickle imports, "module.attribute". Never looked up, only compared.
struct PickleGlobal {
  std::string name;
};
struct PickleTuple {
  std::vector<const PickleValue*> items;
};
struct PickleList {
  std::vector<const PickleValue*> items;
};
/// dict or collections.OrderedDict, in order of insertion.
struct PickleDict {
  std::vector<std::pair<const PickleValue*, const PickleValue*>> items;
};
/// A persistent id: how torch.save refers to a storage.
struct PicklePersistent {
  const PickleValue* id;
};
/// The call of an imported name, not carried out.
struct PickleCall {
  std::string function;
  std::vector<const PickleValue*> arguments;
};

/// What a pickle describes. Values refer to each other inside one Pickle.
struct PickleValue {
  std::variant<PickleNone, bool, int64_t, double, std::string, PickleGlobal, PickleTuple, PickleList, PickleDict,
               PicklePersistent, PickleCall>
      data;
};

/// A pickle read as data. Nothing it names is imported or run: calls become PickleCall values, and only those that a
/// dict of tensors needs are accepted (kPickleGlobals in pickle.cpp).
///
/// Protocols 2 to 5, the instructions that Python's pickler and LibTorch's write for dicts, lists, tuples, numbers,
/// strings and tensors. Source: Lib/pickletools.py of CPython; torch/serialization.py.
class Pickle {
 public:
  /// Throws CheckpointError that starts with "[read_torch_archive] file" for any other global (naming it), any other
  /// instruction, and damaged data.
  Pickle(std::string_view bytes, const std::string& file);

  const PickleValue& root() const { return *root_; }

 private:
  friend class PickleMachine;
  std::deque<PickleValue> values_;
  const PickleValue* root_ = nullptr;
};

}  // namespace lintorch::io::detail
