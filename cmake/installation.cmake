# Install tree: lib/liblintorch.so (and liblintorch_cuda.so), include/lintorch/**.h, bin/lintorch-*, and the CMake
# package lintorch with the target lintorch::lintorch. LibTorch itself is not copied: the installed files find the one
# used here through their RPATH, and the package looks for it as the build did.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(lintorch_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lintorch)

install(TARGETS lintorch EXPORT lintorchTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
set_target_properties(lintorch PROPERTIES INSTALL_RPATH "$ORIGIN;${LINTORCH_TORCH_ROOT}/lib")
if(TARGET lintorch_cuda)
  install(TARGETS lintorch_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  set_target_properties(lintorch_cuda PROPERTIES INSTALL_RPATH "$ORIGIN;${LINTORCH_TORCH_ROOT}/lib")
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/lintorch/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lintorch
  FILES_MATCHING PATTERN "*.h" PATTERN "ops/cuda" EXCLUDE)

if(LINTORCH_BUILD_APPS)
  file(RELATIVE_PATH bin_to_lib /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
  get_property(app_targets DIRECTORY ${PROJECT_SOURCE_DIR}/apps PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS app_targets)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/${bin_to_lib};${LINTORCH_TORCH_ROOT}/lib")
    endif()
  endforeach()
endif()

install(EXPORT lintorchTargets NAMESPACE lintorch:: DESTINATION ${lintorch_package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lintorchConfig.cmake.in
  ${PROJECT_BINARY_DIR}/lintorchConfig.cmake INSTALL_DESTINATION ${lintorch_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lintorchConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lintorchConfig.cmake ${PROJECT_BINARY_DIR}/lintorchConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/find_torch.cmake DESTINATION ${lintorch_package_dir})
