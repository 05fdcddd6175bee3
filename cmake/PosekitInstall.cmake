# Install rules: libraries, headers, the program, its models, and the package config. The prefix can be moved.

include(CMakePackageConfigHelpers)

# RUNPATH is not transitive and installing strips it, so each library says itself where Torch is.
set(POSEKIT_INSTALL_RPATH "$ORIGIN;${PosekitTorch_LIBRARY_DIR}" CACHE STRING "RUNPATH of the installed libraries")
mark_as_advanced(POSEKIT_INSTALL_RPATH)

set(posekit_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/posekit)

# posekit_pkg_config(NAME name DESCRIPTION what LIBS what to link): an installed file for pkg-config.
function(posekit_pkg_config)
  cmake_parse_arguments(pc "" "NAME;DESCRIPTION;LIBS" "" ${ARGN})
  file(RELATIVE_PATH posekit_prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/posekit.pc.in ${PROJECT_BINARY_DIR}/${pc_NAME}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${pc_NAME}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
# Of the core library; a static one needs LibTorch, which has no pkg-config file of its own.
set(posekit_link -lposekit)
set(posekit_io_link -lposekit_io)
set(posekit_c_link -lposekit_c)
if(NOT BUILD_SHARED_LIBS)
  string(APPEND posekit_link " -L${PosekitTorch_LIBRARY_DIR} -Wl,-rpath,${PosekitTorch_LIBRARY_DIR} -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10")
  if(POSEKIT_CUDA)
    string(APPEND posekit_link " -lc10_cuda")
  endif()
  string(APPEND posekit_link " -lstdc++ -lm -pthread")
  string(APPEND posekit_io_link " -lopencv_videoio -lopencv_core -ljpeg -lpng -lwebp -lopenjp2")
  if(POSEKIT_TIFF)
    string(APPEND posekit_io_link " -ltiff")
  endif()
  string(APPEND posekit_c_link " ${posekit_link}")
endif()

set_target_properties(posekit PROPERTIES INSTALL_RPATH "${POSEKIT_INSTALL_RPATH}")
install(TARGETS posekit EXPORT posekitTargets)
posekit_pkg_config(NAME posekit DESCRIPTION "core library" LIBS "${posekit_link}")
if(TARGET posekit_torch_library)
  set_target_properties(posekit_torch_library PROPERTIES INSTALL_RPATH "${POSEKIT_INSTALL_RPATH}")
  install(TARGETS posekit_torch_library LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(EXPORT posekitTargets NAMESPACE posekit:: DESTINATION ${posekit_cmake_dir})
set(not_installed PATTERN image_io.h EXCLUDE PATTERN draw.h EXCLUDE PATTERN video.h EXCLUDE PATTERN listing.h EXCLUDE)
if(POSEKIT_IO)
  set(not_installed "")
  set_target_properties(posekit_io PROPERTIES INSTALL_RPATH "${POSEKIT_INSTALL_RPATH}")
  install(TARGETS posekit_io EXPORT posekitIoTargets)
  posekit_pkg_config(NAME posekit_io DESCRIPTION "images, videos, drawing" LIBS "${posekit_io_link} ${posekit_link}")
  if(TARGET posekit_video_library)
    set_target_properties(posekit_video_library PROPERTIES INSTALL_RPATH "$ORIGIN")
    install(TARGETS posekit_video_library LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
  install(EXPORT posekitIoTargets NAMESPACE posekit:: DESTINATION ${posekit_cmake_dir})
endif()
if(POSEKIT_C)
  set_target_properties(posekit_c PROPERTIES INSTALL_RPATH "${POSEKIT_INSTALL_RPATH}")
  install(TARGETS posekit_c EXPORT posekitCTargets)
  install(EXPORT posekitCTargets NAMESPACE posekit:: DESTINATION ${posekit_cmake_dir})
  install(FILES ${PROJECT_SOURCE_DIR}/capi/include/posekit_c.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  posekit_pkg_config(NAME posekit_c DESCRIPTION "C interface" LIBS "${posekit_c_link}")
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/posekit DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h ${not_installed})

if(POSEKIT_CLI)
  # A static build's program has Torch as a neighbour of its own.
  set_target_properties(posekit_cli PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR};${POSEKIT_INSTALL_RPATH}")
  install(TARGETS posekit_cli)
  set(models ${PROJECT_SOURCE_DIR}/examples/models)
  install(FILES ${models}/person_detector.pt ${models}/pose_landmark_full.pt ${models}/pose_landmark_lite.pt ${models}/PROVENANCE.md
                ${models}/LICENSE.ssdlite
          DESTINATION ${CMAKE_INSTALL_DATADIR}/posekit/models)
endif()

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/posekitConfig.cmake.in ${PROJECT_BINARY_DIR}/posekitConfig.cmake
                              INSTALL_DESTINATION ${posekit_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/posekitConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/posekitConfig.cmake ${PROJECT_BINARY_DIR}/posekitConfigVersion.cmake DESTINATION ${posekit_cmake_dir})
if(NOT BUILD_SHARED_LIBS)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/FindPosekitCodecs.cmake ${PROJECT_SOURCE_DIR}/cmake/FindPosekitOpenCV.cmake
                ${PROJECT_SOURCE_DIR}/cmake/FindPosekitTorch.cmake
          DESTINATION ${posekit_cmake_dir})
endif()
