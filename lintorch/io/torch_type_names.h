#pragma once

#include <c10/core/ScalarType.h>

#include <string_view>
#include <utility>

// What torch.save calls number formats, by module and name in Python, and where it keeps what is no tensor.
namespace lintorch::io::detail {

/// Folder in the zip file for what a program adds to the tensors.
inline constexpr std::string_view kMetadataFolder = "extra/";

/// Storage classes.
inline constexpr std::pair<std::string_view, at::ScalarType> kStorageTypes[] = {
    {"torch.FloatStorage", at::kFloat},         {"torch.HalfStorage", at::kHalf},
    {"torch.BFloat16Storage", at::kBFloat16},   {"torch.DoubleStorage", at::kDouble},
    {"torch.LongStorage", at::kLong},           {"torch.IntStorage", at::kInt},
    {"torch.ShortStorage", at::kShort},         {"torch.CharStorage", at::kChar},
    {"torch.ByteStorage", at::kByte},           {"torch.BoolStorage", at::kBool},
    {"torch.storage.UntypedStorage", at::kByte}};

/// Dtypes of untyped storages.
inline constexpr std::pair<std::string_view, at::ScalarType> kDtypes[] = {{"torch.float32", at::kFloat},
                                                                          {"torch.float16", at::kHalf},
                                                                          {"torch.bfloat16", at::kBFloat16},
                                                                          {"torch.float64", at::kDouble},
                                                                          {"torch.int64", at::kLong},
                                                                          {"torch.int32", at::kInt},
                                                                          {"torch.int16", at::kShort},
                                                                          {"torch.int8", at::kChar},
                                                                          {"torch.uint8", at::kByte},
                                                                          {"torch.uint16", at::kUInt16},
                                                                          {"torch.uint32", at::kUInt32},
                                                                          {"torch.uint64", at::kUInt64},
                                                                          {"torch.bool", at::kBool},
                                                                          {"torch.float8_e4m3fn", at::kFloat8_e4m3fn},
                                                                          {"torch.float8_e5m2", at::kFloat8_e5m2}};

}  // namespace lintorch::io::detail
