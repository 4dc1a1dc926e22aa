/** The CMake file that builds a C library and its example. */

import type { Library } from "./library.ts";

export function listsText({ prefix, lanes }: Library): string {
  const native =
    lanes === 1
      ? ""
      : `
option(KILN_NATIVE "Use everything that this machine's processor has" ON)
if(KILN_NATIVE)
  target_compile_options(${prefix} PRIVATE -march=native)
endif()
`;
  return `cmake_minimum_required(VERSION 3.10)
project(${prefix} C)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(${prefix} STATIC ${prefix}.c)
target_include_directories(${prefix} PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})
set_target_properties(${prefix} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
if(NOT MSVC)
  target_compile_options(${prefix} PRIVATE -O2 -ffp-contract=off -fno-math-errno -fno-trapping-math -fwrapv)
  target_link_libraries(${prefix} PUBLIC m)
endif()
${native}
add_executable(${prefix}_example main.c)
set_target_properties(${prefix}_example PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON)
target_link_libraries(${prefix}_example PRIVATE ${prefix})
`;
}
