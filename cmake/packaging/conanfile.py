"""posekit for Conan 2. conan create cmake/packaging -o '&:torch=FOLDER_OF_LIBTORCH'; README.md says how far it was tried."""

import os
import re
from pathlib import Path

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy

ROOT = Path(__file__).resolve().parents[2]
EXPORTED = ("CMakeLists.txt", "LICENSE", "NOTICE", "cmake/*", "include/*", "lib/*", "capi/*", "examples/*")


class Posekit(ConanFile):
    name = "posekit"
    description = "Top-down human pose estimation over LibTorch"
    license = "Apache-2.0"
    package_type = "shared-library"
    settings = "os", "arch", "compiler", "build_type"
    # torch: the folder of a LibTorch, which Conan's index does not have; it holds share/cmake/Torch. io: images, videos and the program.
    options = {"torch": ["ANY"], "io": [True, False]}
    default_options = {"torch": "", "io": True}

    def set_version(self):
        self.version = re.search(r"project\(posekit VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]

    def export_sources(self):
        for pattern in EXPORTED:
            copy(self, pattern, ROOT, self.export_sources_folder)

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("posekit runs on Linux")
        if not (Path(str(self.options.torch)) / "share/cmake/Torch/TorchConfig.cmake").is_file():
            raise ConanInvalidConfiguration(f"the option torch is {str(self.options.torch)!r}, the folder of a LibTorch is expected")

    def requirements(self):
        self.requires("fmt/[>=9]")
        self.requires("nlohmann_json/[>=3.11]")
        if self.options.io:
            for package in ("cli11/[>=2.3]", "libjpeg-turbo/[>=2.1]", "libpng/[>=1.6]", "libwebp/[>=1.2]", "libtiff/[>=4.5]", "openjpeg/[>=2.5]",
                            "opencv/[>=4.5]"):
                self.requires(package)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables.update(
            {"BUILD_SHARED_LIBS": "ON", "POSEKIT_TESTS": "OFF", "POSEKIT_IO": "ON" if self.options.io else "OFF", "Torch_ROOT": str(self.options.torch)}
        )
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # The installed CMake package is the one that users find: posekit::posekit, posekit::io, posekit::c.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs.append(os.path.join("lib", "cmake", "posekit"))
