# lintorch_set_compile_options(target): language level, warnings, sanitizers.
find_program(LINTORCH_CCACHE ccache)
if(LINTORCH_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${LINTORCH_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${LINTORCH_CCACHE})
endif()
find_program(LINTORCH_MOLD mold)

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

function(lintorch_set_compile_options target)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  # CMake 3.25 does not know that nvcc 13 speaks C++20.
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers>)
  if(LINTORCH_WERROR)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
  endif()
  if(LINTORCH_SANITIZE)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${LINTORCH_SANITIZE} -fno-omit-frame-pointer -g1>)
    target_link_options(${target} PRIVATE -fsanitize=${LINTORCH_SANITIZE})
  endif()
  if(LINTORCH_MOLD)
    target_link_options(${target} PRIVATE -fuse-ld=mold)
  endif()
endfunction()

# lintorch_use_torch_pch(target): share one precompiled LibTorch header, the tax of every torch::nn file.
function(lintorch_use_torch_pch target)
  if(LINTORCH_PCH)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
    if(TARGET lintorch_pch AND NOT target STREQUAL "lintorch_pch")
      target_precompile_headers(${target} REUSE_FROM lintorch_pch)
    else()
      target_precompile_headers(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:<torch/torch.h$<ANGLE-R>>"
        "$<$<COMPILE_LANGUAGE:CXX>:<nlohmann/json.hpp$<ANGLE-R>>")
    endif()
  endif()
endfunction()
