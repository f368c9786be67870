# Finds the LibTorch inside a PyTorch wheel and defines lintorch_torch (CPU part) and lintorch_torch_cuda.
#
# The wheel's own TorchConfig.cmake insists on a CUDA toolkit and sets global flags even where only the CPU part is
# used, so the imported targets are made here. Looked for, in this order: Torch_DIR and CMAKE_PREFIX_PATH (variables,
# then environment), LINTORCH_TORCH_HINTS (set by an installed lintorchConfig.cmake), the project's .deps folder
# (scripts/setup.sh), an importable Python torch. Any version but LINTORCH_TORCH_VERSION is refused.
set(LINTORCH_TORCH_VERSION 2.11.0)

set(candidates)
foreach(dir IN ITEMS "${Torch_DIR}" "$ENV{Torch_DIR}")
  if(dir)
    cmake_path(SET torch_from_dir NORMALIZE "${dir}/../../..")
    list(APPEND candidates "${torch_from_dir}")
  endif()
endforeach()
string(REPLACE ":" ";" prefixes_from_environment "$ENV{CMAKE_PREFIX_PATH}")
foreach(prefix IN LISTS CMAKE_PREFIX_PATH prefixes_from_environment)
  cmake_path(SET torch_from_prefix NORMALIZE "${prefix}/../..")
  list(APPEND candidates "${prefix}" "${torch_from_prefix}")
endforeach()
file(GLOB deps_torch "${CMAKE_CURRENT_LIST_DIR}/../.deps/*/lib/python3*/site-packages/torch")
list(APPEND candidates ${LINTORCH_TORCH_HINTS} ${deps_torch})

set(LINTORCH_TORCH_ROOT "")
foreach(candidate IN LISTS candidates)
  if(EXISTS "${candidate}/include/torch/csrc/api/include/torch/torch.h")
    cmake_path(SET LINTORCH_TORCH_ROOT NORMALIZE "${candidate}")
    break()
  endif()
endforeach()
if(NOT LINTORCH_TORCH_ROOT)
  find_program(LINTORCH_PYTHON NAMES python3)
  if(LINTORCH_PYTHON)
    execute_process(
      COMMAND ${LINTORCH_PYTHON} -c
        "import importlib.util,os; s=importlib.util.find_spec('torch'); print(os.path.dirname(s.origin) if s else '')"
      OUTPUT_VARIABLE LINTORCH_TORCH_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
if(NOT LINTORCH_TORCH_ROOT)
  message(FATAL_ERROR "LibTorch ${LINTORCH_TORCH_VERSION} not found. Run scripts/setup.sh, or pass "
    "-DCMAKE_PREFIX_PATH=$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)')")
endif()

file(STRINGS "${LINTORCH_TORCH_ROOT}/version.py" version_line REGEX "^__version__")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" LINTORCH_TORCH_FOUND_VERSION "${version_line}")
if(NOT LINTORCH_TORCH_FOUND_VERSION VERSION_EQUAL LINTORCH_TORCH_VERSION)
  message(FATAL_ERROR "LibTorch in ${LINTORCH_TORCH_ROOT} is version '${LINTORCH_TORCH_FOUND_VERSION}', "
    "lintorch needs ${LINTORCH_TORCH_VERSION}. Run scripts/setup.sh to install it beside the project.")
endif()

# The wheel's libraries find their CUDA companions through their own RUNPATH; the linker needs to be told.
cmake_path(GET LINTORCH_TORCH_ROOT PARENT_PATH site_packages)
set(torch_lib "${LINTORCH_TORCH_ROOT}/lib")
set(torch_rpath_link "${site_packages}/nvidia/cu13/lib")

add_library(lintorch_torch INTERFACE)
# -idirafter: the wheel carries its own copy of fmt, which must not win over the system's.
target_compile_options(lintorch_torch INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${LINTORCH_TORCH_ROOT}/include>"
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${LINTORCH_TORCH_ROOT}/include/torch/csrc/api/include>")
target_link_libraries(lintorch_torch INTERFACE "${torch_lib}/libtorch_cpu.so" "${torch_lib}/libc10.so")
target_link_options(lintorch_torch INTERFACE
  LINKER:-rpath-link,${torch_lib}:${torch_rpath_link},--allow-shlib-undefined)

add_library(lintorch_torch_cuda INTERFACE)
target_link_libraries(lintorch_torch_cuda INTERFACE
  lintorch_torch "${torch_lib}/libtorch_cuda.so" "${torch_lib}/libc10_cuda.so")
target_link_options(lintorch_torch_cuda INTERFACE LINKER:--no-as-needed,--allow-shlib-undefined)
